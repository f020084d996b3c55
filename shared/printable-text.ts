/**
 * The one place that makes text of others plain: what a container, a registry, a webhook, an Event or a manifest says is read in
 * statuses, Events and logs, by people whose terminals obey it otherwise. Every script and emoji stays, with its joiners; what goes
 * is what no reader sees: control characters, the sequences that they begin, and what turns text around.
 *
 * - `plain` takes it out: for messages.
 * - `escaped` writes it as `\u202e`, as Go's and Kubernetes' quoted values do: for what is quoted from an object, in JSON and in YAML.
 */

/**
 * ECMA-48: what a control sequence (CSI) is, what a control string (DCS, SOS, OSC, PM, APC) up to its end, any other escape sequence,
 * and what is left of them. Control strings have no control characters in them, or they are none. Then the controls of direction
 * (UAX 9: embeddings, overrides, isolates, and the deprecated ones behind them).
 */
const UNSEEN =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B[\]PX^_]|[\u0090\u0098\u009D-\u009F])[^\u0000-\u001F\u007F-\u009F]*(?:\u0007|\u001B\\|\u009C)|\u001B[ -/]*[0-~]|[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u206F]/g;

/** Line ends of other systems, and of Unicode. */
const LINE_ENDS = /\r\n?|[\u0085\u2028\u2029]/g;

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const ANY = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F]/g;

const hasAny = (text: string): boolean => text.search(ANY) !== -1;

const isPlain = (text: string): boolean => !hasAny(text) && text.isWellFormed();

/** The text without what a terminal or a reader's eye would obey, its line ends as `\n`; half of a surrogate pair becomes U+FFFD. Idempotent. */
export function printable(text: string): string {
  return isPlain(text) ? text : text.replaceAll(LINE_ENDS, '\n').replaceAll(UNSEEN, '').toWellFormed();
}

/** The same in one line. */
export const printableLine = (text: string): string => printable(text).replaceAll(/[\n\t]+/g, ' ');

/** The text with each such character written as `\u202e` is; the text of a JSON string stays one, and means the same. Idempotent. */
export const escaped = (text: string): string => text.replaceAll(ANY, toEscape);

const toEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A key in a path, or anything else that stands unquoted in one line: line ends and tabs are written so, too. */
export const escapedLine = (text: string): string =>
  isPlain(text) && !/[\t\n]/.test(text) ? text : escaped(JSON.stringify(text).slice(1, -1));

/** A value with every text in it plain: the very same object where they are. */
export function printableTexts<T>(value: T): T {
  if (typeof value === 'string') return printable(value) as T & string;
  if (typeof value !== 'object' || value === null) return value;
  let changed: Record<string, unknown> | unknown[] | undefined;
  for (const key in value) {
    const before: unknown = value[key];
    const after = printableTexts(before);
    if (after === before) continue;
    changed ??= (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>;
    (changed as Record<string, unknown>)[key] = after;
  }
  return (changed ?? value) as T;
}
