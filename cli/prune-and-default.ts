/**
 * What the API server does with an object before it calls the webhooks: it prunes unknown fields and sets the defaults
 * of the schema (apiextensions-apiserver pkg/apiserver/schema/{pruning,defaulting}).
 */
import type { Schema } from '../shared/api/schema.ts';
import { isObject } from '../shared/json/untrusted.ts';
import { Path } from '../shared/validation/field-error.ts';
import { CRON, V1ALPHA1_API_VERSION } from '../shared/api/group.ts';
import v1alpha1 from '../shared/api/v1alpha1.schema.generated.json' with { type: 'json' };
import { RESOURCE_SCHEMA, SCHEDULE_SCHEMA } from '../shared/validation/schema.ts';

export interface PrunedObject {
  readonly object: unknown;
  /** The pruned fields. */
  readonly unknownFields: readonly Path[];
}

type Json = Readonly<Record<string, unknown>>;

/** ObjectMeta. The schema describes it in full in the Pod template only; at the top it has only what the CRD restricts. */
const METADATA: Schema = {
  type: 'object',
  properties: {
    ...RESOURCE_SCHEMA.properties?.['spec']?.properties?.['template']?.properties?.['metadata']?.properties,
    managedFields: { type: 'array' },
  },
};

const withMetadata = (schema: Schema): Schema => ({
  ...schema,
  properties: { ...schema.properties, metadata: METADATA },
});

const V1BETA1 = withMetadata(RESOURCE_SCHEMA);
const V1ALPHA1 = withMetadata(v1alpha1 as Schema);
const SCHEDULE = withMetadata(SCHEDULE_SCHEMA);

/** Returns the object as the API server sends it to the webhooks. Never throws: a value of the wrong type is kept. */
export function pruneAndDefault(object: unknown): PrunedObject {
  const unknownFields: Path[] = [];
  return { object: applySchema(object, schemaOf(object), Path.ROOT, unknownFields), unknownFields };
}

function schemaOf(object: unknown): Schema {
  if (!isObject(object)) return V1BETA1;
  if (object['kind'] === CRON.kind) return SCHEDULE;
  return object['apiVersion'] === V1ALPHA1_API_VERSION ? V1ALPHA1 : V1BETA1;
}

function applySchema(value: unknown, schema: Schema, at: Path, unknown: Path[]): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item, i) => applySchema(item, items, at.index(i), unknown));
  }
  if (!isObject(value)) return value;
  if (schema.properties !== undefined) return applyProperties(value, schema.properties, at, unknown);
  const { additionalProperties: entry } = schema;
  if (entry === undefined) return value;
  return fromEntries(
    Object.entries(value).map(([key, child]) => [key, applySchema(child, entry, at.key(key), unknown)]),
  );
}

function applyProperties(value: Json, properties: Readonly<Record<string, Schema>>, at: Path, unknown: Path[]): Json {
  const entries: [string, unknown][] = [];
  for (const [key, child] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (schema === undefined) unknown.push(at.child(key));
    // The API server drops a null of a field that is not nullable and has a default, and sets the default.
    else if (!isReplacedByDefault(child, schema))
      entries.push([key, applySchema(child, schema, at.child(key), unknown)]);
  }
  const presentKeys = new Set(entries.map(([key]) => key));
  for (const [key, schema] of Object.entries(properties)) {
    if (schema.default !== undefined && !presentKeys.has(key)) entries.push([key, schema.default]);
  }
  return fromEntries(entries);
}

const isReplacedByDefault = (value: unknown, schema: Schema): boolean =>
  value === null && schema.nullable !== true && schema.default !== undefined;

/** Unlike an assignment, it makes `__proto__` an ordinary key. */
const fromEntries = (entries: readonly (readonly [string, unknown])[]): Json => Object.fromEntries(entries);
