/**
 * config/schema/sequentialjob.schema.json: a JSON Schema (draft 7) of both versions, and of CronSequentialJob, for editors, by the
 * YAML language server.
 *
 * It accepts what the CRD's schema accepts without dropping a field, and describes the core types, too. Objects of other kinds
 * are accepted, because an editor checks all documents of a file against one schema.
 */
import { CRON, GROUP, KIND, V1ALPHA1, VERSION } from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { type CoreDescriptions, descriptionsOf, modelAt } from './core-fields.ts';
import { propertiesOf } from './core-models.ts';
import { coreSchema } from './core-schema.ts';
import { REPLACED } from './overrides.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from './resource-schema.ts';
import { SCHEDULE_SCHEMA_PART } from './schedule-schema.ts';

/** A node of a JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The keywords that mean the same in both. The formats of numbers are in `minimum` and `maximum`. */
const SAME = [
  'description',
  'default',
  'enum',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'required',
] as const;

/** The name of a model in the notation of a type. */
const MODEL = /\b(?:Core)?V\d\w+/;

const mapValues = <T, U>(map: Readonly<Record<string, T>>, f: (value: T, key: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(map).map(([key, value]) => [key, f(value, key)]));

/** What is known about a core type. */
interface CoreType {
  readonly schema: Schema;
  /** In the notation of client-node's models. */
  readonly types: ReadonlyMap<string, string>;
  readonly descriptions: CoreDescriptions;
}

const coreType = (model: string): CoreType => ({
  schema: coreSchema(model),
  types: new Map(propertiesOf(model).map(({ name, type }) => [name, type])),
  descriptions: descriptionsOf(model),
});

/** Converts schemas; collects the definitions of the core types that they refer to. */
class Converter {
  readonly definitions: Record<string, JsonSchema> = {};
  readonly #coreTypes = new Map<string, CoreType>();

  #core(model: string): CoreType {
    const known = this.#coreTypes.get(model) ?? coreType(model);
    this.#coreTypes.set(model, known);
    return known;
  }

  /** A field of our own. `path` has no indices. */
  own(schema: Schema, path: string): JsonSchema {
    const model = modelAt(path);
    if (model === undefined)
      return this.#node(schema, (child, name) => this.own(child, name === '' ? path : `${path}.${name}`));
    const core = this.#core(model).schema.properties ?? {};
    const asCore = (child: Schema, name: string): JsonSchema =>
      Object.hasOwn(core, name) ? this.#coreField(model, name) : this.own(child, `${path}.${name}`);
    return this.#node(schema, (child, name) => (name === '' ? this.#node(child, asCore) : asCore(child, name)));
  }

  /** `of`: converts a property, or what a list or a map contains, which has no name. */
  #node(schema: Schema, of: (child: Schema, name: string) => JsonSchema): JsonSchema {
    const { type, items, properties, additionalProperties } = schema;
    const kept = Object.fromEntries(SAME.flatMap((key) => (schema[key] === undefined ? [] : [[key, schema[key]]])));
    const children = {
      ...(schema.format === 'date-time' && { format: 'date-time' }),
      ...(items !== undefined && { items: of(items, '') }),
      // A CRD drops other fields; of an item of an empty list nothing is known.
      ...(properties !== undefined && { properties: mapValues(properties, of), additionalProperties: false }),
      ...(additionalProperties !== undefined && { additionalProperties: of(additionalProperties, '') }),
    };
    if (type === undefined) return { anyOf: [{ type: 'integer' }, { type: 'string' }], ...kept, ...children };
    return { type: schema.nullable === true ? [type, 'null'] : type, ...kept, ...children };
  }

  /** A field of a core type, with what Kubernetes says about it. */
  #coreField(model: string, name: string): JsonSchema {
    const { schema: parent, types, descriptions } = this.#core(model);
    const schema = parent.properties?.[name] ?? {};
    const inner = REPLACED[`${model}.${name}`] === undefined ? MODEL.exec(types.get(name) ?? '')?.[0] : undefined;
    const description = descriptions.fields.get(name);
    const converted =
      inner === undefined ? this.#node(schema, (child) => this.own(child, '')) : this.#reference(schema, inner);
    // In draft 7 a reference has nothing beside it; the type that it refers to has a description of its own.
    return description === undefined || '$ref' in converted ? converted : { ...converted, description };
  }

  #reference(schema: Schema, model: string): JsonSchema {
    if (schema.properties !== undefined) {
      this.#define(model);
      const reference = { $ref: `#/definitions/${model}` };
      return schema.nullable === true ? { anyOf: [reference, { type: 'null' }] } : reference;
    }
    return this.#node(schema, (child) => this.#reference(child, model));
  }

  #define(model: string): void {
    if (Object.hasOwn(this.definitions, model)) return;
    this.definitions[model] = {};
    const { schema, descriptions } = this.#core(model);
    const description = descriptions.type;
    this.definitions[model] = {
      ...this.#node(schema, (_child, name) => this.#coreField(model, name)),
      ...(description !== undefined && { description }),
    };
  }

  /** The metadata of a resource: a CRD does not restrict it, so other fields are allowed. */
  metadata(own: Schema | undefined): JsonSchema {
    const { schema, descriptions } = this.#core('V1ObjectMeta');
    const { properties } = this.#node(schema, (_child, name) => {
      const field = this.#coreField('V1ObjectMeta', name);
      return { ...field, ...(name === 'name' && { maxLength: own?.properties?.['name']?.maxLength }) };
    });
    return { type: 'object', description: descriptions.type, properties };
  }
}

