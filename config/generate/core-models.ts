/**
 * Reads the core types from the models of @kubernetes/client-node. Its generated models follow the OpenAPI document of the
 * Kubernetes release they were made from: property names, types and formats at run time (`attributeTypeMap`), and in
 * the declaration files beside them which properties are required (no `?`).
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as clientNode from '@kubernetes/client-node';

/** One property of a core type. `type` is in the models' notation: `string`, `Array<V1EnvVar>`, `{ [key: string]: string; }`. */
export interface CoreProperty {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly required: boolean;
}

interface Model {
  getAttributeTypeMap(): readonly {
    readonly name: string;
    readonly baseName: string;
    readonly type: string;
    readonly format: string;
  }[];
}

const MODELS = new URL('./gen/models/', import.meta.resolve('@kubernetes/client-node'));

const isModel = (value: unknown): value is Model => typeof value === 'function' && 'getAttributeTypeMap' in value;

/** The declaration file of a model. */
export const modelDeclaration = (model: string): string => fileURLToPath(new URL(`${model}.d.ts`, MODELS));

/** Lists the properties of a model, in the model's order. Throws when client-node has no model of that name. */
export function propertiesOf(model: string): readonly CoreProperty[] {
  const found: unknown = Object.entries(clientNode).find(([name]) => name === model)?.[1];
  if (!isModel(found)) {
    throw new Error(`@kubernetes/client-node has no model ${model}`);
  }
  const declaration = readFileSync(modelDeclaration(model), 'utf8');
  return found.getAttributeTypeMap().map(({ name, baseName, type, format }) => ({
    name: baseName,
    type,
    format,
    required: declaration.includes(`'${name}':`),
  }));
}
