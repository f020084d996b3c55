/** `spec.stepPolicies`: each names a step, once, and fits the rest of the spec. */
import type { SequentialJobSpec, StepPolicy } from '../api/types.ts';
import { duplicate, invalid, notFound, required, type FieldErrors, type Path } from './field-error.ts';
import type { TemplateView } from './template.ts';
import { asInteger, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** Checks the step policies, and that the restart policy is Never where one of them has a podFailurePolicy. */
export function stepPolicyFaults(
  spec: Untrusted<SequentialJobSpec>,
  { steps, template }: { readonly steps: ReadonlySet<string>; readonly template: TemplateView },
  at: Path,
  faults: FieldErrors,
): void {
  const policies = asObjects<StepPolicy>(spec.stepPolicies);
  if (policies.length === 0) {
    return;
  }
  const limit = asInteger(spec.activeDeadlineSeconds);
  const seen = new Set<string>();
  policies.forEach((policy, i) => {
    const here = at.child('stepPolicies').index(i);
    nameFaults(policy, { steps, seen }, here.child('name'), faults);
    deadlineFaults(policy, limit, here.child('activeDeadlineSeconds'), faults);
  });
  restartPolicyFaults(policies, template, at, faults);
}

interface Names {
  readonly steps: ReadonlySet<string>;
  readonly seen: Set<string>;
}

function nameFaults(policy: Untrusted<StepPolicy>, { steps, seen }: Names, at: Path, faults: FieldErrors): void {
  const name = nonEmptyString(policy.name);
  if (name === undefined) {
    faults.push(required(at));
  } else if (seen.has(name)) {
    faults.push(duplicate(at, name));
  } else {
    seen.add(name);
    if (!steps.has(name)) {
      faults.push(notFound(at, name));
    }
  }
}

/** `limit`: that of the sequence. */
function deadlineFaults(policy: Untrusted<StepPolicy>, limit: number | undefined, at: Path, faults: FieldErrors): void {
  const seconds = asInteger(policy.activeDeadlineSeconds);
  if (seconds !== undefined && limit !== undefined && seconds > limit) {
    const detail = `must be less than or equal to spec.activeDeadlineSeconds of ${limit}`;
    faults.push(invalid(at, seconds, detail));
  }
}

function restartPolicyFaults(
  policies: readonly Untrusted<StepPolicy>[],
  template: TemplateView,
  at: Path,
  faults: FieldErrors,
): void {
  const policy = nonEmptyString(template.spec?.restartPolicy);
  if (policy === 'OnFailure' && policies.some(({ podFailurePolicy }) => asObject(podFailurePolicy) !== undefined)) {
    const where = at.child('template').child('spec').child('restartPolicy');
    faults.push(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}