interface Kind {
  readonly kind: string;
  readonly version: string;
}

function renderVersion(converter: Converter, { kind, version }: Kind, schema: Schema): JsonSchema {
  const { metadata, spec = {}, status = {} } = schema.properties ?? {};
  return {
    type: 'object',
    description: schema.description,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { const: `${GROUP}/${version}` },
      kind: { const: kind },
      metadata: converter.metadata(metadata),
      spec: converter.own(spec, '.spec'),
      status: converter.own(status, '.status'),
    },
    additionalProperties: false,
  };
}

/** The spec of a template is that of a SequentialJob, which is there already. */
function withTemplate(schedule: JsonSchema): JsonSchema {
  const spec = { $ref: `#/definitions/${VERSION}/properties/spec` };
  return replaced(schedule, ['properties', 'spec', 'properties', 'sequentialJobTemplate', 'properties', 'spec'], spec);
}

function replaced(node: JsonSchema, [key = '', ...rest]: readonly string[], by: JsonSchema): JsonSchema {
  return { ...node, [key]: rest.length === 0 ? by : replaced(node[key] as JsonSchema, rest, by) };
}

/** Another kind of object in the same file. One of ours whose group is misspelled, and the reverse, is none. */
const OTHER: JsonSchema = {
  type: 'object',
  description: 'An object of another kind.',
  required: ['apiVersion', 'kind'],
  properties: {
    apiVersion: { type: 'string', not: { pattern: `^${GROUP.replaceAll('.', '\\.')}/` } },
    kind: { type: 'string', not: { enum: [KIND, CRON.kind] } },
  },
};

/** The whole JSON Schema. */
export function editorSchema(): JsonSchema {
  const converter = new Converter();
  const versions = {
    [VERSION]: renderVersion(converter, { kind: KIND, version: VERSION }, RESOURCE_SCHEMA),
    [V1ALPHA1]: renderVersion(converter, { kind: KIND, version: V1ALPHA1 }, V1ALPHA1_RESOURCE_SCHEMA),
    [CRON.kind]: withTemplate(renderVersion(converter, { kind: CRON.kind, version: VERSION }, SCHEDULE_SCHEMA_PART)),
    other: OTHER,
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $comment: 'Written by `make generate` from config/generate/editor-schema.ts. Do not edit.',
    title: KIND,
    oneOf: Object.keys(versions).map((name) => ({ $ref: `#/definitions/${name}` })),
    definitions: { ...versions, ...converter.definitions },
  };
}

export const renderEditorSchema = (): string => `${JSON.stringify(editorSchema(), null, 1)}\n`;
