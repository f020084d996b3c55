/**
 * Which fields an update may change: all before the sequence has started; afterwards `MUTABLE_FIELDS` and, with
 * updatePolicy FutureSteps, the steps after the current one and `finally`.
 *
 * Seven decisions:
 * - The updatePolicy of the new object applies: one update may set FutureSteps and change a later step, which a
 *   declarative client cannot split. The controller, which applies the same rules if the webhook was bypassed, sees
 *   only the new one.
 * - The current step is `status.progress.currentIndex`. For a failed sequence it is the failed step: a resume runs it
 *   again unchanged, so it cannot be edited. A finished sequence has no current step and no later steps.
 * - A step whose Job the API server rejected (JobRejected) is still to come: it never had a Job, so with FutureSteps
 *   the user can correct it. If the status has a record of the step, it had a Job before, and is immutable like any
 *   failed step.
 * - While the steps of `finally` run after such a rejection, no step may change: the sequence goes on when its spec
 *   has changed since its end, so a change before the end would be lost.
 * - If the status has a start time but no progress, no step may change.
 * - Lowering `resume` is not an error: resume.ts.
 * - The controller applies the same rules to changes that bypassed the webhook: effective-spec.ts.
 */
import { withDefaults } from '../api/defaults.ts';
import { REASON, RETRIED_ON_CHANGE } from '../api/reasons.ts';
import type {
  ObjectMeta,
  Progress,
  SequentialJob,
  SequentialJobSpec,
  SequentialJobStatus,
  StepStatus,
} from '../api/types.ts';
import { Path, type FieldError } from './field-error.ts';
import { IMMUTABILITY, type Immutability, immutable } from './immutable.ts';
import { validateResume, resumeWarnings } from './resume.ts';
import { RESOURCE_SCHEMA } from './schema.ts';
import { reportDifferences } from './semantic.ts';
import { validateStepUpdate, type SequenceProgress } from './update-steps.ts';
import {
  asEntries,
  asInteger,
  isPresent,
  asArray,
  asObject,
  asObjects,
  nonEmptyString,
  type Untrusted,
} from '../json/untrusted.ts';

type Spec = Untrusted<SequentialJobSpec>;
type Status = Untrusted<SequentialJobStatus>;

const SPEC = Path.of('spec');
const SCHEMA = RESOURCE_SCHEMA.properties?.['spec']?.properties;

/** Fields that may change at any time. */
export const MUTABLE_FIELDS: ReadonlySet<string> = new Set([
  'activeDeadlineSeconds',
  'resume',
  'suspend',
  'ttlSecondsAfterFinished',
  'updatePolicy',
] satisfies (keyof SequentialJobSpec)[]);

/** Fields that are validated step by step. */
const CHECKED_BY_STEP: ReadonlySet<string> = new Set(['steps'] satisfies (keyof SequentialJobSpec)[]);

/** Maximum number of reported errors; an update that replaces a spec of a thousand steps has tens of thousands. */
const MAX_ERRORS = 100;

/**
 * The errors of an update, in the order of the object; the first hundred. Pure; accepts untrusted values. It does not
 * validate the new object itself. `oldObject` is the object in the API server, with its status.
 */
export function validateUpdate(oldObject: unknown, newObject: unknown): readonly FieldError[] {
  const before = asObject<SequentialJob>(oldObject);
  const after = asObject<SequentialJob>(newObject);
  if (isBeingDeleted(before?.metadata) || isBeingDeleted(after?.metadata)) return [];
  const status = asObject<SequentialJobStatus>(before?.status);
  const [was, is] = [specWithDefaults(before?.spec), specWithDefaults(after?.spec)];
  return [...validateImmutableFields(was, is, status), ...validateResume(was, is, status)];
}

/** Warnings about an allowed update that probably does not do what the user expects. Pure; accepts untrusted values. */
export function updateWarnings(oldObject: unknown, newObject: unknown): readonly string[] {
  const before = asObject<SequentialJob>(oldObject);
  const after = asObject<SequentialJob>(newObject);
  return resumeWarnings(
    specWithDefaults(before?.spec),
    specWithDefaults(after?.spec),
    asObject<SequentialJobStatus>(before?.status),
  );
}

