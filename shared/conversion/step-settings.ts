/**
 * The settings of a step: in v1beta1 fields of the step, in v1alpha1 a policy with the step's name. A policy has three
 * fields of the Job itself, and the others of the Job in `job`.
 */
import { isObject } from '../json/untrusted.ts';
import { type Path, typeInvalid } from '../validation/field-error.ts';
import type { OnProblem } from './conversion-error.ts';

export type Json = Readonly<Record<string, unknown>>;

/** Fields of a Job's settings that a v1alpha1 policy has itself. */
export const POLICY_JOB_FIELDS: readonly string[] = ['backoffLimit', 'activeDeadlineSeconds', 'podFailurePolicy'];
/** Fields that have the same name in a v1beta1 step and in a v1alpha1 policy. */
const SHARED_FIELDS = ['onFailure', 'when', 'pod'] as const;
/** The fields of a v1beta1 step that no container has. */
export const STEP_FIELDS: readonly string[] = ['job', ...SHARED_FIELDS];

/** The named fields that the object has. Safe for the key `__proto__`. */
export const pick = (object: Json, names: readonly string[]): Json =>
  Object.fromEntries(names.filter((name) => Object.hasOwn(object, name)).map((name) => [name, object[name]]));

/** The object without the named fields. */
export const omit = (object: Json, names: readonly string[]): Json =>
  names.some((name) => Object.hasOwn(object, name))
    ? Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))
    : object;

const isEmpty = (object: Json): boolean => Object.keys(object).length === 0;

/** `job` with more fields. It is a problem if there are some and `job` is not an object. */
export function addToJob(job: unknown, fields: Json, at: Path, onProblem: OnProblem): unknown {
  if (isEmpty(fields)) return job;
  if (job !== undefined && job !== null && !isObject(job)) onProblem(typeInvalid(at, job, ['object']));
  return isObject(job) ? { ...job, ...fields } : fields;
}

/**
 * Takes fields out of `job`: `rest` is undefined if nothing remains but the fields that were taken. An empty `job` remains,
 * because it is one that the client wrote.
 */
export function takeFromJob(job: unknown, names: readonly string[]): { readonly taken: Json; readonly rest: unknown } {
  if (!isObject(job)) return { taken: {}, rest: job };
  const taken = pick(job, names);
  const rest = omit(job, names);
  return { taken, rest: isEmpty(rest) && !isEmpty(taken) ? undefined : rest };
}

/** The container of a v1beta1 step. Unknown fields stay. */
export const containerOf = <T extends object>(step: T): Omit<T, 'job' | 'pod' | 'onFailure' | 'when'> =>
  omit(step as Json, STEP_FIELDS) as T;

/** The settings of a v1beta1 step as a policy without its name; undefined if it has none. */
export function policyOf(step: Json): Json | undefined {
  const { taken, rest } = takeFromJob(step['job'], POLICY_JOB_FIELDS);
  const policy = { ...taken, ...pick(step, SHARED_FIELDS), ...(rest === undefined ? {} : { job: rest }) };
  return isEmpty(policy) ? undefined : policy;
}

/**
 * The settings of a v1alpha1 policy as fields of a v1beta1 step. Fields that a policy does not have are left out, as the API
 * server prunes them: in a step they could be fields of the container.
 */
export function settingsOf(policy: Json, at: Path, onProblem: OnProblem): Json {
  const own = policy['job'];
  const rest = isObject(own) ? omit(own, POLICY_JOB_FIELDS) : own;
  const job = addToJob(rest, pick(policy, POLICY_JOB_FIELDS), at.child('job'), onProblem);
  return { ...(job === undefined ? {} : { job }), ...pick(policy, SHARED_FIELDS) };
}
