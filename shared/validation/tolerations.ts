/** Tolerations (pkg/apis/core/validation/validation.go ValidateTolerations). */
import type { V1Toleration } from '@kubernetes/client-node';
import { invalid, notSupported, type Faults, type Path } from './field.ts';
import { labelValueProblems, qualifiedNameProblems } from './names.ts';
import { integer, parts, text, type Untrusted } from './untrusted.ts';

/** `Gt` and `Lt` are new in 1.35; an older server refuses the Job. */
const OPERATORS = ['Equal', 'Exists', 'Gt', 'Lt'] as const;

const INTEGER = /^-?(?:0|[1-9]\d{0,18})$/;

export function tolerationFaults(value: unknown, at: Path, faults: Faults): void {
  parts<V1Toleration>(value).forEach((toleration, i) => {
    oneTolerationFaults(toleration, at.index(i), faults);
  });
}

function oneTolerationFaults(toleration: Untrusted<V1Toleration>, at: Path, faults: Faults): void {
  const key = text(toleration.key);
  const operator = text(toleration.operator) ?? 'Equal';
  const value = text(toleration.value);
  if (key !== undefined) {
    faults.push(...qualifiedNameProblems(key).map((problem) => invalid(at.child('key'), key, problem)));
  } else if (operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    faults.push(invalid(at.child('operator'), text(toleration.operator) ?? '', detail));
  }
  if (integer(toleration.tolerationSeconds) !== undefined && text(toleration.effect) !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    faults.push(invalid(at.child('effect'), text(toleration.effect) ?? '', detail));
  }
  if (operator === 'Exists' && value !== undefined) {
    faults.push(invalid(at.child('operator'), value, "value must be empty when `operator` is 'Exists'"));
  } else if (operator === 'Equal' && value !== undefined) {
    faults.push(...labelValueProblems(value).map((problem) => invalid(at.child('operator'), value, problem)));
  } else if ((operator === 'Gt' || operator === 'Lt') && !INTEGER.test(value ?? '')) {
    faults.push(invalid(at.child('value'), value ?? '', 'must be an integer for the operators Gt and Lt'));
  } else if (!OPERATORS.some((known) => known === operator)) {
    faults.push(notSupported(at.child('operator'), operator, OPERATORS));
  }
}
