/**
 * Compiles the resource's schema with ajv. It is the schema of the CustomResourceDefinition, so this validation
 * refuses what the API server refuses, at the same fields.
 */
import { Ajv, type CodeOptions, type ErrorObject, type ValidateFunction } from 'ajv';
import scheduleGenerated from '../api/schedule.schema.generated.json' with { type: 'json' };
import generated from '../api/schema.generated.json' with { type: 'json' };
import type { Schema } from '../api/schema.ts';
import { dedupeSubschemas } from './dedupe-subschemas.ts';

/** Keywords that structural schemas add to JSON schema. The merge keywords do not affect validity. */
const INT_OR_STRING = 'x-kubernetes-int-or-string' satisfies keyof Schema;
const MERGING: readonly (keyof Schema)[] = [
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
];

/** RFC 3339, as metav1.Time parses it. */
const RFC3339_TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;

export interface CompiledSchema {
  readonly ajv: Ajv;
  readonly validate: ValidateFunction;
}

/** Compiles the schema of the whole resource: about 60 ms and 20 MB. `code`: options for the generated code. */
export const compileResourceSchema = (code: CodeOptions = {}): CompiledSchema =>
  compileSchema(generated as Schema, code);

/** Compiles the schema of a CronSequentialJob without the spec of its template, which the other one validates. */
export const compileScheduleSchema = (code: CodeOptions = {}): CompiledSchema =>
  compileSchema(scheduleGenerated as Schema, code);

/** Compiles a structural schema. */
export function compileSchema(schema: Schema, code: CodeOptions = {}): CompiledSchema {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    // An int-or-string has a pattern for its strings and no type.
    strictTypes: false,
    verbose: true,
    // Shared subschemas become functions; inlining them would undo the deduplication.
    inlineRefs: false,
    formats: { int32: true, int64: true, 'date-time': RFC3339_TIME },
    code: { ...code, process: limitErrorsInCode },
  });
  ajv.addVocabulary([...MERGING]);
  ajv.addKeyword({ keyword: INT_OR_STRING, macro: () => ({ type: ['integer', 'string'] }) });
  return { ajv, validate: ajv.compile(dedupeSubschemas(schema)) };
}

/** Thrown by a validator that has collected the maximum number of errors. */
export interface ErrorLimitReached {
  readonly collected: readonly ErrorObject[];
}

/** Maximum number of ajv errors; one field error consists of at most two. */
const MAX_ERRORS = 256;

/**
 * Changes the code of a validator so that collecting errors takes linear time and ends. A function that finds errors
 * returns a list, which ajv's caller copies together with its own: for 190,000 empty containers that takes minutes.
 * The list is not used elsewhere, so it is extended instead. A list that reaches 256 errors is thrown
 * (`ErrorLimitReached`); errors in other lists are then lost.
 */
export function limitErrorsInCode(code: string): string {
  const push = (list: string, error: string): string =>
    `if(${list}.push(${error})>=${MAX_ERRORS})throw{collected:${list}};`;
  return code
    .replaceAll(/vErrors\.push\((\w+)\);/g, (_, error: string) => push('vErrors', error))
    .replaceAll(
      /vErrors\.concat\(([\w.]+)\)/g,
      (_, found: string) => `${found}.reduce((all, one) => {${push('all', 'one')}return all;}, vErrors)`,
    );
}
