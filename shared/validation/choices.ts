/** Checks that many fields share: a text that is required, a name, one of a few values, a number in a range. */
import { invalid, notSupported, required, type Faults, type Path } from './field.ts';
import { integer, text } from './untrusted.ts';

/** Gives the text, or reports that it is missing. */
export function requireText(value: unknown, at: Path, faults: Faults): string | undefined {
  const given = text(value);
  if (given === undefined) {
    faults.push(required(at));
  }
  return given;
}

/** Checks a text by a grammar of names.ts, where there is one. */
export function grammarFaults(
  value: unknown,
  problems: (value: string) => readonly string[],
  at: Path,
  faults: Faults,
): void {
  const given = text(value);
  if (given !== undefined) {
    faults.push(...problems(given).map((problem) => invalid(at, given, problem)));
  }
}

/** Checks that a text, where there is one, is one of the values. */
export function choiceFaults(value: unknown, supported: readonly string[], at: Path, faults: Faults): void {
  const given = text(value);
  if (given !== undefined && !supported.includes(given)) {
    faults.push(notSupported(at, given, supported));
  }
}

interface Range {
  readonly min: number;
  readonly max: number;
}

/** Checks that a number, where there is one, is in a range. */
export function rangeFaults(value: unknown, { min, max }: Range, at: Path, faults: Faults): void {
  const given = integer(value);
  if (given !== undefined && (given < min || given > max)) {
    faults.push(invalid(at, given, `must be between ${min} and ${max}, inclusive`));
  }
}
