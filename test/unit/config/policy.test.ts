/**
 * config/policy and the chart's: what the API server is asked, and what it is told by whom. Evaluated here; that a server compiles
 * it and does the same: test/integration/policy.test.ts.
 */
import { describe, expect, it } from '@jest/globals';
import { type Bindings, evaluate } from '../../support/cel.ts';
import { renderChart } from '../../support/chart.ts';
import { type Manifest, ofKind, present, readManifests } from '../../support/manifests.ts';

const SYSTEM = 'sequentialjob-system';

interface Named {
  readonly name: string;
  readonly expression: string;
}

interface Validation {
  readonly expression: string;
  readonly reason: string;
  readonly message: string;
  readonly messageExpression?: string;
}

interface Policy {
  readonly matchConditions: readonly Named[];
  readonly variables: readonly Named[];
  readonly validations: readonly Validation[];
}

const inKustomize = readManifests('config/policy/policy.yaml', 'config/policy/binding.yaml');
const inChart = renderChart().objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
/** What kustomize puts in; test/integration/kustomize.test.ts has it doing so. */
const substituted = JSON.parse(
  JSON.stringify(inKustomize).replace('$(OPERATOR_NAMESPACE)', SYSTEM),
) as readonly Manifest[];

interface Case {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly namespace?: string;
  readonly username?: string;
  /** What the user may do, as `verb group/resource namespace`. */
  readonly may?: readonly string[];
  readonly generations?: readonly [before: number, after: number];
  readonly isBeingDeleted?: boolean;
  /** How many claim templates the spec has; not even the field if undefined. */
  readonly claims?: number;
}

/** What a server binds to the names. */
function bindingsOf({ operation, namespace = 'team', username = 'jane', may = [], ...of }: Case): Bindings {
  const [before, after] = of.generations ?? [1, 1];
  const deletion = of.isBeingDeleted === true ? { deletionTimestamp: '2026-11-02T10:00:00Z' } : {};
  const spec = of.claims === undefined ? {} : { volumeClaimTemplates: Array.from({ length: of.claims }, () => ({})) };
  const object = { metadata: { name: 'etl', generation: after, ...deletion }, spec };
  const check = (resource: string, where: string) => (verb: unknown) => ({
    allowed: () => may.includes(`${String(verb)} ${resource} ${where}`),
  });
  const authorizer = {
    group: (group: string) => ({
      resource: (resource: string) => ({
        namespace: (where: string) => ({ check: check(`${group}/${resource}`, where) }),
      }),
    }),
  };
  return {
    request: { operation, namespace, userInfo: { username } },
    object,
    oldObject: operation === 'UPDATE' ? { ...object, metadata: { ...object.metadata, generation: before } } : null,
    authorizer,
  };
}

/** The verdict of a server: `not asked`, `allowed`, or the message of the first validation that fails. */
function verdict({ matchConditions, variables, validations }: Policy, asked: Case): string {
  const given = bindingsOf(asked);
  if (!matchConditions.every(({ expression }) => evaluate(expression, given) === true)) return 'not asked';
  const values = Object.fromEntries(variables.map(({ name, expression }) => [name, evaluate(expression, given)]));
  const all: Bindings = { ...given, variables: values };
  // The authorizer is not there for a message.
  const { ['authorizer']: _, ...forMessages } = all;
  const failed = validations.find(({ expression }) => evaluate(expression, all) !== true);
  if (failed === undefined) return 'allowed';
  const { message, messageExpression } = failed;
  return messageExpression === undefined ? message : String(evaluate(messageExpression, forMessages));
}

const JOBS_OF_TEAM = ['create batch/jobs team'];
const REFUSED =
  'User "jane" cannot create resource "jobs" in API group "batch" in the namespace "team": ' +
  'whoever creates a SequentialJob or changes its spec must be allowed to create Jobs there';
const CLAIMS_OF_TEAM = [...JOBS_OF_TEAM, 'create /persistentvolumeclaims team'];
const CLAIMS_REFUSED =
  'User "jane" cannot create resource "persistentvolumeclaims" in API group "" in the namespace "team": ' +
  'whoever creates a SequentialJob with volumeClaimTemplates or changes its spec must be allowed to create PersistentVolumeClaims there';
const OWN = "SequentialJobs are not run in the operator's own namespace";

