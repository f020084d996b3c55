/**
 * Finds semantic differences between two values. The model is apimachinery's comparison for immutable fields
 * (`apiequality.Semantic.DeepEqual` on the decoded Go types, pkg/api/equality/semantic.go), applied to JSON:
 *
 * - the order of an object's keys is ignored, that of a list's items is not;
 * - `null`, an empty list and an empty map count as absent;
 * - `""`, `0` and `false` count as absent if the Go field is not a pointer, because a Go client omits them
 *   (`omitempty`) or always writes them; if it is a pointer they are values: `runAsUser: 0` is root;
 * - an object without set fields counts as absent if the Go field is a struct, which a Go client always writes
 *   (`resources: {}`, `metadata: {creationTimestamp: null}`); if it is a pointer it is a value: a label selector `{}`
 *   selects everything, an absent one nothing;
 * - quantities are compared by amount: `0.5` is `500m`;
 * - an absent field with a default in the schema has that default.
 *
 * Map entries and list items never count as absent: the label `a: ""` is a label. Fields that the schema does not
 * describe are compared as plain JSON.
 */
import type { Schema } from '../api/schema.ts';
import type { Path } from './field-error.ts';
import { parseQuantity } from './quantity.ts';
import { jsonEqual } from '../json/json-equal.ts';
import { isObject } from '../json/untrusted.ts';

/** Called for each difference with the deepest path that has a name, and the new value. */
export type ReportDifference = (at: Path, value: unknown) => void;

/** A field in both objects: its schema, its name, and its path in the new object. */
interface Place {
  readonly schema: Schema | undefined;
  readonly name: string;
  readonly at: Path;
}

/**
 * Numbers and booleans that are pointers in Go (staging/src/k8s.io/api/core/v1/types.go), by field name, and those of
 * this resource's steps. Not `readOnly`: it is a pointer in two volume sources, but there too absent means
 * false.
 */
const POINTER_FIELDS: ReadonlySet<string> = new Set([
  'activeDeadlineSeconds',
  'allowPrivilegeEscalation',
  'automountServiceAccountToken',
  'backoffLimit',
  'defaultMode',
  'enableServiceLinks',
  'expirationSeconds',
  'failedJobsHistoryLimit',
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
  'startingDeadlineSeconds',
  'successfulJobsHistoryLimit',
  'terminationGracePeriodSeconds',
  'tolerationSeconds',
]);

/** Strings with a meaning when empty: a claim without class, while an absent value means the default class. */
const MEANINGFUL_WHEN_EMPTY: ReadonlySet<string> = new Set(['storageClassName', 'volumeAttributesClassName']);

/** Objects that are structs in Go, not pointers, and the settings of a step, which say nothing when they are empty. */
const STRUCT_FIELDS: ReadonlySet<string> = new Set(['metadata', 'spec', 'resources', 'job', 'pod']);

/** The settings of a step: what differs is a setting, also if there were none before, or are none now. */
const SETTINGS: ReadonlySet<string> = new Set(['job', 'pod']);

/** A quantity that is a struct in Go: a client writes "0" if it is unset. */
const DIVISOR = 'divisor';

type Json = Readonly<Record<string, unknown>>;

/** An own property of an object: a client may use the key `__proto__`. */
const ownProperty = <T>(object: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  object !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;

const keysOf = (before: Json, after: Json): ReadonlySet<string> =>
  new Set([...Object.keys(before), ...Object.keys(after)]);

/**
 * Reports the differences of the property `name`, described by `schema`. Never throws; linear in the number of
 * values.
 */
export function reportDifferences(
  before: unknown,
  after: unknown,
  place: { readonly schema: Schema | undefined; readonly name: string; readonly at: Path },
  report: ReportDifference,
): void {
  if (isObject(before) && isObject(after) && place.schema?.properties !== undefined) {
    reportObjectDifferences(before, after, place, report);
    return;
  }
  const [was, is] = [effectiveValue(before, place), effectiveValue(after, place)];
  if (was === undefined || is === undefined) {
    const [from, to] = [was ?? {}, is ?? {}];
    if (was === is) return;
    if (SETTINGS.has(place.name) && place.schema !== undefined && isObject(from) && isObject(to)) {
      reportObjectDifferences(from, to, place, report);
    } else {
      report(place.at, after);
    }
  } else {
    reportValueDifferences(was, is, place, report);
  }
}

/** The value, or the default if it is unset; undefined if there is none. */
const effectiveValue = (value: unknown, { schema, name }: Place): unknown =>
  isUnset(value, schema, name) ? schema?.default : value;

function isUnset(value: unknown, schema: Schema | undefined, name: string): boolean {
  if (value === undefined || value === null) return true;
  if (schema === undefined) return false;
  if (value === '') return !MEANINGFUL_WHEN_EMPTY.has(name);
  if (value === 0 || value === false) return !POINTER_FIELDS.has(name);
  if (name === DIVISOR) return amountOf(value) === 0n;
  if (Array.isArray(value)) return value.length === 0;
  if (!isObject(value)) return false;
  if (schema.additionalProperties !== undefined) return Object.keys(value).length === 0;
  if (schema.properties === undefined || !STRUCT_FIELDS.has(name)) return false;
  return Object.entries(value).every(([key, child]) => isUnset(child, ownProperty(schema.properties, key), key));
}

/** Both values are set. */
function reportValueDifferences(before: unknown, after: unknown, place: Place, report: ReportDifference): void {
  const { schema, at } = place;
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after) && schema?.items !== undefined) {
    reportListDifferences(before, after, { ...place, schema: schema.items }, report);
  } else if (isObject(before) && isObject(after) && schema?.properties !== undefined) {
    reportObjectDifferences(before, after, place, report);
  } else if (isObject(before) && isObject(after) && schema?.additionalProperties !== undefined) {
    reportMapDifferences(before, after, { ...place, schema: schema.additionalProperties }, report);
  } else if (!isSameAmount(before, after, schema) && !jsonEqual(before, after)) {
    report(at, after);
  }
}

function reportObjectDifferences(before: Json, after: Json, { schema, at }: Place, report: ReportDifference): void {
  for (const key of keysOf(before, after)) {
    const child = { schema: ownProperty(schema?.properties, key), name: key, at: at.child(key) };
    reportDifferences(ownProperty(before, key), ownProperty(after, key), child, report);
  }
}

function reportMapDifferences(before: Json, after: Json, { schema, at }: Place, report: ReportDifference): void {
  for (const key of keysOf(before, after)) {
    const here = at.key(key);
    if (!Object.hasOwn(before, key) || !Object.hasOwn(after, key)) report(here, ownProperty(after, key));
    else reportValueDifferences(before[key], after[key], { schema, name: '', at: here }, report);
  }
}

/** Added or removed items shift the others: the list as a whole is then the deepest path. */
function reportListDifferences(
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
    reportValueDifferences(was, after[i], { schema: place.schema, name: '', at: place.at.index(i) }, report);
  });
}

/** Quantities are the int-or-strings with a pattern; ports have none. */
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
