/** The type of a field in words, for docs/api.md. */
import type { Schema } from '../../shared/api/schema.ts';
import { modelAt } from './core-fields.ts';
import { propertiesOf } from './core-models.ts';

const REFERENCE = 'https://kubernetes.io/docs/reference/kubernetes-api';

/** The pages of Kubernetes' API reference about the core types that our fields have. */
const PAGES: Readonly<Record<string, string>> = {
  Container: '/workload-resources/pod-v1/#Container',
  PersistentVolumeClaimSpec: '/config-and-storage-resources/persistent-volume-claim-v1/#PersistentVolumeClaimSpec',
  PodFailurePolicy: '/workload-resources/job-v1/#JobSpec',
  PodSpec: '/workload-resources/pod-v1/#PodSpec',
  PodTemplateSpec: '/workload-resources/pod-template-v1/#PodTemplateSpec',
};

/** A link to a core type. Throws when the reference's page of the type is not known. */
function coreLink(name: string, page = name): string {
  const path = PAGES[page];
  if (path === undefined) throw new Error(`no page about ${page}`);
  return `[${name}](${REFERENCE}${path})`;
}

/** `V1Container` → `Container`. */
export const kindOf = (model: string): string => model.replace(/^(?:Core)?V\d+/, '');

/** The name of a part of the page, by the path of the field that it describes. */
export type PartNames = ReadonlyMap<string, string>;

const link = (name: string): string => `[${name}](#${name.toLowerCase().replaceAll(' ', '-')})`;

/** The type of the field at a path without indices, with its limits. */
export function typeOf(schema: Schema, path: string, parts: PartNames): string {
  const { type, items, minItems = 0, maxItems, enum: values, minimum, maximum } = schema;
  if (type === 'array' && items !== undefined) {
    const limit = maxItems === undefined ? '' : `, ${minItems} to ${maxItems}`;
    const keys = schema['x-kubernetes-list-map-keys'];
    const by = keys === undefined ? '' : `, by \`${keys.join('`, `')}\``;
    return `list of ${typeOf(items, path, parts)}${by}${limit}`;
  }
  const part = parts.get(path);
  if (part !== undefined) return link(part);
  const core = modelAt(path);
  if (core !== undefined) return coreLink(kindOf(core));
  if (values !== undefined) {
    return values
      .filter((value) => value !== '')
      .map((value) => `\`${value}\``)
      .join(', ');
  }
  if (type === 'integer') {
    // The limits of the integer type itself say nothing.
    const range = minimum === undefined || minimum === -(2 ** 31) ? '' : ` ≥ ${minimum}`;
    return `${schema.format ?? 'int64'}${range}${maximum === undefined || maximum === 2 ** 31 - 1 ? '' : ` ≤ ${maximum}`}`;
  }
  if (schema.format === 'date-time') return 'time';
  if (schema.additionalProperties !== undefined) return 'map of strings';
  if (schema.properties !== undefined) return objectType(schema, path);
  return type ?? 'integer or string';
}

/** An object that has no part of its own: a field of a core type, or a few of our fields. */
function objectType({ properties = {} }: Schema, path: string): string {
  const [, parent = '', name = ''] = /^(.*)\.(\w+)$/.exec(path) ?? [];
  const model = modelAt(parent);
  const found = model === undefined ? undefined : propertiesOf(model).find((property) => property.name === name);
  const inner = /\b(?:Core)?V\d\w+/.exec(found?.type ?? '')?.[0];
  if (model !== undefined && inner !== undefined) return coreLink(kindOf(inner), kindOf(model));
  return Object.keys(properties)
    .map((one) => `\`${one}\``)
    .join(', ');
}
