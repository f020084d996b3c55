/**
 * Cuts texts of others to what a status, an Event and a log can hold. The unit is bytes of UTF-8, as etcd stores them and
 * the API server counts them; a cut never splits a character.
 */
import { printable } from './printable-text.ts';

const ELLIPSIS = '…';
const ELLIPSIS_BYTES = 3;

/**
 * The longest message of a step, and of an Event: kube-apiserver's limit for the note of an Event
 * (pkg/apis/core/validation/events.go).
 */
const MAX_MESSAGE_BYTES = 1024;

/** The message in printable characters, cut behind its beginning. Idempotent, so that a status comes to rest. */
export function truncate(message: string, maxBytes: number = MAX_MESSAGE_BYTES): string {
  const text = printable(message);
  return isShorter(text, maxBytes) ? text : `${headOf(text, maxBytes - ELLIPSIS_BYTES)}${ELLIPSIS}`;
}

/** The part of the bytes that the beginning gets: the rest is for the end. */
const HEAD = 1 / 4;

/**
 * A termination message in printable characters, cut in its middle: the end of a log tells most often why a program
 * stopped, the first line of a panic sometimes. Idempotent.
 */
export function truncateMiddle(message: string, maxBytes: number = MAX_MESSAGE_BYTES): string {
  const text = printable(message);
  if (isShorter(text, maxBytes)) return text;
  const headBytes = Math.floor(maxBytes * HEAD);
  const tail = new TextEncoder().encode(text).subarray(headBytes + ELLIPSIS_BYTES - maxBytes);
  return `${headOf(text, headBytes)}${ELLIPSIS}${decode(tail)}`;
}

/** The beginning of a text, unchanged, of at most so many bytes; its cost does not depend on the length of the text. */
export function headOf(text: string, maxBytes: number): string {
  // Each UTF-16 code unit takes a byte at least.
  return decode(new TextEncoder().encode(text.slice(0, maxBytes)).subarray(0, maxBytes));
}

/** The text or, if it has more than so many bytes, its beginning. */
export const limitBytes = (text: string, maxBytes: number): string =>
  isShorter(text, maxBytes) ? text : headOf(text, maxBytes);

/** Whether the text has no more than so many bytes. */
function isShorter(text: string, maxBytes: number): boolean {
  return text.length <= maxBytes && new TextEncoder().encode(text).length <= maxBytes;
}

/** Half a character, at the start or at the end, decodes to U+FFFD and is left out. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replaceAll(/^\uFFFD+|(?<!\uFFFD)\uFFFD+$/g, '');
}
