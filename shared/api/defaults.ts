/**
 * The defaults of the spec: those of the schema, which the API server sets, and the restart policy, which the webhook
 * sets.
 */
import { DEFAULT_BACKOFF_LIMIT } from './group.ts';
import type { PodTemplateSpec, SequentialJobSpec, StepJob, UpdatePolicy } from './types.ts';

type PodSpec = NonNullable<PodTemplateSpec['spec']>;

/** A Pod template with a restart policy. */
export interface DefaultedTemplate extends PodTemplateSpec {
  readonly spec: PodSpec & { readonly restartPolicy: string };
}

/** A spec in which every field with a default is set. */
export interface DefaultedSpec extends SequentialJobSpec {
  readonly template: DefaultedTemplate;
  readonly job: StepJob & { readonly backoffLimit: number };
  readonly suspend: boolean;
  readonly updatePolicy: UpdatePolicy;
  readonly resume: number;
}

/**
 * Sets each absent or `null` field that has a default (the API treats both alike); keeps all other values, also
 * invalid ones. Pure and idempotent: the argument is never changed, unchanged parts are shared, and a spec with all
 * defaults is returned itself.
 */
export function withDefaults(spec: SequentialJobSpec): DefaultedSpec {
  return isDefaulted(spec)
    ? spec
    : {
        ...spec,
        template: templateWithDefaults(spec.template),
        job: jobWithDefaults(spec.job),
        suspend: spec.suspend ?? false,
        updatePolicy: spec.updatePolicy ?? 'Immutable',
        resume: spec.resume ?? 0,
      };
}

/** Absent, `null` or empty: the API server treats all three as unset. Go clients send an unset string as empty. */
const isUnset = (value: unknown): boolean => value === undefined || value === null || value === '';

const isDefaulted = (spec: SequentialJobSpec): spec is DefaultedSpec =>
  !isUnset(spec.template?.spec?.restartPolicy) &&
  [spec.job?.backoffLimit, spec.suspend, spec.updatePolicy, spec.resume].every(
    (value) => value !== undefined && value !== null,
  );

const jobWithDefaults = (job: StepJob | undefined): DefaultedSpec['job'] => ({
  ...job,
  backoffLimit: job?.backoffLimit ?? DEFAULT_BACKOFF_LIMIT,
});

function templateWithDefaults(template: PodTemplateSpec | undefined): DefaultedTemplate {
  const { restartPolicy, ...rest } = template?.spec ?? NO_POD;
  const policy = restartPolicy === undefined || isUnset(restartPolicy) ? 'Never' : restartPolicy;
  return { ...template, spec: { ...rest, restartPolicy: policy } };
}

/** client-node's type requires `containers`, which a template here does not have. */
const NO_POD = {} as PodSpec;
