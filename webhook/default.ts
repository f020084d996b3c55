/** The mutating webhook: what an object does not say is filled in when it is created, and never later. Pure. */
import jsonpatch, { type Operation as PatchOperation } from 'fast-json-patch';
import { withDefaults } from '../shared/api/defaults.ts';
import { FINALIZER } from '../shared/api/group.ts';
import type { ObjectMeta, PodTemplateSpec, SequentialJob, SequentialJobSpec } from '../shared/api/types.ts';
import { namespaceFaults, warningsFor } from '../shared/validation/index.ts';
import { isPresent, asObject } from '../shared/json/untrusted.ts';
import { allowed, denied, patched, type AdmissionDecision } from './response.ts';
import type { AdmissionRequest } from './review.ts';
import { faultsOf } from './validate.ts';

/**
 * Answers a mutating review. Only CREATE is changed: a default that is newer than an object must not make an update of
 * it a change of its spec.
 *
 * An object with faults is refused here already. Between the mutating and the validating webhooks the API server checks
 * the schema and the CEL rules by itself, and stops there (apiserver pkg/registry/generic/registry/store.go `Create`:
 * BeforeCreate, then createValidation). A user would be told of a duplicate name, mend it, and only then be told of the
 * four other faults.
 *
 * `own`: the operator's own namespace.
 */
export function reviewDefaults(request: AdmissionRequest, own?: string): AdmissionDecision {
  const { operation, subResource, namespace, object, bytes } = request;
  if (operation !== 'CREATE' || subResource !== '') return allowed();
  const target = defaulted(object);
  // The few defaults say no more than the review that is around the object.
  const faults = [...namespaceFaults(namespace, own), ...faultsOf(target, { bytes })];
  return faults.length > 0 ? denied(target, faults, warningsFor(target, bytes)) : patched(defaultingPatch(object));
}

/** The smallest patch that makes an object what `defaulted` makes of it. */
export function defaultingPatch(object: unknown): readonly PatchOperation[] {
  const target = defaulted(object);
  return asObject(object) === undefined ? [] : jsonpatch.compare(object as object, target as object);
}

/**
 * The object with every default of its spec and the finalizer. Takes anything, changes and drops nothing that is
 * there, and is idempotent. What has a wrong type is left as it is, with what would go into it: filled in it could pass
 * for sound, and it is for validation to refuse.
 */
export function defaulted(object: unknown): unknown {
  const job = asObject<SequentialJob>(object);
  if (job === undefined) return object;
  const metadata = asObject<ObjectMeta>(job.metadata);
  const spec = asObject<SequentialJobSpec>(job.spec);
  return {
    ...job,
    ...(metadata === undefined ? {} : { metadata: withFinalizer(metadata) }),
    ...(spec === undefined ? {} : { spec: hasSoundTemplate(spec) ? withDefaults(spec as SequentialJobSpec) : spec }),
  };
}

function withFinalizer<T extends { readonly finalizers?: unknown }>(metadata: T): T {
  const { finalizers } = metadata;
  if (!isPresent(finalizers)) return { ...metadata, finalizers: [FINALIZER] };
  if (!Array.isArray(finalizers) || finalizers.includes(FINALIZER)) return metadata;
  return { ...metadata, finalizers: [...finalizers, FINALIZER] };
}

/** Whether the template is absent or an object, and so is the Pod's spec in it. */
function hasSoundTemplate(spec: { readonly template?: unknown }): boolean {
  if (!isPresent(spec.template)) return true;
  const template = asObject<PodTemplateSpec>(spec.template);
  return template !== undefined && (!isPresent(template.spec) || asObject(template.spec) !== undefined);
}
