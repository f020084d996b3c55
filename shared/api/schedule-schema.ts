/**
 * The schema of a CronSequentialJob, put together from its own part and the schema of a SequentialJob's spec, which is a hundred
 * times as large: so the program has that one once.
 */
import type { Schema } from './schema.ts';

/** Where the spec of the runs stands. */
const TEMPLATE = 'sequentialJobTemplate';

/**
 * The whole schema: `part` with the spec of a SequentialJob in the place of the empty `sequentialJobTemplate.spec`. The
 * defaults of that spec are left out: a template stays as it was written, and its defaults are set in each run.
 */
export function scheduleSchema(part: Schema, spec: Schema): Schema {
  const withTemplate = (template: Schema): Schema => withProperty(template, 'spec', () => withoutDefaults(spec));
  return withProperty(part, 'spec', (own) => withProperty(own, TEMPLATE, withTemplate));
}

function withProperty(schema: Schema, name: string, change: (property: Schema) => Schema): Schema {
  const { properties = {} } = schema;
  return { ...schema, properties: { ...properties, [name]: change(properties[name] ?? {}) } };
}

/** Without the defaults of our own fields. Deeper ones are in core types: the key of a list map must have one. */
function withoutDefaults(schema: Schema, depth = 0): Schema {
  const { default: _, properties, ...rest } = schema;
  if (depth > MAX_DEPTH || properties === undefined)
    return { ...rest, ...(properties !== undefined && { properties }) };
  const fields = Object.entries(properties).map(([name, field]) => [name, withoutDefaults(field, depth + 1)] as const);
  return { ...rest, properties: Object.fromEntries(fields) };
}

/** `spec.job.backoffLimit` is two below the spec. */
const MAX_DEPTH = 1;
