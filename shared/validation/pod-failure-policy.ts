/** A step's podFailurePolicy (pkg/apis/batch/validation/validation.go validatePodFailurePolicy). */
import type {
  V1PodFailurePolicy,
  V1PodFailurePolicyOnExitCodesRequirement,
  V1PodFailurePolicyOnPodConditionsPattern,
  V1PodFailurePolicyRule,
} from '@kubernetes/client-node';
import { duplicate, invalid, invalidWhole, notSupported, required, tooMany, type Faults, type Path } from './field.ts';
import { qualifiedNameProblems } from './names.ts';
import { integer, list, part, parts, text, type Untrusted } from './untrusted.ts';

const MAX_RULES = 20;
const MAX_PATTERNS = 20;
const MAX_EXIT_CODES = 255;

/** Without FailIndex, which needs an Indexed Job. */
const ACTIONS = ['Count', 'FailJob', 'Ignore'] as const;
const OPERATORS = ['In', 'NotIn'] as const;
const STATUSES = ['False', 'True', 'Unknown'] as const;

/** Checks a policy. `containers` are the names of those in the step's Pod. */
export function podFailurePolicyFaults(
  policy: Untrusted<V1PodFailurePolicy>,
  containers: ReadonlySet<string>,
  at: Path,
  faults: Faults,
): void {
  const rules = parts<V1PodFailurePolicyRule>(policy.rules);
  if (rules.length > MAX_RULES) {
    faults.push(tooMany(at.child('rules'), rules.length, MAX_RULES));
  }
  rules.slice(0, MAX_RULES).forEach((rule, i) => {
    ruleFaults(rule, containers, at.child('rules').index(i), faults);
  });
}

function ruleFaults(
  rule: Untrusted<V1PodFailurePolicyRule>,
  containers: ReadonlySet<string>,
  at: Path,
  faults: Faults,
): void {
  choiceFaults(rule.action, ACTIONS, at.child('action'), faults);
  const exitCodes = part<V1PodFailurePolicyOnExitCodesRequirement>(rule.onExitCodes);
  const patterns = parts<V1PodFailurePolicyOnPodConditionsPattern>(rule.onPodConditions);
  if (exitCodes !== undefined) {
    exitCodesFaults(exitCodes, containers, at.child('onExitCodes'), faults);
  }
  if (patterns.length > MAX_PATTERNS) {
    faults.push(tooMany(at.child('onPodConditions'), patterns.length, MAX_PATTERNS));
  }
  patterns.slice(0, MAX_PATTERNS).forEach((pattern, i) => {
    patternFaults(pattern, at.child('onPodConditions').index(i), faults);
  });
  if (exitCodes !== undefined && patterns.length > 0) {
    faults.push(invalidWhole(at, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  }
  if (exitCodes === undefined && patterns.length === 0) {
    faults.push(invalidWhole(at, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
}

function choiceFaults(value: unknown, choices: readonly string[], at: Path, faults: Faults): void {
  const choice = text(value);
  if (choice === undefined) {
    faults.push(required(at, `valid values: [${choices.map((c) => `"${c}"`).join(' ')}]`));
  } else if (!choices.includes(choice)) {
    faults.push(notSupported(at, choice, choices));
  }
}

function patternFaults(pattern: Untrusted<V1PodFailurePolicyOnPodConditionsPattern>, at: Path, faults: Faults): void {
  const type = text(pattern.type) ?? '';
  for (const problem of qualifiedNameProblems(type)) {
    faults.push(invalid(at.child('type'), type, problem));
  }
  // Absent is True (pkg/apis/batch/v1/defaults.go).
  if (text(pattern.status) !== undefined) {
    choiceFaults(pattern.status, STATUSES, at.child('status'), faults);
  }
}

function exitCodesFaults(
  requirement: Untrusted<V1PodFailurePolicyOnExitCodesRequirement>,
  containers: ReadonlySet<string>,
  at: Path,
  faults: Faults,
): void {
  choiceFaults(requirement.operator, OPERATORS, at.child('operator'), faults);
  const name = requirement.containerName;
  if (typeof name === 'string' && !containers.has(name)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    faults.push(invalid(at.child('containerName'), name, detail));
  }
  const values = list(requirement.values);
  if (values.length === 0) {
    faults.push(invalidWhole(at.child('values'), 'at least one value is required'));
  } else if (values.length > MAX_EXIT_CODES) {
    faults.push(tooMany(at.child('values'), values.length, MAX_EXIT_CODES));
  }
  valuesFaults(values.slice(0, MAX_EXIT_CODES), requirement.operator === 'In', at.child('values'), faults);
}

function valuesFaults(values: readonly unknown[], isIn: boolean, at: Path, faults: Faults): void {
  const seen = new Set<number>();
  let last = -Infinity;
  let isOrdered = true;
  values.forEach((value, i) => {
    const code = integer(value);
    if (code === undefined) {
      return;
    }
    if (isIn && code === 0) {
      faults.push(invalid(at.index(i), code, 'must not be 0 for the In operator'));
    }
    if (seen.has(code)) {
      faults.push(duplicate(at.index(i), code));
    }
    isOrdered &&= code >= last;
    last = code;
    seen.add(code);
  });
  if (!isOrdered) {
    faults.push(invalidWhole(at, 'must be ordered'));
  }
}
