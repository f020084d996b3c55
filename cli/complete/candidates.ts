/** What may stand at the end of an unfinished command line. Pure: what only the cluster knows is named, not looked up. */

export interface OptionSpec {
  /** `--namespace`, `-n` */
  readonly flags: readonly string[];
  readonly description: string;
  /** Its value; undefined if it has none. */
  readonly value: ValueKind | readonly string[] | undefined;
  /** The value is given after `=` only, as in `--leader-elect=true`. */
  readonly isValueOptional: boolean;
}

export interface CommandSpec {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** Whether it takes those of the program, too. */
  readonly takesGlobalOptions: boolean;
  /** What its arguments are; the last one may be repeated if `isVariadic`. */
  readonly arguments: readonly (ValueKind | readonly string[])[];
  readonly isVariadic: boolean;
}

export type ValueKind = 'sequence' | 'schedule' | 'step' | 'namespace' | 'context' | 'file' | 'text';

export interface ProgramSpec {
  readonly commands: readonly CommandSpec[];
  /** Those of all commands with a cluster. */
  readonly options: readonly OptionSpec[];
}

export interface Candidate {
  readonly text: string;
  readonly description?: string;
}

export type Candidates =
  | { readonly kind: 'fixed'; readonly candidates: readonly Candidate[] }
  /** Of the cluster, of the kubeconfig, or files. `prefix` stands before each, as in `--step=load`. */
  | {
      readonly kind: ValueKind;
      readonly word: string;
      readonly prefix: string;
      /** The flags that have been given, by their long names. */
      readonly flags: Readonly<Record<string, string>>;
      /** The arguments of the command that have been given. */
      readonly given: readonly string[];
    };

interface Parsed {
  readonly command: CommandSpec | undefined;
  readonly flags: Readonly<Record<string, string>>;
  readonly given: readonly string[];
  /** The option whose value the last word is. */
  readonly pending: OptionSpec | undefined;
  readonly hasEndedOptions: boolean;
}

/** `words`: those behind the program's name; the last one is being written, and may be empty. */
export function candidatesFor(words: readonly string[], program: ProgramSpec): Candidates {
  const word = words.at(-1) ?? '';
  const parsed = parse(words.slice(0, -1), program);
  const { command, pending, flags, given } = parsed;
  const rest = { flags, given };
  if (pending !== undefined) return ofValue(pending.value ?? 'text', { word, prefix: '', ...rest });
  const options = optionsOf(command, program);
  if (!parsed.hasEndedOptions && word.startsWith('-')) {
    const [name = '', ...value] = word.split('=');
    const option = word.includes('=') ? options.find((one) => one.flags.includes(name)) : undefined;
    if (option?.value !== undefined) {
      return ofValue(option.value, { word: value.join('='), prefix: `${name}=`, ...rest });
    }
    const all = options.flatMap((one) => one.flags.map((flag) => ({ text: flag, description: one.description })));
    return fixed(all.filter(({ text }) => text.startsWith(word) && text.startsWith('--')));
  }
  if (command === undefined) {
    return fixed(
      program.commands
        .filter(({ name }) => name.startsWith(word))
        .map(({ name, description }) => ({ text: name, description })),
    );
  }
  const kind = command.arguments[given.length] ?? (command.isVariadic ? command.arguments.at(-1) : undefined);
  return kind === undefined ? fixed([]) : ofValue(kind, { word, prefix: '', ...rest });
}

const fixed = (candidates: readonly Candidate[]): Candidates => ({ kind: 'fixed', candidates });

function ofValue(
  kind: ValueKind | readonly string[],
  rest: Omit<Exclude<Candidates, { readonly kind: 'fixed' }>, 'kind'>,
): Candidates {
  if (typeof kind === 'string') return { kind, ...rest };
  return fixed(kind.filter((text) => text.startsWith(rest.word)).map((text) => ({ text: `${rest.prefix}${text}` })));
}

function parse(words: readonly string[], program: ProgramSpec): Parsed {
  let command: CommandSpec | undefined;
  let pending: OptionSpec | undefined;
  let hasEndedOptions = false;
  const flags: Record<string, string> = {};
  const given: string[] = [];
  for (const word of words) {
    if (pending !== undefined) {
      flags[longName(pending)] = word;
      pending = undefined;
    } else if (word === '--') hasEndedOptions = true;
    else if (!hasEndedOptions && word.startsWith('-') && word !== '-') {
      const [name = '', ...value] = word.split('=');
      const option = optionsOf(command, program).find((one) => one.flags.includes(name));
      if (option === undefined) continue;
      if (option.value === undefined) flags[longName(option)] = 'true';
      else if (word.includes('=')) flags[longName(option)] = value.join('=');
      else if (option.isValueOptional) flags[longName(option)] = 'true';
      else pending = option;
    } else if (command === undefined) command = program.commands.find(({ name }) => name === word);
    else given.push(word);
  }
  return { command, pending, flags, given, hasEndedOptions };
}

const optionsOf = (command: CommandSpec | undefined, program: ProgramSpec): readonly OptionSpec[] => [
  ...(command?.options ?? []),
  ...(command?.takesGlobalOptions === false ? [] : program.options),
];

const longName = ({ flags }: OptionSpec): string => (flags.find((flag) => flag.startsWith('--')) ?? '').slice(2);
