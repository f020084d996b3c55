/** Affinity to nodes and to Pods (pkg/apis/core/validation/validation.go validateAffinity). */
import type {
  V1Affinity,
  V1NodeAffinity,
  V1NodeSelector,
  V1NodeSelectorTerm,
  V1PodAffinity,
  V1PodAffinityTerm,
  V1PreferredSchedulingTerm,
  V1WeightedPodAffinityTerm,
} from '@kubernetes/client-node';
import { invalid, required, type Faults, type Path } from './field.ts';
import { dnsLabelProblems, qualifiedNameProblems } from './names.ts';
import { labelSelectorFaults, nodeSelectorTermFaults } from './selectors.ts';
import { integer, list, part, parts, text, type Untrusted } from './untrusted.ts';

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

export function affinityFaults(value: unknown, at: Path, faults: Faults): void {
  const affinity = part<V1Affinity>(value);
  if (affinity === undefined) {
    return;
  }
  nodeAffinityFaults(part<V1NodeAffinity>(affinity.nodeAffinity), at.child('nodeAffinity'), faults);
  podAffinityFaults(part<V1PodAffinity>(affinity.podAffinity), at.child('podAffinity'), faults);
  podAffinityFaults(part<V1PodAffinity>(affinity.podAntiAffinity), at.child('podAntiAffinity'), faults);
}

function weightFaults(value: unknown, at: Path, faults: Faults): void {
  const weight = integer(value) ?? 0;
  if (weight < 1 || weight > 100) {
    faults.push(invalid(at, weight, 'must be in the range 1-100'));
  }
}

function nodeAffinityFaults(affinity: Untrusted<V1NodeAffinity> | undefined, at: Path, faults: Faults): void {
  const selector = part<V1NodeSelector>(affinity?.[REQUIRED]);
  if (selector !== undefined) {
    const here = at.child(REQUIRED).child('nodeSelectorTerms');
    const terms = parts<V1NodeSelectorTerm>(selector.nodeSelectorTerms);
    if (terms.length === 0) {
      faults.push(required(here, 'must have at least one node selector term'));
    }
    terms.forEach((term, i) => {
      nodeSelectorTermFaults(term, here.index(i), faults);
    });
  }
  parts<V1PreferredSchedulingTerm>(affinity?.[PREFERRED]).forEach((term, i) => {
    const here = at.child(PREFERRED).index(i);
    weightFaults(term.weight, here.child('weight'), faults);
    nodeSelectorTermFaults(part<V1NodeSelectorTerm>(term.preference) ?? {}, here.child('preference'), faults);
  });
}

function podAffinityFaults(affinity: Untrusted<V1PodAffinity> | undefined, at: Path, faults: Faults): void {
  parts<V1PodAffinityTerm>(affinity?.[REQUIRED]).forEach((term, i) => {
    termFaults(term, at.child(REQUIRED).index(i), faults);
  });
  parts<V1WeightedPodAffinityTerm>(affinity?.[PREFERRED]).forEach((weighted, i) => {
    const here = at.child(PREFERRED).index(i);
    weightFaults(weighted.weight, here.child('weight'), faults);
    termFaults(part<V1PodAffinityTerm>(weighted.podAffinityTerm) ?? {}, here.child('podAffinityTerm'), faults);
  });
}

function termFaults(term: Untrusted<V1PodAffinityTerm>, at: Path, faults: Faults): void {
  labelSelectorFaults(term.labelSelector, at.child('labelSelector'), faults);
  labelSelectorFaults(term.namespaceSelector, at.child('namespaceSelector'), faults);
  list(term.namespaces).forEach((value, i) => {
    const name = text(value) ?? '';
    const here = at.child('namespaces').index(i);
    faults.push(...dnsLabelProblems(name).map((problem) => invalid(here, name, problem)));
  });
  const key = text(term.topologyKey);
  if (key === undefined) {
    faults.push(required(at.child('topologyKey'), 'can not be empty'));
  } else {
    faults.push(...qualifiedNameProblems(key).map((problem) => invalid(at.child('topologyKey'), key, problem)));
  }
}
