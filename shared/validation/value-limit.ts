/** How much a spec may say: in bytes, because etcd has a limit, and in values, because faults cost far more than the bytes they are in. */
import type { SequentialJob } from '../api/types.ts';
import { invalidWhole, Path, tooLong, type FieldError } from './field-error.ts';
import { asObject } from '../json/untrusted.ts';

/**
 * The most values in a spec: two hundred for each of a thousand steps. Within it the worst object takes some ten milliseconds
 * to judge. Without it three megabytes of empty variables took seven seconds, in which no one else's object is judged and the
 * API server has long given up (`timeoutSeconds`).
 */
export const MAX_VALUES = 200_000;

/** An object with more properties than that is a table of hashes to V8: to go through one takes ten times as long as through a list. */
const LARGE_MAP = 1000;
const LARGE_MAP_FACTOR = 10;

/**
 * The longest spec, in bytes of JSON. etcd takes objects of 1.5 MiB; of that the status may need 256 KiB, and the rest is for
 * metadata and for what a conversion or a manager adds. An object that is stored and then has no room for its status could not be
 * reported.
 */
export const MAX_SPEC_BYTES = 1024 * 1024;

/** From here on client-side `kubectl apply`, which keeps a copy in an annotation, is refused (apimachinery TotalAnnotationSizeLimitB). */
export const MAX_APPLIED_BYTES = 256 * 1024;

const SPEC = Path.of('spec');

/**
 * The length of a spec as JSON in UTF-8. One that is longer than may be is not written out, which takes five times as long as to
 * count its characters and values, each at least a byte: it is longer than any, as is one that is nested too deeply to be written.
 */
export function jsonBytes(spec: unknown): number {
  const isTooLong = ({ characters, values }: Readonly<Sum>): boolean => characters + values > MAX_SPEC_BYTES;
  if (isTooLong(sumOf(spec, isTooLong))) return Infinity;
  try {
    return new TextEncoder().encode(JSON.stringify(spec) ?? '').length;
  } catch (error) {
    if (error instanceof RangeError) return Infinity;
    throw error;
  }
}

/** The fault of a spec that is too long to be stored with its status. Nothing is measured where `bytes` says enough, as below. */
export function lengthFaults(spec: unknown, bytes = Infinity): readonly FieldError[] {
  return bytes > MAX_SPEC_BYTES && jsonBytes(spec) > MAX_SPEC_BYTES ? [tooLong(SPEC, MAX_SPEC_BYTES)] : [];
}

/** What a value takes in V8's heap, in bytes: an empty object has as much. */
const VALUE_MEMORY = 64;

/** What a value takes in memory, in bytes, about; of most less. */
export function estimateMemory(value: unknown): number {
  const { characters, wide, values } = sumOf(value, () => false);
  return characters + wide + values * VALUE_MEMORY;
}

/**
 * Of a value that counts, in JSON: a property of a large map counts as ten, and has its quotes, two characters for most names, a
 * colon, a digit and a comma. An item of a list has two bytes.
 */
const LEAST_BYTES = 0.6;

/**
 * The fault of a spec that says too much to be looked at any further. Total, whatever the nesting. Nothing is counted where
 * `bytes` says enough: how long the JSON is that the object was read from, or more. To count and to measure every object would
 * take half as long again for a usual review.
 */
export function sizeFaults(object: unknown, bytes = Infinity, max = MAX_VALUES): readonly FieldError[] {
  return bytes > max * LEAST_BYTES && hasMoreValues(asObject<SequentialJob>(object)?.spec, max)
    ? [
        invalidWhole(
          SPEC,
          `must not have more than ${max} values; in a map of more than ${LARGE_MAP} each counts as ten`,
        ),
      ]
    : [];
}

/** Counts every list item and property below a value, and stops at the first that are too many. */
function hasMoreValues(root: unknown, max: number): boolean {
  const hasMore = ({ values, weight }: Readonly<Sum>): boolean => values + weight - 1 > max;
  return hasMore(sumOf(root, hasMore));
}

/** The characters of all texts and names of properties in a value, and the values: itself, its list items and properties. */
interface Sum {
  characters: number;
  /** Those of them in texts that V8 keeps with two bytes for each. */
  wide: number;
  values: number;
  /** What those in large maps count beyond that. */
  weight: number;
}

/** Looks through a value, whatever its nesting, until there is enough. */
function sumOf(root: unknown, isEnough: (sum: Readonly<Sum>) => boolean): Readonly<Sum> {
  const open: unknown[] = [];
  const sum = { characters: 0, wide: 0, values: 0, weight: 0 };
  addOne(root, open, sum);
  while (open.length > 0 && !isEnough(sum)) addChildren(open.pop(), open, sum);
  return sum;
}

function addChildren(value: unknown, open: unknown[], sum: Sum): void {
  if (Array.isArray(value)) {
    for (const child of value) addOne(child, open, sum);
  } else if (typeof value === 'object' && value !== null) {
    // What JSON makes inherits nothing, and a list of the values would cost more than all the rest.
    let properties = 0;
    for (const key in value) {
      properties += 1;
      if (properties > LARGE_MAP) sum.weight += LARGE_MAP_FACTOR - 1;
      sum.characters += key.length;
      addOne((value as Readonly<Record<string, unknown>>)[key], open, sum);
    }
  }
}

/** Adds a value to the sum, and puts one that may have children on the list of what is open. */
function addOne(value: unknown, open: unknown[], sum: Sum): void {
  sum.values += 1;
  if (typeof value === 'string') {
    sum.characters += value.length;
    if (isWide(value)) sum.wide += value.length;
  } else if (typeof value === 'object') open.push(value);
}

/** One character beyond Latin-1 is enough. Of a short text nobody looks: it counts as a value. */
const isWide = (text: string): boolean => text.length > VALUE_MEMORY && BEYOND_LATIN_1.test(text);

const BEYOND_LATIN_1 = /[\u0100-\uffff]/;
