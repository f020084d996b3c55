/**
 * How ajv reads the resource's schema: the same document that the CustomResourceDefinition carries, so what the API server
 * refuses is refused here, in the same places.
 */
import { Ajv, type CodeOptions, type ErrorObject, type ValidateFunction } from 'ajv';
import generated from '../api/schema.generated.json' with { type: 'json' };
import type { Schema } from '../api/schema.ts';
import { withSharedParts } from './dedupe-subschemas.ts';

/** What structural schemas add to JSON schema. Those that are not read here are about merging, not about validity. */
const INT_OR_STRING = 'x-kubernetes-int-or-string' satisfies keyof Schema;
const MERGING: readonly (keyof Schema)[] = [
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
];

/** RFC 3339, as metav1.Time reads it. */
const TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

export interface CompiledSchema {
  readonly ajv: Ajv;
  readonly validate: ValidateFunction;
}

/** Compiles the schema of the whole resource: some 60 ms and 20 MB. `code`: how it is to be written. */
export function compileResourceSchema(code: CodeOptions = {}): CompiledSchema {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    // An int-or-string has a pattern for its strings and no type.
    strictTypes: false,
    verbose: true,
    // Shared parts as functions of their own: written out again at each place they would be shared for nothing.
    inlineRefs: false,
    formats: { int32: true, int64: true, 'date-time': TIME },
    code: { ...code, process: withBoundedErrors },
  });
  ajv.addVocabulary([...MERGING]);
  ajv.addKeyword({ keyword: INT_OR_STRING, macro: () => ({ type: ['integer', 'string'] }) });
  return { ajv, validate: ajv.compile(withSharedParts(generated as Schema)) };
}

/** What a validator throws that has found enough. */
export interface ErrorLimitReached {
  readonly enough: readonly ErrorObject[];
}

/** Errors after which a validator stops: a fault has two at most. */
const MAX_ERRORS = 256;

/**
 * The code of a validator, so changed that collecting errors takes linear time and comes to an end. A function that finds errors
 * gives its caller a list, which ajv has the caller copy together with all that it has already: for a list of 190,000 empty
 * containers that is minutes. The copy is nobody else's, so it can grow instead. Where a list has grown to 256 errors, it is
 * thrown (`EnoughErrors`): those that were found elsewhere before are not in it.
 */
export function withBoundedErrors(code: string): string {
  const push = (list: string, error: string): string =>
    `if(${list}.push(${error})>=${MAX_ERRORS})throw{enough:${list}};`;
  return code
    .replaceAll(/vErrors\.push\((\w+)\);/g, (_, error: string) => push('vErrors', error))
    .replaceAll(
      /vErrors\.concat\(([\w.]+)\)/g,
      (_, found: string) => `${found}.reduce((all, one) => {${push('all', 'one')}return all;}, vErrors)`,
    );
}
