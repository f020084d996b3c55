/** The mutating webhook: sets defaults when an object is created, and never later. Pure. */
import jsonpatch, { type Operation as PatchOperation } from 'fast-json-patch';
import { withDefaults } from '../shared/api/defaults.ts';
import { FINALIZER, V1ALPHA1_API_VERSION } from '../shared/api/group.ts';
import { withScheduleDefaults } from '../shared/api/schedule-defaults.ts';
import type { CronSequentialJobSpec } from '../shared/api/schedule.ts';
import type { ObjectMeta, PodTemplateSpec, SequentialJob, SequentialJobSpec } from '../shared/api/types.ts';
import { readUserObject, validateNamespace } from '../shared/validation/index.ts';
import { isPresent, asObject, type Untrusted } from '../shared/json/untrusted.ts';
import { allowed, denied, patched, type AdmissionDecision } from './response.ts';
import type { AdmissionRequest } from './review.ts';
import { isSchedule } from './resource-rules.ts';
import { objectErrors, objectWarnings } from './validate.ts';

/**
 * Answers a mutating review. Changes objects only on CREATE: a default that is newer than the object must not turn an
 * update into a change of the spec.
 *
 * Refuses invalid objects already here. Between the mutating and the validating webhooks the API server checks the
 * schema and the CEL rules, and stops at their errors (apiserver pkg/registry/generic/registry/store.go `Create`:
 * BeforeCreate, then createValidation). A user would correct a duplicate name and only then learn of the four other
 * errors.
 *
 * `own`: the operator's own namespace.
 */
export function reviewDefaults(request: AdmissionRequest, own?: string): AdmissionDecision {
  const { operation, subResource, namespace, object, bytes } = request;
  if (operation !== 'CREATE' || subResource !== '') return allowed();
  const target = defaulted(object);
  const user = readUserObject(target);
  // The defaults add less than the review around the object.
  const errors = [...validateNamespace(namespace, own), ...objectErrors(user, { bytes })];
  return errors.length > 0 ? denied(target, errors, objectWarnings(user, bytes)) : patched(defaultingPatch(object));
}

/** The smallest patch with the changes of `defaulted`. */
export function defaultingPatch(object: unknown): readonly PatchOperation[] {
  const target = defaulted(object);
  return asObject(object) === undefined ? [] : jsonpatch.compare(object as object, target as object);
}

/** A new object of either kind with its defaults, as `withDefaultsAndFinalizer`. The template of a schedule stays as it is. */
export function defaulted(object: unknown): unknown {
  if (!isSchedule(object)) return withDefaultsAndFinalizer(object);
  const schedule = asObject<SequentialJob>(object);
  const spec = asObject<CronSequentialJobSpec>(schedule?.spec);
  return spec === undefined ? object : { ...schedule, spec: withScheduleDefaults(spec as CronSequentialJobSpec) };
}

/**
 * The object with all defaults of its spec, in its own API version, and the finalizer. Accepts untrusted values, keeps every
 * existing value, and is idempotent. A value of the wrong type stays unchanged: with defaults in it it could seem valid, and
 * validation must refuse it.
 */
export function withDefaultsAndFinalizer(object: unknown): unknown {
  const job = asObject<SequentialJob>(object);
  if (job === undefined) return object;
  const metadata = asObject<ObjectMeta>(job.metadata);
  const spec = asObject<SequentialJobSpec>(job.spec);
  return {
    ...job,
    ...(metadata === undefined ? {} : { metadata: withFinalizer(metadata) }),
    ...(spec === undefined ? {} : { spec: hasValidTypes(spec) ? specWithDefaults(spec, job.apiVersion) : spec }),
  };
}

/** In v1alpha1 two defaults are elsewhere. Those of the schema are set again, for an object that comes without them. */
function specWithDefaults(spec: Untrusted<SequentialJobSpec>, apiVersion: unknown): unknown {
  if (apiVersion !== V1ALPHA1_API_VERSION) return withDefaults(spec as SequentialJobSpec);
  const { template, job, suspend, updatePolicy, resume } = withDefaults({ ...(spec as SequentialJobSpec), job: {} });
  const { backoffLimit, stepPolicies } = spec as Readonly<Record<string, unknown>>;
  return {
    ...spec,
    template,
    backoffLimit: backoffLimit ?? job.backoffLimit,
    suspend,
    updatePolicy,
    stepPolicies: stepPolicies ?? [],
    resume,
  };
}

function withFinalizer<T extends { readonly finalizers?: unknown }>(metadata: T): T {
  const { finalizers } = metadata;
  if (!isPresent(finalizers)) return { ...metadata, finalizers: [FINALIZER] };
  if (!Array.isArray(finalizers) || finalizers.includes(FINALIZER)) return metadata;
  return { ...metadata, finalizers: [...finalizers, FINALIZER] };
}

/** Whether the template, its Pod spec and `job` are each absent or an object. */
function hasValidTypes(spec: { readonly template?: unknown; readonly job?: unknown }): boolean {
  if (isPresent(spec.job) && asObject(spec.job) === undefined) return false;
  if (!isPresent(spec.template)) return true;
  const template = asObject<PodTemplateSpec>(spec.template);
  return template !== undefined && (!isPresent(template.spec) || asObject(template.spec) !== undefined);
}
