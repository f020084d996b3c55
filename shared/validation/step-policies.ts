/** `spec.stepPolicies`: each names a step, once, and fits the rest of the spec. */
import type { V1PodFailurePolicy } from '@kubernetes/client-node';
import type { SequentialJobSpec, StepPolicy } from '../api/types.ts';
import { duplicate, invalid, notFound, required, type Faults, type Path } from './field.ts';
import { podFailurePolicyFaults } from './pod-failure-policy.ts';
import type { TemplateView } from './template.ts';
import { integer, part, parts, text, type Untrusted } from './untrusted.ts';

/** What a policy is checked against. */
interface Setting {
  readonly steps: ReadonlySet<string>;
  readonly initContainers: readonly string[];
  /** `spec.activeDeadlineSeconds`. */
  readonly deadline: number | undefined;
}

/** Checks the step policies, and that the restart policy is Never where one of them has a podFailurePolicy. */
export function stepPolicyFaults(
  spec: Untrusted<SequentialJobSpec>,
  { steps, template }: { readonly steps: ReadonlySet<string>; readonly template: TemplateView },
  at: Path,
  faults: Faults,
): void {
  const policies = parts<StepPolicy>(spec.stepPolicies);
  if (policies.length === 0) {
    return;
  }
  const setting: Setting = {
    steps,
    initContainers: template.initContainers.flatMap(({ name }) => text(name) ?? []),
    deadline: integer(spec.activeDeadlineSeconds),
  };
  const seen = new Set<string>();
  policies.forEach((policy, i) => {
    const here = at.child('stepPolicies').index(i);
    nameFaults(policy, { steps, seen }, here.child('name'), faults);
    policyFaults(policy, setting, here, faults);
  });
  restartPolicyFaults(policies, template, at, faults);
}

interface Names {
  readonly steps: ReadonlySet<string>;
  readonly seen: Set<string>;
}

function nameFaults(policy: Untrusted<StepPolicy>, { steps, seen }: Names, at: Path, faults: Faults): void {
  const name = text(policy.name);
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

function policyFaults(policy: Untrusted<StepPolicy>, setting: Setting, at: Path, faults: Faults): void {
  const seconds = integer(policy.activeDeadlineSeconds);
  if (seconds !== undefined && setting.deadline !== undefined && seconds > setting.deadline) {
    const detail = `must be less than or equal to spec.activeDeadlineSeconds of ${setting.deadline}`;
    faults.push(invalid(at.child('activeDeadlineSeconds'), seconds, detail));
  }
  const failurePolicy = part<V1PodFailurePolicy>(policy.podFailurePolicy);
  if (failurePolicy !== undefined) {
    const names = new Set([...setting.initContainers, text(policy.name) ?? '']);
    podFailurePolicyFaults(failurePolicy, names, at.child('podFailurePolicy'), faults);
  }
}

function restartPolicyFaults(
  policies: readonly Untrusted<StepPolicy>[],
  template: TemplateView,
  at: Path,
  faults: Faults,
): void {
  const policy = text(template.spec?.restartPolicy);
  if (policy === 'OnFailure' && policies.some(({ podFailurePolicy }) => part(podFailurePolicy) !== undefined)) {
    const where = at.child('template').child('spec').child('restartPolicy');
    faults.push(invalid(where, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}
