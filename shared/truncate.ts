/**
 * Makes messages of other programs printable and truncates them to the limits of a status and of an Event. Each
 * function is idempotent, so that a status stays stable, and also makes texts within the limit printable.
 */
import { printable } from './printable-text.ts';

const ELLIPSIS = '…';
const ELLIPSIS_BYTES = 3;

/** Maximum length of a step's message, in bytes of UTF-8. */
const MAX_STEP_MESSAGE_BYTES = 1024;

/** A step's message, truncated to 1 KiB at a character boundary. */
export function truncateStepMessage(message: string): string {
  const text = printable(message);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_STEP_MESSAGE_BYTES) return text;
  return `${decode(bytes.subarray(0, MAX_STEP_MESSAGE_BYTES - ELLIPSIS_BYTES))}${ELLIPSIS}`;
}

/** The share of the limit that the beginning gets; the end gets the rest. */
const HEAD_SHARE = 1 / 4;

/**
 * A termination message, truncated to `maxBytes` of UTF-8 (default 1 KiB) at character boundaries: its beginning, `…`
 * and, with the larger share, its end. The end of a log usually tells why a program stopped; sometimes the first line
 * does (a panic).
 */
export function truncateMiddle(message: string, maxBytes: number = MAX_STEP_MESSAGE_BYTES): string {
  const text = printable(message);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  const headBytes = Math.floor(maxBytes * HEAD_SHARE);
  const tailBytes = maxBytes - headBytes - ELLIPSIS_BYTES;
  return `${decode(bytes.subarray(0, headBytes))}${ELLIPSIS}${decode(bytes.subarray(bytes.length - tailBytes))}`;
}

/** kube-apiserver's limit for an Event's `message` (pkg/apis/core/validation/events.go). */
const MAX_EVENT_MESSAGE = 1024;

/** An Event's message, truncated to 1024 UTF-16 code units. */
export function truncateEventMessage(message: string): string {
  const text = printable(message);
  return text.length > MAX_EVENT_MESSAGE ? `${text.slice(0, MAX_EVENT_MESSAGE - 1).toWellFormed()}…` : text;
}

/** Half a character at either end decodes to U+FFFD and is removed. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replaceAll(/^\uFFFD+|(?<!\uFFFD)\uFFFD+$/g, '');
}
