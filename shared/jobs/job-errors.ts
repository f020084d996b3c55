/**
 * Translates the API server's errors about a Job into fields of the SequentialJob: the user wrote
 * `spec.steps[1]` and never saw the Job's `spec.template.spec.containers[0]`. Pure.
 */
import type { SequentialJob } from '../api/types.ts';
import { allSteps, stepAt, stepPath, type StepPosition } from './position.ts';

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

/** The steps whose containers the refused Job has, in the order of the Job's containers. */
export interface JobContents {
  readonly object: SequentialJob;
  readonly indices: readonly StepPosition[];
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
    const { index, field } = jobField === '' ? { index: only, field: '' } : locate(jobField, contents);
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

const CONTAINER = /^spec\.template\.spec\.containers\[(\d+)\]/;
const CONTAINERS = /\bspec\.template\.spec\.containers\[(\d+)\]/g;
/** pkg/apis/core/validation ValidatePodTemplateSpec leaves `metadata` out of these paths. */
const METADATA = /^spec\.template\.(annotations|labels)\b/;
/** The fields of a Job that a step or `spec.job` sets. */
const JOB_FIELD = /^spec\.(backoffLimit|activeDeadlineSeconds|podFailurePolicy)\b/;

type ErrorLocation = Pick<JobError, 'index' | 'field'>;

function locate(field: string, contents: JobContents): ErrorLocation {
  const container = CONTAINER.exec(field);
  if (container !== null) {
    const index = contents.indices[Number(container[1])];
    return { index, field: `${stepPath(contents.object.spec, index ?? 0)}${field.slice(container[0].length)}` };
  }
  if (METADATA.test(field)) return { index: undefined, field: field.replace(METADATA, 'spec.template.metadata.$1') };
  const job = JOB_FIELD.exec(field);
  if (job !== null) return locateJobField(field, job[1] ?? '', contents);
  if (field.startsWith('spec.template.')) return { index: undefined, field };
  // The Job's name, labels and constant settings, which are nearly the same for every step.
  return { index: undefined, field: `(Job) ${field}` };
}

/** A field that the step sets is the step's; any other is that of all steps, also where the Job's value is the default. */
function locateJobField(field: string, name: string, { object, indices }: JobContents): ErrorLocation {
  const index = indices[0] ?? 0;
  const { job } = stepAt(object.spec, index) ?? {};
  const isOwn = (job as Readonly<Record<string, unknown>> | undefined)?.[name] !== undefined;
  const place = field.replace(/^spec\b/, isOwn ? `${stepPath(object.spec, index)}.job` : 'spec.job');
  return { index: isOwn && indices.length === 1 ? index : undefined, field: place };
}

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
const withoutStructuredValue = (message: string): string =>
  message.replace(/^([A-Z][a-z]+(?: [a-z]+)?: )[\w.*[\]]*\{.*\}: /s, '$1');

const translatePaths = (text: string, { object, indices }: JobContents): string =>
  text.replaceAll(CONTAINERS, (_, at: string) => {
    const position = indices[Number(at)];
    return position === undefined ? `spec.steps[${at}]` : stepPath(object.spec, position);
  });
