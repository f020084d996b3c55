/**
 * Translates the API server's errors about a Job into fields of the SequentialJob: the user wrote
 * `spec.steps[1]` and never saw the Job's `spec.template.spec.containers[0]`. Pure.
 */
import type { SequentialJob } from '../api/types.ts';
import { locate, type JobContents } from './job-paths.ts';
import { allSteps, stepPath, type StepPosition } from './position.ts';

export type { JobContents } from './job-paths.ts';

/** The parts of a refusal (metav1.Status) that describe the errors. */
export interface JobRefusal {
  readonly message: string;
  readonly causes: readonly { readonly field?: string; readonly message?: string }[];
}

/** One error of a Job. */
export interface JobError {
  /** The position of the step; undefined if the error is about a part that all steps share. */
  readonly index: StepPosition | undefined;
  /** The path in the SequentialJob; empty if the server names no field. */
  readonly field: string;
  /** The server's message without the path. */
  readonly message: string;
}

/**
 * All errors of a refusal, in the server's order. At least one: without causes, the message of the refusal is the
 * error.
 */
export function jobErrorsOf(refusal: JobRefusal, contents: JobContents): readonly JobError[] {
  const only = contents.indices.length === 1 ? contents.indices[0] : undefined;
  const causes = refusal.causes.filter(({ message }) => message !== undefined && message !== '');
  if (causes.length === 0) return [{ index: only, field: '', message: translatePaths(refusal.message, contents) }];
  return causes.map(({ field: jobField = '', message = '' }) => {
    const { index, field } =
      jobField === '' ? { index: only, field: '' } : locate(jobField, contents, quotedValueOf(message));
    const text = translatePaths(withoutStructuredValue(message), contents);
    return { index, field, message: `${text}${hintFor(field, contents.object)}` };
  });
}

/** Formats an error like validation and `lint`: `spec.steps[1].image: Invalid value: …`. */
export const formatJobError = ({ field, message }: JobError): string =>
  field === '' ? message : `${field}: ${message}`;

/** Fields that the operator sets by itself and can do without: no user wrote them. */
const OPERATOR_FIELDS: ReadonlySet<string> = new Set(['spec.podReplacementPolicy']);

/**
 * The fields that the server dropped from a Job, as paths in the SequentialJob; without fields that the operator sets
 * by itself.
 */
export const toSequentialJobFields = (fields: readonly string[], contents: JobContents): readonly string[] =>
  fields.filter((field) => !OPERATOR_FIELDS.has(field)).map((field) => locate(field, contents).field);

/** `Invalid value: "a b": …`: the value, which is a key or a value of a map where the path names the map. */
const QUOTED_VALUE = /^[A-Z][a-z]+(?: [a-z]+)?: ("(?:[^"\\]|\\.)*")/;

const quotedValueOf = (message: string): string | undefined => QUOTED_VALUE.exec(message)?.[1];

const CONTAINER_OF_RULE = /^spec\.job\.podFailurePolicy\.rules\[(\d+)\]\.onExitCodes\.containerName$/;

/** Why the server refuses a rule about the container of one step that every step's Job gets, and where it belongs. */
function hintFor(field: string, { spec }: SequentialJob): string {
  const rule = CONTAINER_OF_RULE.exec(field)?.[1];
  if (rule === undefined) return '';
  const name = spec.job?.podFailurePolicy?.rules[Number(rule)]?.onExitCodes?.containerName;
  const position = allSteps(spec).findIndex((step) => step.name === name);
  if (position === -1) return '';
  const place = `${stepPath(spec, position)}.job.podFailurePolicy`;
  return `; spec.job applies to every step: put a rule about the container of one step into ${place}`;
}

/**
 * Servers print a structured value as Go syntax or as JSON, with all its unset fields and, before about 1.33, with
 * memory addresses that differ each time. This removes the value and keeps the message behind it.
 */
export const withoutStructuredValue = (message: string): string =>
  message.replace(/^([A-Z][a-z]+(?: [a-z]+)?: )[\w.*[\]]*\{.*\}: /s, '$1');

/** A path of a Job's Pod in a message, up to a list's index. */
const POD_PATHS = /\bspec\.template\.spec\.\w+(?:\[\d+\])?/g;

const translatePaths = (text: string, contents: JobContents): string =>
  text.replaceAll(POD_PATHS, (path) => locate(path, contents).field);
