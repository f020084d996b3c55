/**
 * Selectors of labels and of nodes (apimachinery pkg/apis/meta/v1/validation ValidateLabelSelector,
 * pkg/apis/core/validation/validation.go ValidateNodeSelector).
 */
import type {
  V1LabelSelector,
  V1LabelSelectorRequirement,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
} from '@kubernetes/client-node';
import { forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { labelFaults } from './labels.ts';
import { dnsSubdomainProblems, labelValueProblems, qualifiedNameProblems } from './names.ts';
import { list, part, parts, text, type Untrusted } from './untrusted.ts';

/** Checks a selector of labels; none is fine. */
export function labelSelectorFaults(value: unknown, at: Path, faults: Faults): void {
  const selector = part<V1LabelSelector>(value);
  if (selector === undefined) {
    return;
  }
  labelFaults(selector.matchLabels, at.child('matchLabels'), faults);
  parts<V1LabelSelectorRequirement>(selector.matchExpressions).forEach((requirement, i) => {
    const here = at.child('matchExpressions').index(i);
    requirementFaults(requirement, here, faults);
    list(requirement.values).forEach((label, index) => {
      if (typeof label === 'string') {
        const place = here.child('values').index(index);
        faults.push(...labelValueProblems(label).map((problem) => invalid(place, label, problem)));
      }
    });
  });
}

/** What selectors of labels and of nodes have in common. An operator that is none the schema has refused. */
function requirementFaults(requirement: Untrusted<V1NodeSelectorRequirement>, at: Path, faults: Faults): void {
  const operator = text(requirement.operator);
  const count = list(requirement.values).length;
  const here = at.child('values');
  if ((operator === 'In' || operator === 'NotIn') && count === 0) {
    faults.push(required(here, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if ((operator === 'Exists' || operator === 'DoesNotExist') && count > 0) {
    faults.push(forbidden(here, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else if ((operator === 'Gt' || operator === 'Lt') && count !== 1) {
    faults.push(required(here, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  }
  const key = text(requirement.key) ?? '';
  faults.push(...qualifiedNameProblems(key).map((problem) => invalid(at.child('key'), key, problem)));
}

/** Checks one term of a selector of nodes: an empty one selects none, and is legal. */
export function nodeSelectorTermFaults(term: Untrusted<V1NodeSelectorTerm>, at: Path, faults: Faults): void {
  parts<V1NodeSelectorRequirement>(term.matchExpressions).forEach((requirement, i) => {
    requirementFaults(requirement, at.child('matchExpressions').index(i), faults);
  });
  parts<V1NodeSelectorRequirement>(term.matchFields).forEach((requirement, i) => {
    nodeFieldFaults(requirement, at.child('matchFields').index(i), faults);
  });
}

/** A node's only selectable field is its name. */
function nodeFieldFaults(requirement: Untrusted<V1NodeSelectorRequirement>, at: Path, faults: Faults): void {
  const operator = text(requirement.operator) ?? '';
  const values = list(requirement.values);
  if (operator !== 'In' && operator !== 'NotIn') {
    faults.push(invalid(at.child('operator'), operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    faults.push(required(at.child('values'), detail));
  }
  const key = text(requirement.key) ?? '';
  if (key !== 'metadata.name') {
    faults.push(invalid(at.child('key'), key, 'not a valid field selector key'));
    return;
  }
  values.forEach((value, i) => {
    const name = text(value) ?? '';
    const here = at.child('values').index(i);
    faults.push(...dnsSubdomainProblems(name).map((problem) => invalid(here, name, problem)));
  });
}
