/** Validates `spec.stepPolicies`: each names an existing step, once, and matches the rest of the spec. */
import type { SequentialJobSpec, StepPolicy } from '../api/types.ts';
import { duplicate, invalid, notFound, required, type FieldErrors, type Path } from './field-error.ts';
import type { TemplateView } from './template.ts';
import { asInteger, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** Validates the step policies, and that the restart policy is Never if one has a podFailurePolicy. */
export function validateStepPolicies(
  spec: Untrusted<SequentialJobSpec>,
  { steps, template }: { readonly steps: ReadonlySet<string>; readonly template: TemplateView },
  at: Path,
  errors: FieldErrors,
): void {
  const policies = asObjects<StepPolicy>(spec.stepPolicies);
  if (policies.length === 0) {
    return;
  }
  const limit = asInteger(spec.activeDeadlineSeconds);
  const seen = new Set<string>();
  policies.forEach((policy, i) => {
    const here = at.child('stepPolicies').index(i);
    validatePolicyName(policy, { steps, seen }, here.child('name'), errors);
    validateDeadline(policy, limit, here.child('activeDeadlineSeconds'), errors);
  });
  validateRestartPolicy(policies, template, at, errors);
}

interface Names {
  readonly steps: ReadonlySet<string>;
  readonly seen: Set<string>;
}

function validatePolicyName(
  policy: Untrusted<StepPolicy>,
  { steps, seen }: Names,
  at: Path,
  errors: FieldErrors,
): void {
  const name = nonEmptyString(policy.name);
  if (name === undefined) {
    errors.push(required(at));
  } else if (seen.has(name)) {
    errors.push(duplicate(at, name));
  } else {
    seen.add(name);
    if (!steps.has(name)) {
      errors.push(notFound(at, name));
    }
  }
}

/** `limit`: the `activeDeadlineSeconds` of the sequence. */
function validateDeadline(
  policy: Untrusted<StepPolicy>,
  limit: number | undefined,
  at: Path,
  errors: FieldErrors,
): void {
  const seconds = asInteger(policy.activeDeadlineSeconds);
  if (seconds !== undefined && limit !== undefined && seconds > limit) {
    const detail = `must be less than or equal to spec.activeDeadlineSeconds of ${limit}`;
    errors.push(invalid(at, seconds, detail));
  }
}

function validateRestartPolicy(
  policies: readonly Untrusted<StepPolicy>[],
  template: TemplateView,
  at: Path,
  errors: FieldErrors,
): void {
  const policy = nonEmptyString(template.spec?.restartPolicy);
  if (policy === 'OnFailure' && policies.some(({ podFailurePolicy }) => asObject(podFailurePolicy) !== undefined)) {
    const where = at.child('template').child('spec').child('restartPolicy');
    errors.push(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}
