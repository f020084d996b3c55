/** What else a Job's Pod is refused for (pkg/apis/core/validation/validation.go ValidatePodSpec), in the order of its fields. */
import type { V1PodReadinessGate, V1PodSpec, V1TopologySpreadConstraint } from '@kubernetes/client-node';
import { affinityFaults } from './affinity.ts';
import { grammarFaults, rangeFaults } from './choices.ts';
import { invalid, required, type Faults, type Path } from './field.ts';
import { dnsSubdomainProblems, qualifiedNameProblems } from './names.ts';
import { podNetworkFaults } from './pod-network.ts';
import { podSecurityContextFaults } from './security-context.ts';
import { labelSelectorFaults } from './selectors.ts';
import { tolerationFaults } from './tolerations.ts';
import { integer, parts, text, type Untrusted } from './untrusted.ts';

const DEADLINE = { min: 1, max: 2 ** 31 - 1 } as const;

/** Fields that name an object of the cluster. */
const NAMES = ['serviceAccountName', 'nodeName', 'priorityClassName', 'runtimeClassName'] as const;

export function podSpecFaults(spec: Untrusted<V1PodSpec>, at: Path, faults: Faults): void {
  rangeFaults(spec.activeDeadlineSeconds, DEADLINE, at.child('activeDeadlineSeconds'), faults);
  for (const field of NAMES) {
    grammarFaults(spec[field], dnsSubdomainProblems, at.child(field), faults);
  }
  podSecurityContextFaults(spec, at, faults);
  podNetworkFaults(spec, at, faults);
  affinityFaults(spec.affinity, at.child('affinity'), faults);
  tolerationFaults(spec.tolerations, at.child('tolerations'), faults);
  parts<V1TopologySpreadConstraint>(spec.topologySpreadConstraints).forEach((constraint, i) => {
    spreadFaults(constraint, at.child('topologySpreadConstraints').index(i), faults);
  });
  parts<V1PodReadinessGate>(spec.readinessGates).forEach((gate, i) => {
    const type = text(gate.conditionType) ?? '';
    const here = at.child('readinessGates').index(i).child('conditionType');
    faults.push(...qualifiedNameProblems(type).map((problem) => invalid(here, type, problem)));
  });
}

/** `minDomains` is from 1.24 on; an older server drops it. */
function spreadFaults(constraint: Untrusted<V1TopologySpreadConstraint>, at: Path, faults: Faults): void {
  for (const field of ['maxSkew', 'minDomains'] as const) {
    const value = integer(constraint[field]);
    if (value !== undefined && value <= 0) {
      faults.push(invalid(at.child(field), value, 'must be greater than zero'));
    }
  }
  if (text(constraint.topologyKey) === undefined) {
    faults.push(required(at.child('topologyKey'), 'can not be empty'));
  }
  labelSelectorFaults(constraint.labelSelector, at.child('labelSelector'), faults);
}
