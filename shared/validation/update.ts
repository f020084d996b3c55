/**
 * What an update may change. Before the sequence has started everything; after it, only how it goes on: the fields of
 * `MUTABLE` and, where `updatePolicy` is FutureSteps, the steps after the current one with their policies.
 *
 * Six decisions:
 * - The policy that counts is that of the new object: one update that sets FutureSteps and changes a later step is one
 *   intention, and a declarative client has no other way to send it. It also is the only one that the controller sees,
 *   which holds to the same rule where the webhook was bypassed.
 * - The current step is the status's `progress.currentIndex`. Of a failed sequence that is the failed step: a resume
 *   runs it again as it was, so it can't be mended. A finished sequence has no current step, and nothing after it.
 * - A step whose Job the API server refused (JobRejected) is still to come: it never had a Job, so under FutureSteps it
 *   can be mended, as the refusal asks for. One that has a record had a Job before, and is held like any failed step.
 * - A status that has a start and says nothing else gives no step free.
 * - A `resume` that is lowered is no fault: resume.ts.
 * - The controller asks the same questions of a change that no webhook has seen: held-spec.ts.
 */
import { withDefaults } from '../api/defaults.ts';
import { REASON } from '../api/reasons.ts';
import type {
  ObjectMeta,
  Progress,
  SequentialJob,
  SequentialJobSpec,
  SequentialJobStatus,
  StepStatus,
} from '../api/types.ts';
import { Path, type FieldError } from './field-error.ts';
import { IMMUTABILITY, immutable } from './immutable.ts';
import { resumeFaults, resumeWarnings } from './resume.ts';
import { RESOURCE_SCHEMA } from './schema.ts';
import { differences } from './semantic.ts';
import { changesOfSteps, type SequenceProgress } from './update-steps.ts';
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

/** What may change at any time. */
export const MUTABLE: ReadonlySet<string> = new Set([
  'activeDeadlineSeconds',
  'resume',
  'suspend',
  'ttlSecondsAfterFinished',
  'updatePolicy',
] satisfies (keyof SequentialJobSpec)[]);

/** What is judged step by step. */
const BY_STEP: ReadonlySet<string> = new Set(['containers', 'stepPolicies'] satisfies (keyof SequentialJobSpec)[]);

/** So many faults are enough to act on; an update that swaps a whole spec of a thousand steps has tens of thousands. */
const MAX_FAULTS = 100;

/**
 * Gives what is not allowed in the update of one object to another, in the order of the object. Pure and total, like
 * validation, which it does not repeat: the new object is to be validated as well. The old object is the one that the
 * API server has, with its status. It reports the first hundred faults.
 */
export function validateUpdate(oldObject: unknown, newObject: unknown): readonly FieldError[] {
  const before = asObject<SequentialJob>(oldObject);
  const after = asObject<SequentialJob>(newObject);
  if (isBeingDeleted(before?.metadata) || isBeingDeleted(after?.metadata)) return [];
  const status = asObject<SequentialJobStatus>(before?.status);
  const [was, is] = [defaulted(before?.spec), defaulted(after?.spec)];
  return [...frozenFaults(was, is, status), ...resumeFaults(was, is, status)];
}

/** What an update that is legal is probably not meant to do. Pure and total; of objects as `validateUpdate` takes them. */
export function updateWarnings(oldObject: unknown, newObject: unknown): readonly string[] {
  const before = asObject<SequentialJob>(oldObject);
  const after = asObject<SequentialJob>(newObject);
  return resumeWarnings(defaulted(before?.spec), defaulted(after?.spec), asObject<SequentialJobStatus>(before?.status));
}

/** Whether the object is being deleted: it runs nothing any more. */
export const isBeingDeleted = (metadata: unknown): boolean =>
  isPresent(asObject<ObjectMeta>(metadata)?.deletionTimestamp);

/**
 * What a change from one spec to another does to what is held at this status; nothing before the start. Pure and total,
 * the first hundred faults. Defaults need not be filled in.
 */
export function frozenFaults(from: unknown, to: unknown, reported: unknown): readonly FieldError[] {
  const status = asObject<SequentialJobStatus>(reported);
  if (nonEmptyString(status?.startTime) === undefined) return [];
  const [was, is] = [defaulted(from), defaulted(to)];
  const steps = changesOfSteps(was, is, progressOf(was, is, status));
  return [...steps.containers, ...otherFaults(was, is), ...steps.policies].slice(0, MAX_FAULTS);
}

/** An object stored before a default existed has it all the same. Nobody has checked the types: defaulting is total. */
const defaulted = (spec: unknown): Spec => withDefaults((asObject(spec) ?? {}) as SequentialJobSpec);

function progressOf(was: Spec, is: Spec, status: Status | undefined): SequenceProgress {
  const current = asInteger(asObject<Progress>(status?.progress)?.currentIndex);
  const total = asArray(was.containers).length;
  if (current === undefined || current < 0 || current >= total) {
    return { startedCount: total, futureStepsEditable: false, current: 'reached' };
  }
  const futureStepsEditable = is.updatePolicy === 'FutureSteps';
  return isRefused(current, status)
    ? { startedCount: current, futureStepsEditable, current: 'to come' }
    : { startedCount: current + 1, futureStepsEditable, current: 'reached' };
}

/** Whether the current step is one whose Job the API server refused, and that never had another. */
function isRefused(current: number, status: Status | undefined): boolean {
  if (asObject<Progress>(status?.progress)?.failureReason !== REASON.jobRejected) return false;
  return !asObjects<StepStatus>(status?.steps).some(({ index }) => index === current);
}

/** The fields that concern all steps, the template first, as validation reports it. What is unknown here is held too. */
function otherFaults(was: Spec, is: Spec): readonly FieldError[] {
  const faults: FieldError[] = [];
  const [before, after] = [new Map(asEntries(was)), new Map(asEntries(is))];
  for (const name of new Set(['template', ...before.keys(), ...after.keys()])) {
    if (MUTABLE.has(name) || BY_STEP.has(name)) continue;
    const schema = SCHEMA !== undefined && Object.hasOwn(SCHEMA, name) ? SCHEMA[name] : undefined;
    differences(before.get(name), after.get(name), { schema, name, at: SPEC.child(name) }, (at, value) => {
      faults.push(immutable(at, value, IMMUTABILITY.started.field));
    });
  }
  return faults;
}
