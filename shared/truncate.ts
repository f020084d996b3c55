/**
 * Messages of others, made plain and cut to what a status and an Event can bear. Both are idempotent: a status comes to rest. Whatever
 * fits a text (`fit…`) makes it plain as well.
 */
import { printable } from './printable-text.ts';

const GAP = '…';
const GAP_BYTES = 3;

/** The longest message of a step, in bytes of UTF-8. */
const MAX_STEP_MESSAGE_BYTES = 1024;

/** A step's message, cut to 1 KiB between two characters. */
export function truncateStepMessage(message: string): string {
  const text = printable(message);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_STEP_MESSAGE_BYTES) return text;
  return `${decode(bytes.subarray(0, MAX_STEP_MESSAGE_BYTES - GAP_BYTES))}${GAP}`;
}

/** Of the room that last words have, the part that the beginning gets: the rest is for the end. */
const HEAD = 1 / 4;

/**
 * What a program said at last, by default cut to 1 KiB of UTF-8 between two characters: its beginning, `…` and, longer,
 * its end. The end of a log tells most often why a program stopped; a panic's first line does so at times.
 */
export function truncateMiddle(message: string, maxBytes: number = MAX_STEP_MESSAGE_BYTES): string {
  const text = printable(message);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  const headBytes = Math.floor(maxBytes * HEAD);
  const tailBytes = maxBytes - headBytes - GAP_BYTES;
  return `${decode(bytes.subarray(0, headBytes))}${GAP}${decode(bytes.subarray(bytes.length - tailBytes))}`;
}

/** kube-apiserver's limit for an Event's `message` (pkg/apis/core/validation/events.go). */
const MAX_EVENT_MESSAGE = 1024;

/** An Event's message, in UTF-16 code units. */
export function truncateEventMessage(message: string): string {
  const text = printable(message);
  return text.length > MAX_EVENT_MESSAGE ? `${text.slice(0, MAX_EVENT_MESSAGE - 1).toWellFormed()}…` : text;
}

/** Half a character, at the start or at the end, decodes to U+FFFD and goes. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replaceAll(/^\uFFFD+|(?<!\uFFFD)\uFFFD+$/g, '');
}
