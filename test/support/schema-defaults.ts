/** What an API server makes of an object before it validates it: nulls are left out, and defaults are filled in. */
import type { Schema } from '../../shared/api/schema.ts';
import { isObject } from '../../shared/json/untrusted.ts';

/** apiextensions-apiserver pkg/apiserver/schema/defaulting: a null that is not allowed counts as absent. */
export function withSchemaDefaults(value: unknown, schema: Schema): unknown {
  const { properties, items } = schema;
  if (Array.isArray(value)) return items === undefined ? value : value.map((item) => withSchemaDefaults(item, items));
  if (!isObject(value) || properties === undefined) return value;
  const unknown = Object.entries(value).filter(([name]) => !Object.hasOwn(properties, name));
  const known = Object.entries(properties).flatMap(([name, child]) => {
    const own = value[name];
    const given = own === undefined || (own === null && child.nullable !== true) ? child.default : own;
    return given === undefined ? [] : [[name, withSchemaDefaults(given, child)] as const];
  });
  return Object.fromEntries([...unknown, ...known]);
}
