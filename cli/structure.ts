/**
 * The structure of an object as the API server treats it before any webhook sees it: unknown fields are pruned, and
 * defaults of the schema are set (apiextensions-apiserver pkg/apiserver/schema/{pruning,defaulting}).
 */
import type { Schema } from '../shared/api/schema.ts';
import { Path } from '../shared/validation/field-error.ts';
import { RESOURCE_SCHEMA } from '../shared/validation/schema.ts';

export interface Structured {
  readonly object: unknown;
  /** What was pruned. */
  readonly unknown: readonly Path[];
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every object's metadata; the schema has it whole in the template, and at the top only what it restricts. */
const METADATA: Schema = {
  type: 'object',
  properties: {
    ...RESOURCE_SCHEMA.properties?.['spec']?.properties?.['template']?.properties?.['metadata']?.properties,
    managedFields: { type: 'array' },
  },
};

const RESOURCE: Schema = {
  ...RESOURCE_SCHEMA,
  properties: { ...RESOURCE_SCHEMA.properties, metadata: METADATA },
};

/** Gives the object as the API server hands it to the webhooks. Total: what has the wrong type is left as it is. */
export function structured(object: unknown): Structured {
  const unknown: Path[] = [];
  return { object: shape(object, RESOURCE, Path.ROOT, unknown), unknown };
}

function shape(value: unknown, schema: Schema, at: Path, unknown: Path[]): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((item, i) => shape(item, items, at.index(i), unknown));
  }
  if (!isObject(value)) return value;
  if (schema.properties !== undefined) return shapeObject(value, schema.properties, at, unknown);
  const { additionalProperties: entry } = schema;
  if (entry === undefined) return value;
  return fromEntries(Object.entries(value).map(([key, child]) => [key, shape(child, entry, at.key(key), unknown)]));
}

function shapeObject(value: Json, properties: Readonly<Record<string, Schema>>, at: Path, unknown: Path[]): Json {
  const entries: [string, unknown][] = [];
  for (const [key, child] of Object.entries(value)) {
    const schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (schema === undefined) unknown.push(at.child(key));
    // A null that may not be, where there is a default, is dropped first.
    else if (!isDefaultedNull(child, schema)) entries.push([key, shape(child, schema, at.child(key), unknown)]);
  }
  const given = new Set(entries.map(([key]) => key));
  for (const [key, schema] of Object.entries(properties)) {
    if (schema.default !== undefined && !given.has(key)) entries.push([key, schema.default]);
  }
  return fromEntries(entries);
}

const isDefaultedNull = (value: unknown, schema: Schema): boolean =>
  value === null && schema.nullable !== true && schema.default !== undefined;

/** Keeps a key `__proto__` a key. */
const fromEntries = (entries: readonly (readonly [string, unknown])[]): Json => Object.fromEntries(entries);
