/**
 * Makes a Pod template in which every field is set that an API server knows, by its own OpenAPI document, so a test can
 * see that a schema drops none of them. Values follow that schema where it asks for special ones.
 */
import type { Schema } from '../../shared/api/schema.ts';
import { RESOURCE_SCHEMA } from '../../shared/validation/schema.ts';

interface Definition {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Definition>>;
  readonly items?: Definition;
  readonly additionalProperties?: Definition;
}

/** The part of `/openapi/v2` that is read. */
export interface OpenApi {
  readonly definitions: Readonly<Record<string, Definition>>;
}

type Json = Readonly<Record<string, unknown>>;

export interface Sample {
  readonly template: Json;
  readonly container: Json;
  /** The server's fields that the schema doesn't have, which are therefore not in the sample. */
  readonly unknown: readonly string[];
}

/** Lists that the resource keeps empty in a template. */
const EMPTY: ReadonlySet<string> = new Set(['template.spec.containers', 'template.spec.ephemeralContainers']);

const TYPES: Readonly<Record<string, unknown>> = { integer: 1, boolean: true, string: 'x' };

export function sampleTemplate({ definitions }: OpenApi): Sample {
  const unknown: string[] = [];
  const resolve = (definition: Definition): Definition =>
    definition.$ref === undefined ? definition : resolve(definitions[definition.$ref.split('/').at(-1) ?? ''] ?? {});

  function sample(definition: Definition, schema: Schema | undefined, path: string): unknown {
    const { properties, items, additionalProperties, type, format } = resolve(definition);
    if (schema === undefined) {
      unknown.push(path);
      return undefined;
    }
    if (EMPTY.has(path)) {
      return [];
    }
    if (properties !== undefined) {
      const entries = Object.entries(properties).map(([name, child]) => {
        return [name, sample(child, schema.properties?.[name], `${path}.${name}`)] as const;
      });
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    }
    if (items !== undefined) {
      return [sample(items, schema.items, `${path}[]`)];
    }
    if (additionalProperties !== undefined) {
      return { x: sample(additionalProperties, schema.additionalProperties, `${path}{}`) };
    }
    if (schema['x-kubernetes-int-or-string'] === true) {
      return '1';
    }
    if (format === 'date-time') {
      return '2020-01-01T00:00:00Z';
    }
    return schema.enum?.find((value) => value !== '') ?? TYPES[type ?? ''];
  }

  const spec = RESOURCE_SCHEMA.properties?.['spec']?.properties;
  const core = (kind: string): Definition => definitions[`io.k8s.api.core.v1.${kind}`] ?? {};
  return {
    template: sample(core('PodTemplateSpec'), spec?.['template'], 'template') as Json,
    container: sample(core('Container'), spec?.['steps']?.items, 'container') as Json,
    unknown,
  };
}
