/** Where a core type stands in our schemas, and what Kubernetes says about its fields. */
import { readFileSync } from 'node:fs';
import { modelDeclaration } from './core-models.ts';

/** The last parts of a field's path, and the model of the field or, for a list, of its items. */
const CORE_FIELDS: readonly (readonly [ending: string, model: string])[] = [
  ['.spec.steps', 'V1Container'],
  ['.spec.finally', 'V1Container'],
  ['.spec.containers', 'V1Container'],
  ['.spec.template', 'V1PodTemplateSpec'],
  ['.pod', 'V1PodSpec'],
  ['.podFailurePolicy', 'V1PodFailurePolicy'],
  ['.volumeClaimTemplates.spec', 'V1PersistentVolumeClaimSpec'],
];

/**
 * The model whose fields stand at this path of a resource: all of them (`.spec.template`), some of them (`.pod`), or all of
 * them with others (`.spec.steps`). A path has no indices. Undefined for a field of our own.
 */
export const modelAt = (path: string): string | undefined => CORE_FIELDS.find(([ending]) => path.endsWith(ending))?.[1];

/** What Kubernetes' API reference says about a type, and about each of its fields that it describes. */
export interface CoreDescriptions {
  readonly type: string | undefined;
  readonly fields: ReadonlyMap<string, string>;
}

const COMMENT = /\/\*\*\n((?:\s*\*(?!\/)[^\n]*\n)+)\s*\*\/\n\s*(?:'(\w+)'\??:|export declare class)/g;

/** Reads the descriptions from the comments of client-node's declarations. Throws when it has no such model. */
export function descriptionsOf(model: string): CoreDescriptions {
  const fields = new Map<string, string>();
  let type: string | undefined;
  for (const [, comment = '', field] of readFileSync(modelDeclaration(model), 'utf8').matchAll(COMMENT)) {
    const text = comment
      .replaceAll(/^\s*\* ?/gm, '')
      .replaceAll(/\\(['"])/g, '$1')
      .replaceAll(/\s+/g, ' ')
      .trim();
    if (field === undefined) type = text;
    else fields.set(field, text);
  }
  return { type, fields };
}