describe.each([
  ['config/policy', substituted],
  ['the chart', inChart],
])('the policy of %s', (_name, objects) => {
  const object = present(ofKind(objects, 'ValidatingAdmissionPolicy')[0], 'policy');
  const spec = object['spec'] as Policy;

  it.each<[what: string, asked: Case, is: string]>([
    ['a user with create on Jobs creates a SequentialJob', { operation: 'CREATE', may: JOBS_OF_TEAM }, 'allowed'],
    ['a user without create on Jobs creates a SequentialJob', { operation: 'CREATE' }, REFUSED],
    [
      'a user with create on Jobs in another namespace creates a SequentialJob',
      { operation: 'CREATE', may: ['create batch/jobs other'] },
      REFUSED,
    ],
    [
      'a user with create on Jobs of another API group creates a SequentialJob',
      { operation: 'CREATE', may: ['create /jobs team'] },
      REFUSED,
    ],
    [
      'a user with update on Jobs creates a SequentialJob',
      { operation: 'CREATE', may: ['update batch/jobs team'] },
      REFUSED,
    ],
    [
      'a user with create on Jobs changes the spec',
      { operation: 'UPDATE', generations: [1, 2], may: JOBS_OF_TEAM },
      'allowed',
    ],
    ['a user without create on Jobs changes the spec', { operation: 'UPDATE', generations: [1, 2] }, REFUSED],
    ['a user without create on Jobs sets a label or removes a finalizer', { operation: 'UPDATE' }, 'not asked'],
    [
      'a user without create on Jobs changes an object that is being deleted',
      { operation: 'UPDATE', generations: [1, 2], isBeingDeleted: true },
      'not asked',
    ],
    [
      'a user with create on Jobs and claims creates one with claim templates',
      { operation: 'CREATE', claims: 1, may: CLAIMS_OF_TEAM },
      'allowed',
    ],
    [
      'a user without create on claims creates one with claim templates',
      { operation: 'CREATE', claims: 1, may: JOBS_OF_TEAM },
      CLAIMS_REFUSED,
    ],
    [
      'a user with create on claims in another namespace creates one with claim templates',
      { operation: 'CREATE', claims: 1, may: [...JOBS_OF_TEAM, 'create /persistentvolumeclaims other'] },
      CLAIMS_REFUSED,
    ],
    [
      'a user without create on claims changes the spec of one with claim templates',
      { operation: 'UPDATE', generations: [1, 2], claims: 2, may: JOBS_OF_TEAM },
      CLAIMS_REFUSED,
    ],
    [
      'a user without create on claims creates one with an empty list of claim templates',
      { operation: 'CREATE', claims: 0, may: JOBS_OF_TEAM },
      'allowed',
    ],
    [
      'a user without create on claims sets a label on one with claim templates',
      { operation: 'UPDATE', claims: 1 },
      'not asked',
    ],
    [
      'a user with create on Jobs creates a SequentialJob in the operator’s namespace',
      { operation: 'CREATE', namespace: SYSTEM, may: [`create batch/jobs ${SYSTEM}`] },
      OWN,
    ],
    [
      'a user with create on Jobs changes a spec in the operator’s namespace',
      { operation: 'UPDATE', namespace: SYSTEM, generations: [1, 2], may: [`create batch/jobs ${SYSTEM}`] },
      OWN,
    ],
    [
      'a user without create on Jobs sets a label in the operator’s namespace',
      { operation: 'UPDATE', namespace: SYSTEM },
      'not asked',
    ],
  ])('%s', (_what, asked, is) => {
    expect(verdict(spec, asked)).toBe(is);
  });

  it('rejects with 403, as RBAC does', () => {
    expect(spec.validations.map(({ reason }) => reason)).toEqual(spec.validations.map(() => 'Forbidden'));
  });

  it('has a message without the user name if the name cannot be printed', () => {
    for (const { message, messageExpression } of spec.validations) {
      // https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/: no line breaks, 5 KiB.
      expect(message).toMatch(/^[^\n]{10,200}$/);
      if (messageExpression !== undefined)
        expect(REFUSED + CLAIMS_REFUSED).toContain(message.slice(0, message.indexOf(' in its')));
    }
  });

  it('is evaluated for the same requests as the webhook; if it fails, the request is rejected', () => {
    const [webhook] = readManifests('config/webhook/validating.yaml').flatMap(
      (one) => one['webhooks'] as readonly { rules: unknown; matchPolicy: string; matchConditions: unknown }[],
    );
    expect(spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConstraints: { resourceRules: webhook?.rules, matchPolicy: webhook?.matchPolicy },
      matchConditions: webhook?.matchConditions,
    });
    expect(spec).not.toHaveProperty('matchConstraints.namespaceSelector');
  });

  it('is bound in all namespaces, with the action Deny', () => {
    const [binding] = ofKind(objects, 'ValidatingAdmissionPolicyBinding');
    expect(binding?.['spec']).toEqual({ policyName: object.metadata.name, validationActions: ['Deny'] });
  });
});

describe('the chart', () => {
  const policies = (rendering: Parameters<typeof renderChart>[0]): number =>
    renderChart(rendering).objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy')).length;

  it('has the namespace of the release in the policy', () => {
    const [policy] = ofKind(renderChart({ namespace: 'elsewhere' }).objects, 'ValidatingAdmissionPolicy');
    const spec = policy?.['spec'] as Policy;
    const may = ['create batch/jobs elsewhere', `create batch/jobs ${SYSTEM}`];
    expect(verdict(spec, { operation: 'CREATE', namespace: 'elsewhere', may })).toBe(OWN);
    expect(verdict(spec, { operation: 'CREATE', namespace: SYSTEM, may })).toBe('allowed');
  });

  it.each([
    ['v1.29.9', {}, 0],
    ['v1.30.0-gke.100', {}, 2],
    ['v1.36.2', { requesterCheck: { enabled: false } }, 0],
    ['v1.36.2', { watchNamespace: 'team' }, 2],
  ])('for %s with %j has %d objects of it', (version, values, count) => {
    expect(policies({ version, values })).toBe(count);
  });
});
