/**
 * The rules for structural schemas, as far as a document can be checked by itself. They are those of apiextensions-
 * apiserver (pkg/apiserver/schema/validation.go, pkg/apis/apiextensions/validation/validation.go) and hold from 1.20 to
 * 1.36; what a running server says is in test/integration/crd.test.ts.
 */
import type { Schema } from '../../../../shared/api/schema.ts';

export interface Place {
  readonly path: string;
  readonly schema: Schema;
}

/** Lists every node of a schema, each before its children. */
export function nodesOf(schema: Schema, path = ''): readonly Place[] {
  const children = [
    ...Object.entries(schema.properties ?? {}).map(([name, child]) => nodesOf(child, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : [nodesOf(schema.items, `${path}[]`)]),
    ...(schema.additionalProperties === undefined ? [] : [nodesOf(schema.additionalProperties, `${path}{}`)]),
  ];
  return [{ path, schema }, ...children.flat()];
}

/** What the API server would complain of, as `path: complaint`. */
export const complaintsOf = (schema: Schema): readonly string[] =>
  nodesOf(schema).flatMap(({ path, schema: node }) => complaints(node).map((complaint) => `${path}: ${complaint}`));

function complaints(node: Schema): readonly string[] {
  const isIntOrString = node['x-kubernetes-int-or-string'] === true;
  const checks: readonly (readonly [boolean, string])[] = [
    [(node.type === undefined) !== isIntOrString, 'either a type or int-or-string'],
    [(node.type === 'array') !== (node.items !== undefined), 'items on arrays, and only there'],
    [node.properties !== undefined && node.type !== 'object', 'properties on objects only'],
    [node.properties !== undefined && node.additionalProperties !== undefined, 'properties or additionalProperties'],
    [(node.required ?? []).some((name) => node.properties?.[name] === undefined), 'required properties are declared'],
    [node.default !== undefined && node.nullable === true, 'a default or nullable: null would stay'],
    [node.enum?.length === 0 || new Set(node.enum).size !== (node.enum?.length ?? 0), 'enum values, each once'],
    [node.enum !== undefined && node.nullable === true, 'an enum without null refuses null'],
    ...defaultChecks(node),
    ...listMapChecks(node),
  ];
  return checks.flatMap(([isBroken, complaint]) => (isBroken ? [complaint] : []));
}

function defaultChecks(node: Schema): readonly (readonly [boolean, string])[] {
  const { default: value } = node;
  if (value === undefined) {
    return [];
  }
  const types = { object: 'object', array: 'object', string: 'string', boolean: 'boolean', integer: 'number' } as const;
  return [
    [node.type === undefined || typeof value !== types[node.type], 'the default has the type'],
    [Array.isArray(value) !== (node.type === 'array'), 'the default is a list where a list is due'],
    [node.enum !== undefined && !node.enum.some((allowed) => allowed === value), 'the default is one of the enum'],
    [typeof value === 'number' && value < (node.minimum ?? -Infinity), 'the default is not below the minimum'],
  ];
}

function listMapChecks(node: Schema): readonly (readonly [boolean, string])[] {
  const keys = node['x-kubernetes-list-map-keys'];
  const isMap = node['x-kubernetes-list-type'] === 'map';
  const properties = node.items?.properties ?? {};
  return [
    [isMap !== (keys !== undefined), 'keys on list maps, and only there'],
    [isMap && node.items?.type !== 'object', 'the items of a list map are objects'],
    [
      (keys ?? []).some((key) => {
        const isGiven = node.items?.required?.includes(key) === true || properties[key]?.default !== undefined;
        return !isGiven || ['object', 'array', undefined].includes(properties[key]?.type) || properties[key]?.nullable;
      }),
      'the keys of a list map are scalars, required or with a default, and not nullable',
    ],
  ];
}