/** Whether the object is being deleted: it runs no more steps. */
export const isBeingDeleted = (metadata: unknown): boolean =>
  isPresent(asObject<ObjectMeta>(metadata)?.deletionTimestamp);

/**
 * The errors in a change of the immutable fields at this status; none before the start. Pure; accepts untrusted
 * values, with or without defaults; the first hundred errors.
 */
export function validateImmutableFields(from: unknown, to: unknown, statusValue: unknown): readonly FieldError[] {
  const status = asObject<SequentialJobStatus>(statusValue);
  if (nonEmptyString(status?.startTime) === undefined) return [];
  const [was, is] = [specWithDefaults(from), specWithDefaults(to)];
  const steps = validateStepUpdate(was, is, progressOf(was, is, status));
  return [...steps, ...validateOtherFields(was, is, status)].slice(0, MAX_ERRORS);
}

/** An object that was stored before a default existed has that default too. Defaulting accepts untrusted values. */
const specWithDefaults = (spec: unknown): Spec => withDefaults((asObject(spec) ?? {}) as SequentialJobSpec);

function progressOf(was: Spec, is: Spec, status: Status | undefined): SequenceProgress {
  const current = asInteger(asObject<Progress>(status?.progress)?.currentIndex);
  const total = asArray(was.steps).length;
  if (current === undefined || current < 0 || current >= total) {
    return { startedCount: total, futureStepsEditable: false, current: 'started' };
  }
  const allowsFuture = is.updatePolicy === 'FutureSteps';
  const awaitsFinally = allowsFuture && isAwaitingChange(status);
  const futureStepsEditable = allowsFuture && !awaitsFinally;
  return isRejectedStep(current, status)
    ? { startedCount: current, futureStepsEditable, awaitsFinally, current: 'future' }
    : { startedCount: current + 1, futureStepsEditable, current: 'started' };
}

/**
 * Whether the steps of `finally` run after a Job or a claim was rejected. The sequence goes on when its spec has changed since the
 * end, so a change before the end would be lost.
 */
const isAwaitingChange = (status: Status | undefined): boolean =>
  isFinishing(status) &&
  RETRIED_ON_CHANGE.has(nonEmptyString(asObject<Progress>(status?.progress)?.failureReason) ?? '');

/** Whether the steps of `finally` run. */
const isFinishing = (status: Status | undefined): boolean =>
  Array.isArray(status?.finally) && nonEmptyString(status.completionTime) === undefined;

/** Whether the API server rejected the current step's Job, and the step never had another one. */
function isRejectedStep(current: number, status: Status | undefined): boolean {
  if (asObject<Progress>(status?.progress)?.failureReason !== REASON.jobRejected) return false;
  return !asObjects<StepStatus>(status?.steps).some(({ index }) => index === current);
}

/** Fields that apply to all steps, the template first, as in validation. Unknown fields are immutable too. */
function validateOtherFields(was: Spec, is: Spec, status: Status | undefined): readonly FieldError[] {
  const errors: FieldError[] = [];
  const [before, after] = [new Map(asEntries(was)), new Map(asEntries(is))];
  for (const name of new Set(['template', ...before.keys(), ...after.keys()])) {
    const rule = immutabilityOf(name, is, status);
    if (rule === undefined) continue;
    const schema = SCHEMA !== undefined && Object.hasOwn(SCHEMA, name) ? SCHEMA[name] : undefined;
    reportDifferences(before.get(name), after.get(name), { schema, name, at: SPEC.child(name) }, (at, value) => {
      errors.push(immutable(at, value, rule.field));
    });
  }
  return errors;
}

/** Why a field that applies to all steps may not change; undefined if it may. */
function immutabilityOf(name: string, is: Spec, status: Status | undefined): Immutability | undefined {
  if (MUTABLE_FIELDS.has(name) || CHECKED_BY_STEP.has(name)) return undefined;
  if (name !== 'finally' || is.updatePolicy !== 'FutureSteps') return IMMUTABILITY.sequenceStarted;
  return isFinishing(status) ? IMMUTABILITY.finallyRunning : undefined;
}
