/**
 * CEL rules of the CRD (`x-kubernetes-validations`, Kubernetes 1.25 and newer) that keep fields immutable after the sequence
 * has started, also if the webhook is bypassed. The webhook has the complete rule (shared/validation/update.ts); these rules
 * are the part of it that has a low CEL cost and no false positives.
 *
 * - Every rule is a transition rule (it reads `oldSelf`), so it does not run on a create. Each compares an expression of the
 *   new spec with the same expression of the old one. So an unchanged spec always passes: status writes, changes of metadata,
 *   the removal of a finalizer. A rule on `self` alone could block an object that was stored before the rule existed: before
 *   1.30 the API server refuses every update of an object that violates a rule.
 * - The rules compare single values, not whole containers. In CEL, `resources: {}`, `value: ''` and `creationTimestamp: null`,
 *   which Go clients add or drop, differ from an absent field. A rule that refuses them would break a client that reads an
 *   object, sets `suspend` and writes it back. The rules treat absent and empty alike, as the webhook does.
 * - `resume` has no rule: the webhook decides by the status whether it may be raised, and lowering it has no effect.
 * - The rules do not repeat the schema (no containers in the template, the restart policies, unique and short names). An API
 *   server that finds a schema error does not evaluate the rules.
 * - The rules use only features of 1.25: no `optionalOldSelf`, `fieldPath` or `messageExpression`. So the messages begin with
 *   the path.
 *
 * Of `metadata`, CEL can read only the names. So, unlike the webhook, the rules also apply to an object that is being deleted.
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

/** Before the start every field may change, also of a sequence with a rejected Job: it has no startTime. */
const NOT_STARTED = '!has(oldSelf.status) || !has(oldSelf.status.startTime)';
/** The policy of the new object applies, as in the webhook. */
const FUTURE_STEPS = "self.spec.updatePolicy == 'FutureSteps'";

/**
 * True for every status write, and cheaper than the comparison that would follow. CEL ignores the order of a list map, so the
 * order of the names is compared as well.
 */
const sameSteps = (steps: string): string => `(${unchanged(steps)} && ${unchanged(`${steps}.map(c, c.name)`)})`;

const either = (...claims: readonly string[]): string => claims.join(' || ');

/** The value at `path`, or `empty` if it or one of its parents is absent. The first `from` parts always exist. */
function optional(path: string, empty: string, from: number): Value {
  const names = path.split('.');
  const parents = names.map((_, i) => names.slice(0, i + 1).join('.')).slice(from);
  return `${parents.map((parent) => `has(${parent})`).join(' && ')} ? ${path} : ${empty}`;
}

/** The compared fields of a container, as one list of one type: the elements of an iteration determine the CEL cost. */
const looksOf = (c: string): Value =>
  `[[${c}.name, has(${c}.image) ? ${c}.image : ''], has(${c}.command) ? ${c}.command : [], has(${c}.args) ? ${c}.args : []]`;

const looksOfAll = (steps: string): Value => `${steps}.map(c, ${looksOf('c')})`;

/**
 * The containers of the steps that the status records, by index; an empty list if the spec has no container at that index. A
 * step whose Job the API server rejected has no record, and steps after a failure are recorded as Skipped: both may change, as
 * in the webhook.
 */
const looksOfStarted = (steps: string): Value =>
  `oldSelf.status.steps.map(s, s.state != 'Skipped' && s.index < size(${steps}) ? ${looksOf(`${steps}[s.index]`)} : [])`;

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

/** The rules about the steps, which are in this field of the spec. */
function stepRules(field: 'steps' | 'containers'): readonly ValidationRule[] {
  const steps = `self.spec.${field}`;
  const same = sameSteps(steps);
  return [
    {
      rule: either(NOT_STARTED, FUTURE_STEPS, same, unchanged(looksOfAll(steps))),
      message: `spec.${field}: ${IMMUTABLE}; ${BUT_FUTURE_STEPS}`,
    },
    {
      rule: either(
        NOT_STARTED,
        `!(${FUTURE_STEPS})`,
        same,
        '!has(oldSelf.status.steps)',
        unchanged(looksOfStarted(steps)),
      ),
      message: `spec.${field}: a step that has been started can no longer be changed, moved or removed`,
    },
  ];
}

const TEMPLATE_RULES: readonly ValidationRule[] = TEMPLATE.map(([path, value]) => ({
  rule: either(NOT_STARTED, unchanged(value)),
  message: `spec.template.${path}: ${IMMUTABLE}`,
}));

export const VALIDATION_RULES: readonly ValidationRule[] = [
  ...stepRules('steps'),
  ...TEMPLATE_RULES,
  {
    rule: either(NOT_STARTED, unchanged(optional('self.spec.job.backoffLimit', '3', 2))),
    message: `spec.job.backoffLimit: ${IMMUTABLE}`,
  },
];

/**
 * The number of policies with a setting that v1alpha1 has always had. A policy that says nothing is not kept by a conversion, so a
 * client that applies it again adds one; an empty `job` or `pod` appears when a Go client of v1beta1 writes the object.
 */
const POLICY_COUNT: Value =
  "size(self.spec.stepPolicies.filter(p, has(p.backoffLimit) || has(p.activeDeadlineSeconds) || has(p.podFailurePolicy) || (has(p.onFailure) && p.onFailure != '')))";

export const V1ALPHA1_VALIDATION_RULES: readonly ValidationRule[] = [
  ...stepRules('containers'),
  ...TEMPLATE_RULES,
  {
    rule: either(NOT_STARTED, unchanged(optional('self.spec.backoffLimit', '3', 2))),
    message: `spec.backoffLimit: ${IMMUTABLE}`,
  },
  {
    rule: either(NOT_STARTED, FUTURE_STEPS, unchanged(`has(self.spec.stepPolicies) ? ${POLICY_COUNT} : 0`)),
    message: `spec.stepPolicies: ${IMMUTABLE}; ${BUT_FUTURE_STEPS}`,
  },
];

/**
 * The template of a schedule may change at any time, so none of the rules above applies to it. This one also runs on a create:
 * there were no schedules before it. As a CronJob's validation (pkg/apis/batch/validation/validation.go validateScheduleFormat).
 */
export const SCHEDULE_VALIDATION_RULES: readonly ValidationRule[] = [
  {
    rule: "!self.spec.schedule.contains('TZ')",
    message: 'spec.schedule: must not contain TZ or CRON_TZ: the time zone is in spec.timeZone',
  },
];
