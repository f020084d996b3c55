/**
 * Converts a core type into a structural schema: all references inlined, no `x-kubernetes-preserve-unknown-fields`, and no
 * descriptions (with them the CRD would exceed the 256 KiB of the annotation of client-side `kubectl apply`).
 */
import type { Schema } from '../../shared/api/schema.ts';
import { propertiesOf, type CoreProperty } from './core-models.ts';
import { ATOMIC, LIST_MAPS, NULLABLE, OMITTED, OPTIONAL, QUANTITIES, REPLACED } from './overrides.ts';

/**
 * What `resource.Quantity` accepts (apimachinery pkg/api/resource/quantity.go), as a pattern without nested repetition.
 * A number is a Quantity too, which is why the type is int-or-string.
 */
export const QUANTITY: Schema = {
  'x-kubernetes-int-or-string': true,
  pattern: '^[+-]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$',
};

const INT_OR_STRING: Schema = { 'x-kubernetes-int-or-string': true };

/** API servers do not check the range of `format: int32` (seen on 1.20), but Go's decoder does. So the schema has bounds. */
export const INT32: Schema = { type: 'integer', format: 'int32', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };

const SCALARS: Readonly<Record<string, Schema>> = {
  string: { type: 'string' },
  boolean: { type: 'boolean' },
  Date: { type: 'string', format: 'date-time' },
  IntOrString: INT_OR_STRING,
};

const NUMBERS: Readonly<Record<string, Schema>> = { int32: INT32, int64: { type: 'integer', format: 'int64' } };

/** Returns the schema of a core type by its model's name. Throws if a property has a type notation that it does not know. */
export function coreSchema(model: string): Schema {
  const properties = propertiesOf(model).filter(({ name }) => !OMITTED.has(`${model}.${name}`));
  const required = properties.filter((p) => p.required && !OPTIONAL.has(`${model}.${p.name}`)).map(({ name }) => name);
  return {
    type: 'object',
    ...(required.length > 0 && { required }),
    ...(ATOMIC.has(model) && { 'x-kubernetes-map-type': 'atomic' as const }),
    properties: Object.fromEntries(properties.map((p) => [p.name, propertySchema(model, p)])),
  };
}

function propertySchema(model: string, property: CoreProperty): Schema {
  const key = `${model}.${property.name}`;
  const replaced = REPLACED[key];
  if (replaced !== undefined) {
    return replaced;
  }
  const schema = withKeys(key, typeSchema(property.type, property.format, QUANTITIES.has(key)));
  return isNullable(key, property) ? { ...schema, nullable: true } : schema;
}

/**
 * Go clients write `null` for an unset time and for an empty list without `omitempty`, which are the required lists and
 * those named in NULLABLE. Nothing else is nullable: an API server before OpenAPI v3 drops the type and everything below
 * a nullable node from what it publishes, and with it `kubectl explain` and the list types of server-side apply.
 */
const isNullable = (key: string, { type, required }: CoreProperty): boolean =>
  type === 'Date' || (required && type.startsWith('Array<')) || NULLABLE.has(key);

function withKeys(key: string, schema: Schema): Schema {
  const keys = LIST_MAPS[key];
  return keys === undefined
    ? schema
    : { ...schema, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys };
}

function typeSchema(type: string, format: string, quantity: boolean): Schema {
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) {
    return { type: 'array', items: typeSchema(item, format, quantity) };
  }
  const value = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (value !== undefined) {
    return { type: 'object', additionalProperties: typeSchema(value, format, quantity) };
  }
  if (quantity) {
    return QUANTITY;
  }
  const scalar = type === 'number' ? NUMBERS[format] : SCALARS[type];
  if (scalar !== undefined) {
    return scalar;
  }
  if (!/^(Core)?V\d/.test(type)) {
    throw new Error(`no schema for type "${type}" with format "${format}"`);
  }
  return coreSchema(type);
}
