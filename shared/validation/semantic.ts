/**
 * Where two values differ in meaning. The model is apimachinery's own comparison for immutable fields
 * (`apiequality.Semantic.DeepEqual` on the decoded Go types, pkg/api/equality/semantic.go), carried over to JSON:
 *
 * - the order of an object's keys means nothing, that of a list's items does;
 * - `null`, an empty list and an empty map are absent;
 * - `""`, `0` and `false` are absent where the Go field is no pointer, as a Go client then leaves them out
 *   (`omitempty`) or writes them always; where it is one, they are values of their own: `runAsUser: 0` is root;
 * - an object in which nothing is set is absent where the Go field is a struct, which a Go client always writes
 *   (`resources: {}`, `metadata: {creationTimestamp: null}`); where it is a pointer, it is a value: a label selector
 *   `{}` selects everything, an absent one nothing;
 * - quantities are compared as amounts: `0.5` is `500m`;
 * - what is absent and has a default in the schema is that default.
 *
 * Entries of maps and items of lists are never absent: the label `a: ""` is a label. What the schema doesn't know is
 * compared as plain JSON.
 */
import type { Schema } from '../api/schema.ts';
import type { Path } from './field-error.ts';
import { parseQuantity } from './quantity.ts';
import { jsonEqual } from '../json/json-equal.ts';

/** Gets each place where the two differ, the deepest that has a name, with what is there now. */
export type ReportDifference = (at: Path, value: unknown) => void;

/** A place in both objects: what the schema says of it, what it is called, and where it is in the new one. */
interface Place {
  readonly schema: Schema | undefined;
  readonly name: string;
  readonly at: Path;
}

/**
 * Numbers and booleans that are pointers in Go (staging/src/k8s.io/api/core/v1/types.go), by the name of the field, and
 * those of this resource's step policies. `readOnly` is not among them: a pointer in two volume sources, and there too
 * absent means false.
 */
const POINTERS: ReadonlySet<string> = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'backoffLimit',
  'defaultMode',
  'enableServiceLinks',
  'expirationSeconds',
  'fsGroup',
  'hostProcess',
  'hostUsers',
  'lun',
  'maxExpirationSeconds',
  'minDomains',
  'mode',
  'optional',
  'priority',
  'privileged',
  'readOnlyRootFilesystem',
  'runAsGroup',
  'runAsNonRoot',
  'runAsUser',
  'setHostnameAsFQDN',
  'shareProcessNamespace',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
]);

/** Texts that mean something when empty: a claim of no class, where an absent one is of the default class. */
const MEANINGFUL_WHEN_EMPTY: ReadonlySet<string> = new Set(['storageClassName', 'volumeAttributesClassName']);

/** Objects that are structs in Go, not pointers to one. */
const STRUCTS: ReadonlySet<string> = new Set(['metadata', 'spec', 'resources']);

/** A quantity that is a struct in Go: a client writes it as "0" where nobody set it. */
const DIVISOR = 'divisor';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object's own property: a client may call one `__proto__`. */
const own = <T>(object: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;

const keysOf = (before: Json, after: Json): ReadonlySet<string> =>
  new Set([...Object.keys(before), ...Object.keys(after)]);

/** Reports where the property `name`, which `schema` describes, differs. Never throws; the work is linear in the values. */
export function differences(
  before: unknown,
  after: unknown,
  place: { readonly schema: Schema | undefined; readonly name: string; readonly at: Path },
  report: ReportDifference,
): void {
  if (isObject(before) && isObject(after) && place.schema?.properties !== undefined) {
    objectDifferences(before, after, place, report);
    return;
  }
  const [was, is] = [effectiveValue(before, place), effectiveValue(after, place)];
  if (was === undefined || is === undefined) {
    if (was !== is) report(place.at, after);
  } else {
    valueDifferences(was, is, place, report);
  }
}

/** The value with its meaning when absent, or undefined where it has none. */
const effectiveValue = (value: unknown, { schema, name }: Place): unknown =>
  isUnset(value, schema, name) ? schema?.default : value;

function isUnset(value: unknown, schema: Schema | undefined, name: string): boolean {
  if (value === undefined || value === null) return true;
  if (schema === undefined) return false;
  if (value === '') return !MEANINGFUL_WHEN_EMPTY.has(name);
  if (value === 0 || value === false) return !POINTERS.has(name);
  if (name === DIVISOR) return amountOf(value) === 0n;
  if (Array.isArray(value)) return value.length === 0;
  if (!isObject(value)) return false;
  if (schema.additionalProperties !== undefined) return Object.keys(value).length === 0;
  if (schema.properties === undefined || !STRUCTS.has(name)) return false;
  return Object.entries(value).every(([key, child]) => isUnset(child, own(schema.properties, key), key));
}

/** Both are there. */
function valueDifferences(before: unknown, after: unknown, place: Place, report: ReportDifference): void {
  const { schema, at } = place;
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after) && schema?.items !== undefined) {
    listDifferences(before, after, { ...place, schema: schema.items }, report);
  } else if (isObject(before) && isObject(after) && schema?.properties !== undefined) {
    objectDifferences(before, after, place, report);
  } else if (isObject(before) && isObject(after) && schema?.additionalProperties !== undefined) {
    mapDifferences(before, after, { ...place, schema: schema.additionalProperties }, report);
  } else if (!isSameAmount(before, after, schema) && !jsonEqual(before, after)) {
    report(at, after);
  }
}

function objectDifferences(before: Json, after: Json, { schema, at }: Place, report: ReportDifference): void {
  for (const key of keysOf(before, after)) {
    const child = { schema: own(schema?.properties, key), name: key, at: at.child(key) };
    differences(own(before, key), own(after, key), child, report);
  }
}

function mapDifferences(before: Json, after: Json, { schema, at }: Place, report: ReportDifference): void {
  for (const key of keysOf(before, after)) {
    const here = at.key(key);
    if (!Object.hasOwn(before, key) || !Object.hasOwn(after, key)) report(here, own(after, key));
    else valueDifferences(before[key], after[key], { schema, name: '', at: here }, report);
  }
}

/** Items that were put in or taken out move all others: then the list as a whole is the deepest place. */
function listDifferences(
  before: readonly unknown[],
  after: readonly unknown[],
  place: Place,
  report: ReportDifference,
): void {
  if (before.length !== after.length) {
    report(place.at, after);
    return;
  }
  before.forEach((was, i) => {
    valueDifferences(was, after[i], { schema: place.schema, name: '', at: place.at.index(i) }, report);
  });
}

/** Quantities are the int-or-strings whose text has a pattern; ports have none. */
function isSameAmount(before: unknown, after: unknown, schema: Schema | undefined): boolean {
  if (schema?.['x-kubernetes-int-or-string'] !== true || schema.pattern === undefined) return false;
  const amount = amountOf(before);
  return amount !== undefined && amount === amountOf(after);
}

function amountOf(value: unknown): bigint | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const parsed = parseQuantity(value);
  return 'nano' in parsed ? parsed.nano : undefined;
}
