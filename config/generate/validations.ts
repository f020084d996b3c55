/**
 * The definition's own defence of a started sequence, in CEL (`x-kubernetes-validations`), for Kubernetes 1.25 and newer:
 * what holds also where the webhook is not in place. The webhook has the exact rule (shared/validation/update.ts); here
 * is the part of it that is cheap and certain.
 *
 * - Every rule is a transition rule (it reads `oldSelf`), so it never runs on a create, and each compares one expression
 *   of the new spec with the same of the old, so an unchanged spec passes whatever the status says: status writes,
 *   metadata, the removal of a finalizer. A rule about `self` alone could hold an object that was stored before the
 *   rule for ever: before 1.30 nothing can be changed on an object that breaks one.
 * - Compared are single values, not whole containers: to CEL `resources: {}`, `value: ''` and `creationTimestamp: null`,
 *   which Go clients add or drop, differ from their absence. Refusing those would stop a client that reads an object,
 *   sets `suspend` and writes it back. Absent and empty are the same here, as they are to the webhook.
 * - `resume` has no rule: raising it is for the webhook to judge, by the status, and lowering it does nothing.
 * - What the schema says on every server is not said again: no containers in the template, the restart policies, names
 *   once and not too long. A server that finds such a fault does not evaluate the rules at all.
 * - Nothing newer than 1.25: no `optionalOldSelf`, `fieldPath` or `messageExpression`; the messages begin with the path.
 *
 * CEL sees of `metadata` only the names. Unlike the webhook it can't let the spec change of an object that is being deleted.
 */

/** One rule, as `x-kubernetes-validations` has it. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
}

/** An expression over `self` whose value may not change. */
type Value = string;

const of = (side: 'self' | 'oldSelf', value: Value): string => value.replaceAll(/\bself\b/g, side);
const unchanged = (value: Value): string => `(${of('self', value)}) == (${of('oldSelf', value)})`;

/** Before the start everything may change, also of a sequence that was refused: it has no startTime. */
const NOT_STARTED = '!has(oldSelf.status) || !has(oldSelf.status.startTime)';
/** The policy that counts is that of the new object, as in the webhook. */
const FUTURE_STEPS = "self.spec.updatePolicy == 'FutureSteps'";

/**
 * What holds of every status write, and costs less than the comparison that may follow. To CEL a list map is equal
 * whatever its order, so the order is compared beside it.
 */
const SAME_STEPS = `(${unchanged('self.spec.containers')} && ${unchanged('self.spec.containers.map(c, c.name)')})`;

const either = (...claims: readonly string[]): string => claims.join(' || ');

/** A property, or what stands for it where it or something that it is in is absent. The first `from` parts are there. */
function optional(path: string, empty: string, from: number): Value {
  const names = path.split('.');
  const parents = names.map((_, i) => names.slice(0, i + 1).join('.')).slice(from);
  return `${parents.map((parent) => `has(${parent})`).join(' && ')} ? ${path} : ${empty}`;
}

/** What a container is, as far as it is compared, in one list of one type: the elements of a pass cost most. */
const looksOf = (c: string): Value =>
  `[[${c}.name, has(${c}.image) ? ${c}.image : ''], has(${c}.command) ? ${c}.command : [], has(${c}.args) ? ${c}.args : []]`;

const STEPS: Value = `self.spec.containers.map(c, ${looksOf('c')})`;

/**
 * The steps that the status has, by their places. A place that one of the two specs doesn't have reads as empty. A step
 * whose Job the API server refused has no record, those behind a failure are recorded as Skipped: both are free, as they
 * are to the webhook.
 */
const STARTED_STEPS: Value = `oldSelf.status.steps.map(s, s.state != 'Skipped' && s.index < size(self.spec.containers) ? ${looksOf('self.spec.containers[s.index]')} : [])`;

const inTemplate = (path: string, empty: string): Value => optional(`self.spec.template.${path}`, empty, 3);

/** The names of the items of a list in the template. */
const names = (path: string): Value => inTemplate(path, '[]').replace(/\? (\S+)/, '? $1.map(x, x.name)');

const TEMPLATE: readonly (readonly [path: string, value: Value])[] = [
  ['metadata.labels', inTemplate('metadata.labels', '{}')],
  ['metadata.annotations', inTemplate('metadata.annotations', '{}')],
  ['spec.nodeSelector', inTemplate('spec.nodeSelector', '{}')],
  ['spec.serviceAccountName', inTemplate('spec.serviceAccountName', "''")],
  // The webhook writes Never when the object is created; a later update may be without it.
  ['spec.restartPolicy', `(${inTemplate('spec.restartPolicy', "''")}) == 'OnFailure'`],
  ['spec.volumes', names('spec.volumes')],
  ['spec.initContainers', names('spec.initContainers')],
];

const IMMUTABLE = 'field is immutable after the sequence has started';
const BUT_FUTURE_STEPS = 'with updatePolicy FutureSteps the steps after the current one can be changed';

export const VALIDATION_RULES: readonly ValidationRule[] = [
  {
    rule: either(NOT_STARTED, FUTURE_STEPS, SAME_STEPS, unchanged(STEPS)),
    message: `spec.containers: ${IMMUTABLE}; ${BUT_FUTURE_STEPS}`,
  },
  {
    rule: either(NOT_STARTED, `!(${FUTURE_STEPS})`, SAME_STEPS, '!has(oldSelf.status.steps)', unchanged(STARTED_STEPS)),
    message: 'spec.containers: a step that has been started can no longer be changed, moved or removed',
  },
  ...TEMPLATE.map(([path, value]) => ({
    rule: either(NOT_STARTED, unchanged(value)),
    message: `spec.template.${path}: ${IMMUTABLE}`,
  })),
  { rule: either(NOT_STARTED, unchanged('self.spec.backoffLimit')), message: `spec.backoffLimit: ${IMMUTABLE}` },
  {
    rule: either(NOT_STARTED, FUTURE_STEPS, unchanged('size(self.spec.stepPolicies)')),
    message: `spec.stepPolicies: ${IMMUTABLE}; ${BUT_FUTURE_STEPS}`,
  },
];
