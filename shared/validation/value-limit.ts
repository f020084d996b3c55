/**
 * Limits the size of a spec: in bytes, because etcd has a limit, and in values, because validation takes time per
 * value.
 */
import type { SequentialJob } from '../api/types.ts';
import { invalidWithoutValue, Path, tooLong, type FieldError } from './field-error.ts';
import { asObject } from '../json/untrusted.ts';

/**
 * Maximum number of values in a spec: two hundred for each of a thousand steps. Within it, validation takes at most
 * some ten milliseconds. Without it, three megabytes of empty variables took seven seconds, which blocks other
 * reviews and exceeds the API server's `timeoutSeconds`.
 */
export const MAX_VALUES = 200_000;

/** V8 stores an object with more properties as a hash table, which takes ten times as long to iterate as a list. */
const LARGE_MAP = 1000;
const LARGE_MAP_FACTOR = 10;

/**
 * Maximum length of a spec, in bytes of JSON. etcd stores objects of up to 1.5 MiB. The status may need 256 KiB of
 * that; the rest is for metadata and for fields that a conversion or a manager adds. If a stored object had no room
 * for its status, the controller could not report on it.
 */
export const MAX_SPEC_BYTES = 1024 * 1024;

/**
 * Above this length, client-side `kubectl apply`, which stores a copy in an annotation, fails (apimachinery
 * TotalAnnotationSizeLimitB).
 */
export const MAX_APPLIED_BYTES = 256 * 1024;

const SPEC = Path.of('spec');

/**
 * The length of a spec as JSON in UTF-8, in bytes. Infinity if it exceeds the limit or is nested too deeply for JSON.stringify. The
 * characters and values, each at least one byte, are counted first: that takes a fifth of the time of writing a long spec.
 */
export function jsonBytes(spec: unknown): number {
  const isTooLong = ({ characters, values }: Readonly<Measurement>): boolean => characters + values > MAX_SPEC_BYTES;
  if (isTooLong(measure(spec, isTooLong))) return Infinity;
  try {
    return new TextEncoder().encode(JSON.stringify(spec) ?? '').length;
  } catch (error) {
    if (error instanceof RangeError) return Infinity;
    throw error;
  }
}

/** The error of a spec that is too long to be stored with its status. `bytes`: as for `validateSize`. */
export function validateLength(spec: unknown, bytes = Infinity): readonly FieldError[] {
  return bytes > MAX_SPEC_BYTES && jsonBytes(spec) > MAX_SPEC_BYTES ? [tooLong(SPEC, MAX_SPEC_BYTES)] : [];
}

/** The size of a value in V8's heap, in bytes, as for an empty object. */
const BYTES_PER_VALUE = 64;

/** Estimates the memory of a value in bytes; an upper bound for most values. */
export function estimateMemory(value: unknown): number {
  const { characters, wide, values } = measure(value, () => false);
  return characters + wide + values * BYTES_PER_VALUE;
}

/**
 * The minimum bytes of JSON per counted value. A property of a large map counts as ten and has quotes, two characters
 * of a name, a colon, a digit and a comma; a list item has two bytes.
 */
const MIN_BYTES_PER_VALUE = 0.6;

/**
 * The error of a spec that has too many values to be validated any further. Total, whatever the nesting. `bytes` is the length of
 * the JSON that the object was read from, or more: if it is so short that it cannot hold too many values, they are not counted,
 * because counting would add half to the time of a usual review.
 */
export function validateSize(object: unknown, bytes = Infinity, max = MAX_VALUES): readonly FieldError[] {
  return bytes > max * MIN_BYTES_PER_VALUE && hasMoreValues(asObject<SequentialJob>(object)?.spec, max)
    ? [
        invalidWithoutValue(
          SPEC,
          `must not have more than ${max} values; in a map of more than ${LARGE_MAP} each counts as ten`,
        ),
      ]
    : [];
}

/** Counts the list items and properties below a value, and stops once there are too many. */
function hasMoreValues(root: unknown, max: number): boolean {
  const hasMore = ({ values, weight }: Readonly<Measurement>): boolean => values + weight - 1 > max;
  return hasMore(measure(root, hasMore));
}

/**
 * The characters of all strings and property names in a value, and the number of values: itself, its list items and
 * properties.
 */
interface Measurement {
  characters: number;
  /** The characters of strings that V8 stores with two bytes per character. */
  wide: number;
  values: number;
  /** The additional weight of values in large maps. */
  weight: number;
}

/** Traverses a value of any nesting until `isEnough`. */
function measure(root: unknown, isEnough: (sum: Readonly<Measurement>) => boolean): Readonly<Measurement> {
  const pending: unknown[] = [];
  const sum = { characters: 0, wide: 0, values: 0, weight: 0 };
  addValue(root, pending, sum);
  while (pending.length > 0 && !isEnough(sum)) addChildren(pending.pop(), pending, sum);
  return sum;
}

function addChildren(value: unknown, open: unknown[], sum: Measurement): void {
  if (Array.isArray(value)) {
    for (const child of value) addValue(child, open, sum);
  } else if (typeof value === 'object' && value !== null) {
    // Parsed JSON has no inherited properties; creating a list of the values would cost more than everything else.
    let properties = 0;
    for (const key in value) {
      properties += 1;
      if (properties > LARGE_MAP) sum.weight += LARGE_MAP_FACTOR - 1;
      sum.characters += key.length;
      addValue((value as Readonly<Record<string, unknown>>)[key], open, sum);
    }
  }
}

/** Counts a value, and queues it if it may have children. */
function addValue(value: unknown, open: unknown[], sum: Measurement): void {
  sum.values += 1;
  if (typeof value === 'string') {
    sum.characters += value.length;
    if (isTwoByteString(value)) sum.wide += value.length;
  } else if (typeof value === 'object') open.push(value);
}

/** One character beyond Latin-1 suffices. Short strings are not examined: they are covered by the size of a value. */
const isTwoByteString = (text: string): boolean => text.length > BYTES_PER_VALUE && BEYOND_LATIN_1.test(text);

const BEYOND_LATIN_1 = /[\u0100-\uffff]/;
