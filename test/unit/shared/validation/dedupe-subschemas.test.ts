import { expect, test } from '@jest/globals';
import generated from '../../../../shared/api/schema.generated.json' with { type: 'json' };
import type { Schema } from '../../../../shared/api/schema.ts';
import { dedupeSubschemas } from '../../../../shared/validation/dedupe-subschemas.ts';

/** Puts each part back where it is referred to. */
function unfold(schema: unknown, parts: Readonly<Record<string, unknown>>): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item) => unfold(item, parts));
  if ('$ref' in schema) return unfold(parts[String(schema.$ref).replace('#/$defs/', '')], parts);
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, unfold(value, parts)]));
}

/** The schema says nothing else; descriptions are for people. */
function withoutDescriptions(schema: Schema): Schema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === 'description' && typeof value === 'string' ? undefined : value,
  ) as Schema;
}

test('the schema with shared parts is equivalent', () => {
  const { $defs, ...rest } = dedupeSubschemas(generated as Schema) as { readonly $defs: Record<string, unknown> };
  expect(unfold(rest, $defs)).toEqual(withoutDescriptions(generated as Schema));
});

test('it is a third shorter', () => {
  const text = JSON.stringify(dedupeSubschemas(generated as Schema));
  expect(text.length).toBeLessThan(JSON.stringify(withoutDescriptions(generated as Schema)).length * 0.67);
});

test('a part that occurs once, or is short, is not shared', () => {
  const schema: Schema = { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } };
  expect(dedupeSubschemas(schema)).toEqual({ ...schema, $defs: {} });
});
