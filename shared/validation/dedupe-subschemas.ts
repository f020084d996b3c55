/** Moves repeated subschemas to definitions. */
import type { Schema } from '../api/schema.ts';

/**
 * In characters of JSON. Shorter subschemas are validated faster inline than as a function: with a limit of 60 the
 * code is a tenth smaller, but validation takes three times as long.
 */
const MIN_SHARED_LENGTH = 200;

/**
 * The same schema with each repeated subschema moved to `$defs`. Three quarters of the resource's schema are
 * repetitions (a container occurs twice, a probe six times), and ajv generates code for each occurrence: 1.4 MB, or
 * 0.6 MB with definitions. Pure.
 */
export function dedupeSubschemas(root: Schema): object {
  const counts = new Map<string, number>();
  count(root, counts);
  const names = new Map<string, string>();
  const definitions: Record<string, object> = {};
  const refer = (schema: Schema): object => {
    const text = JSON.stringify(schema);
    if (text.length < MIN_SHARED_LENGTH || (counts.get(text) ?? 0) < 2) return rebuild(schema, refer);
    const known = names.get(text);
    const name = known ?? `part${names.size}`;
    if (known === undefined) {
      names.set(text, name);
      definitions[name] = rebuild(schema, refer);
    }
    return { $ref: `#/$defs/${name}` };
  };
  return { ...rebuild(root, refer), $defs: definitions };
}

/** Counts the occurrences of each subschema; does not descend into repetitions. */
function count(schema: Schema, counts: Map<string, number>): void {
  const text = JSON.stringify(schema);
  const times = (counts.get(text) ?? 0) + 1;
  counts.set(text, times);
  if (times > 1) return;
  const { properties = {}, items, additionalProperties } = schema;
  for (const child of [...Object.values(properties), items, additionalProperties]) {
    if (child !== undefined) count(child, counts);
  }
}

function rebuild(schema: Schema, refer: (child: Schema) => object): object {
  const { description: _, properties, items, additionalProperties, ...rest } = schema;
  return {
    ...rest,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, child]) => [name, refer(child)])),
    }),
    ...(items && { items: refer(items) }),
    ...(additionalProperties && { additionalProperties: refer(additionalProperties) }),
  };
}
