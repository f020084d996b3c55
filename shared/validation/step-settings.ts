/** Validates the settings of steps: of their Jobs and Pods, of one step or of all. */
import type { V1Container } from '@kubernetes/client-node';
import type { FinallyStep, SequentialJobSpec, StepJob, StepPod } from '../api/types.ts';
import { asInteger, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { invalid, type FieldErrors, type Path } from './field-error.ts';
import { validateClaims } from './keyed-lists.ts';
import { validateReservedKeys } from './labels.ts';
import { validateInitContainers, type PodContext, type TemplateView } from './template.ts';

/** What is valid already, and what the settings are validated against. */
export interface SharedParts {
  readonly template: TemplateView;
  /** The names of all steps. */
  readonly names: ReadonlySet<string>;
}

/**
 * Validates the settings: alone, and in the Pod that they make with the template. What the template has by itself is
 * validated once, however many steps there are.
 */
export function validateStepSettings(
  spec: Untrusted<SequentialJobSpec>,
  shared: SharedParts,
  at: Path,
  errors: FieldErrors,
): void {
  const limit = asInteger(spec.activeDeadlineSeconds);
  const steps = settingsOf(spec, at);
  const ofAll = asObject<StepJob>(spec.job);
  const context = steps.some(({ pod }) => pod !== undefined) ? podContext(shared) : undefined;
  for (const { job, pod, here, isFinally } of steps) {
    // The deadline of the sequence does not cover the steps of finally.
    validateJob(job, isFinally ? undefined : limit, here.child('job'), errors);
    if (pod !== undefined && context !== undefined) validatePod(pod, context, here.child('pod'), errors);
  }
  validateJob(ofAll, limit, at.child('job'), errors);
  validateRestartPolicies(steps, { ofAll, template: shared.template, at }, errors);
}

interface StepSettings {
  readonly job: Untrusted<StepJob> | undefined;
  readonly pod: Untrusted<StepPod> | undefined;
  /** The path of the step. */
  readonly here: Path;
  readonly isFinally: boolean;
}

function settingsOf(spec: Untrusted<SequentialJobSpec>, at: Path): readonly StepSettings[] {
  return (['steps', 'finally'] as const).flatMap((list) =>
    asObjects<FinallyStep>(spec[list]).map(({ job, pod }, i) => ({
      job: asObject<StepJob>(job),
      pod: asObject<StepPod>(pod),
      here: at.child(list).index(i),
      isFinally: list === 'finally',
    })),
  );
}

/** What the Pod of every step has before its own settings. */
interface SharedPod extends PodContext {
  /** The names of the template's resource claims. */
  readonly claims: ReadonlySet<string>;
}

function podContext({ template, names }: SharedParts): SharedPod {
  const namesOf = (items: readonly Untrusted<{ name: string }>[]): readonly string[] =>
    items.flatMap(({ name }) => nonEmptyString(name) ?? []);
  return {
    taken: new Set([...names, ...namesOf(template.initContainers)]),
    volumes: template.mountable,
    claims: new Set(namesOf(asObjects(template.spec?.resourceClaims))),
  };
}

/**
 * The rules of the template's Pod for what a step adds to it. An init container runs in the Pod of its step only, yet it has a
 * name that no step has, like those of the template.
 */
function validatePod(pod: Untrusted<StepPod>, shared: SharedPod, at: Path, errors: FieldErrors): void {
  validateReservedMetadata(pod, at, errors);
  validateInitContainers(asObjects<V1Container>(pod.initContainers), shared, at.child('initContainers'), errors);
  validateClaims(pod.resourceClaims, shared.claims, at.child('resourceClaims'), errors);
}

/** `limit`: the `activeDeadlineSeconds` of the sequence. */
function validateJob(
  job: Untrusted<StepJob> | undefined,
  limit: number | undefined,
  at: Path,
  errors: FieldErrors,
): void {
  if (job === undefined) return;
  validateReservedMetadata(job, at, errors);
  const seconds = asInteger(job.activeDeadlineSeconds);
  if (seconds !== undefined && limit !== undefined && seconds > limit) {
    const detail = `must be less than or equal to spec.activeDeadlineSeconds of ${limit}`;
    errors.push(invalid(at.child('activeDeadlineSeconds'), seconds, detail));
  }
}

/** Validates the labels and annotations of a Job or a Pod. */
function validateReservedMetadata(
  child: { readonly metadata?: unknown } | undefined,
  at: Path,
  errors: FieldErrors,
): void {
  const metadata = asObject<{ labels: unknown; annotations: unknown }>(child?.metadata);
  if (metadata === undefined) return;
  for (const what of ['labels', 'annotations'] as const) {
    validateReservedKeys(metadata[what], what, at.child('metadata').child(what), errors);
  }
}

/** What a step has where it has no setting of its own. */
interface Inherited {
  readonly ofAll: Untrusted<StepJob> | undefined;
  readonly template: TemplateView;
  /** The path of the spec. */
  readonly at: Path;
}

/**
 * The Job controller supports a podFailurePolicy only in a Job whose Pods have the restart policy Never
 * (pkg/apis/batch/validation/validation.go validateJobSpec). Both can come from the step, or from what all steps have. The
 * error is in the field from which the restart policy comes; in the template, once.
 */
function validateRestartPolicies(
  steps: readonly StepSettings[],
  { ofAll, template, at }: Inherited,
  errors: FieldErrors,
): void {
  const hasPolicy = (job: Untrusted<StepJob> | undefined): boolean => asObject(job?.podFailurePolicy) !== undefined;
  const restricted = hasPolicy(ofAll) ? steps : steps.filter(({ job }) => hasPolicy(job));
  const ownOf = (step: StepSettings): string | undefined => nonEmptyString(step.pod?.restartPolicy);
  const never = 'only "Never" is supported when podFailurePolicy is specified';
  for (const step of restricted) {
    if (ownOf(step) === 'OnFailure') {
      errors.push(invalid(step.here.child('pod').child('restartPolicy'), 'OnFailure', never));
    }
  }
  const shared = nonEmptyString(template.spec?.restartPolicy);
  const isInherited = restricted.some((step) => ownOf(step) === undefined) || (steps.length === 0 && hasPolicy(ofAll));
  if (shared === 'OnFailure' && isInherited) {
    errors.push(invalid(at.child('template').child('spec').child('restartPolicy'), shared, never));
  }
}
