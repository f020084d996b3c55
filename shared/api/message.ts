/** Messages of others, cut to what a status and an Event can bear. Cutting is idempotent: a status comes to rest. */

const GAP = '…';
const GAP_BYTES = 3;

/** The longest message of a step, in bytes of UTF-8. */
const MAX_STEP_MESSAGE_BYTES = 1024;

/** A step's message, cut to 1 KiB between two characters. */
export function fitStepMessage(message: string): string {
  const bytes = new TextEncoder().encode(message);
  if (bytes.length <= MAX_STEP_MESSAGE_BYTES) return message;
  return `${decode(bytes.subarray(0, MAX_STEP_MESSAGE_BYTES - GAP_BYTES))}${GAP}`;
}

/** Of the room that last words have, the part that the beginning gets: the rest is for the end. */
const HEAD = 1 / 4;

/**
 * What a program said at last, by default cut to 1 KiB of UTF-8 between two characters: its beginning, `…` and, longer,
 * its end. The end of a log tells most often why a program stopped; a panic's first line does so at times.
 */
export function fitLastWords(message: string, maxBytes: number = MAX_STEP_MESSAGE_BYTES): string {
  const text = plain(message);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  const headBytes = Math.floor(maxBytes * HEAD);
  const tailBytes = maxBytes - headBytes - GAP_BYTES;
  return `${decode(bytes.subarray(0, headBytes))}${GAP}${decode(bytes.subarray(bytes.length - tailBytes))}`;
}

// oxlint-disable-next-line no-control-regex -- they are what is looked for
const CONTROL = /\u001B\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g;

/** Without colours (ECMA-48 control sequences) and other control characters but tabs and line ends: terminals show it. */
function plain(message: string): string {
  return message.replaceAll(/\r\n?/g, '\n').replaceAll(CONTROL, '');
}

/** Half a character, at the start or at the end, decodes to U+FFFD and goes. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replaceAll(/^\uFFFD+|(?<!\uFFFD)\uFFFD+$/g, '');
}
