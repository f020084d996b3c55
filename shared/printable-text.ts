/**
 * Makes text from other sources safe to print. Messages of containers, registries, webhooks, Events and manifests
 * appear in statuses, Events and logs, where a terminal would obey their control sequences. All scripts and emoji
 * stay, with their joiners. Removed or escaped are invisible characters: control characters, escape sequences and
 * bidirectional controls.
 *
 * - `printable` removes them: for messages.
 * - `escaped` writes them as `\u202e`, as quoted values of Go and Kubernetes do: for values quoted from an object, in
 *   JSON and in YAML.
 */

/**
 * Control sequences (CSI), control strings (DCS, SOS, OSC, PM, APC) up to their end, other escape sequences, and
 * remaining control characters (ECMA-48). A control string contains no control characters. The last range holds the
 * bidirectional controls (UAX 9: embeddings, overrides, isolates and the deprecated ones).
 */
const INVISIBLE =
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B[\]PX^_]|[\u0090\u0098\u009D-\u009F])[^\u0000-\u001F\u007F-\u009F]*(?:\u0007|\u001B\\|\u009C)|\u001B[ -/]*[0-~]|[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u206F]/g;

/** Line ends of other systems and of Unicode. */
const LINE_ENDS = /\r\n?|[\u0085\u2028\u2029]/g;

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNPRINTABLE = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u206F]/g;

const hasUnprintable = (text: string): boolean => text.search(UNPRINTABLE) !== -1;

const isPrintable = (text: string): boolean => !hasUnprintable(text) && text.isWellFormed();

/** The text without unprintable characters, with `\n` as line end; an unpaired surrogate becomes U+FFFD. Idempotent. */
export function printable(text: string): string {
  return isPrintable(text) ? text : text.replaceAll(LINE_ENDS, '\n').replaceAll(INVISIBLE, '').toWellFormed();
}

/** The same on one line. */
export const printableLine = (text: string): string => printable(text).replaceAll(/[\n\t]+/g, ' ');

/**
 * The text with each unprintable character written like `\u202e`. A JSON string stays valid and keeps its value.
 * Idempotent.
 */
export const escaped = (text: string): string => text.replaceAll(UNPRINTABLE, toEscape);

const toEscape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** For unquoted text on one line, such as a key in a path: also escapes line ends and tabs. */
export const escapedLine = (text: string): string =>
  isPrintable(text) && !/[\t\n]/.test(text) ? text : escaped(JSON.stringify(text).slice(1, -1));

/** A value with `printable` applied to every string in it; the same object if nothing changes. */
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
