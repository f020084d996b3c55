/** The defaults of the spec: those of the schema, which the API server fills in, and the restart policy. */
import { DEFAULT_BACKOFF_LIMIT } from './group.ts';
import type { PodTemplateSpec, SequentialJobSpec, StepPolicy, UpdatePolicy } from './types.ts';

type PodSpec = NonNullable<PodTemplateSpec['spec']>;

/** A template that says how its Pods restart. */
export interface DefaultedTemplate extends PodTemplateSpec {
  readonly spec: PodSpec & { readonly restartPolicy: string };
}

/** A spec in which every field with a default is set. */
export interface DefaultedSpec extends SequentialJobSpec {
  readonly template: DefaultedTemplate;
  readonly backoffLimit: number;
  readonly suspend: boolean;
  readonly updatePolicy: UpdatePolicy;
  readonly stepPolicies: readonly StepPolicy[];
  readonly resume: number;
}

const NO_POLICIES: readonly StepPolicy[] = Object.freeze([]);

/**
 * Sets what is absent, or `null`, which the API reads the same; leaves everything else as it is, also what is invalid.
 * Pure and idempotent: the argument is never changed, the result shares all its unchanged parts, and a spec that has
 * everything comes back as it is.
 */
export function withDefaults(spec: SequentialJobSpec): DefaultedSpec {
  return isDefaulted(spec)
    ? spec
    : {
        ...spec,
        template: templateWithDefaults(spec.template),
        backoffLimit: spec.backoffLimit ?? DEFAULT_BACKOFF_LIMIT,
        suspend: spec.suspend ?? false,
        updatePolicy: spec.updatePolicy ?? 'Immutable',
        stepPolicies: spec.stepPolicies ?? NO_POLICIES,
        resume: spec.resume ?? 0,
      };
}

/** Absent, `null` or empty, as a Go client leaves an optional string: the API server reads all three as unset. */
const isUnset = (value: unknown): boolean => value === undefined || value === null || value === '';

const isDefaulted = (spec: SequentialJobSpec): spec is DefaultedSpec =>
  !isUnset(spec.template?.spec?.restartPolicy) &&
  [spec.backoffLimit, spec.suspend, spec.updatePolicy, spec.stepPolicies, spec.resume].every(
    (value) => value !== undefined && value !== null,
  );

function templateWithDefaults(template: PodTemplateSpec | undefined): DefaultedTemplate {
  const { restartPolicy, ...rest } = template?.spec ?? NO_POD;
  const policy = restartPolicy === undefined || isUnset(restartPolicy) ? 'Never' : restartPolicy;
  return { ...template, spec: { ...rest, restartPolicy: policy } };
}

/** client-node's type requires the containers, which a template here does not have. */
const NO_POD = {} as PodSpec;
