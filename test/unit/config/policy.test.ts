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

/** Of a webhook, as far as a policy has the same. */
interface Rule {
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
}

interface Policy {
  readonly matchConditions: readonly Named[];
  readonly variables: readonly Named[];
  readonly validations: readonly Validation[];
}

const inKustomize = readManifests(
  ...['policy', 'binding', 'schedule-policy', 'schedule-binding'].map((name) => `config/policy/${name}.yaml`),
);
const inChart = renderChart().objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy'));
/** What kustomize puts in; test/integration/kustomize.test.ts has it doing so. */
const substituted = JSON.parse(
  JSON.stringify(inKustomize).replaceAll('$(OPERATOR_NAMESPACE)', SYSTEM),
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

type Kind = 'SequentialJob' | 'CronSequentialJob';

/** What a server binds to the names, for an object of this kind. */
function bindingsOf(kind: Kind, { operation, namespace = 'team', username = 'jane', may = [], ...of }: Case): Bindings {
  const [before, after] = of.generations ?? [1, 1];
  const deletion = of.isBeingDeleted === true ? { deletionTimestamp: '2026-11-02T10:00:00Z' } : {};
  const steps = of.claims === undefined ? {} : { volumeClaimTemplates: Array.from({ length: of.claims }, () => ({})) };
  const spec = kind === 'SequentialJob' ? steps : { sequentialJobTemplate: { spec: steps } };
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
function verdict(
  { matchConditions, variables, validations }: Policy,
  asked: Case,
  kind: Kind = 'SequentialJob',
): string {
  const given = bindingsOf(kind, asked);
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

const POLICIES = { SequentialJob: 'sequentialjob-requester', CronSequentialJob: 'sequentialjob-requester-schedules' };
const PLURALS = { SequentialJob: 'sequentialjobs', CronSequentialJob: 'cronsequentialjobs' };
const KINDS = Object.keys(POLICIES) as readonly Kind[];
const named = (kind: Kind, objects: readonly Manifest[]): Manifest | undefined =>
  objects.find(({ metadata }) => metadata.name === POLICIES[kind]);

describe.each([
  ...KINDS.map((kind) => ['config/policy', kind, substituted] as const),
  ...KINDS.map((kind) => ['the chart', kind, inChart] as const),
])('the policy of %s for a %s', (_name, kind, objects) => {
  const object = present(named(kind, ofKind(objects, 'ValidatingAdmissionPolicy')), 'policy');
  const spec = object['spec'] as Policy;
  /** The cases are told of a SequentialJob. */
  const ofKindHere = (text: string): string => text.replace('creates a SequentialJob', `creates a ${kind}`);

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
    expect(verdict(spec, asked, kind)).toBe(ofKindHere(is));
  });

  it('rejects with 403, as RBAC does', () => {
    expect(spec.validations.map(({ reason }) => reason)).toEqual(spec.validations.map(() => 'Forbidden'));
  });

  it('has a message without the user name if the name cannot be printed', () => {
    for (const { message, messageExpression } of spec.validations) {
      // https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/: no line breaks, 5 KiB.
      expect(message).toMatch(/^[^\n]{10,200}$/);
      if (messageExpression !== undefined)
        expect(ofKindHere(REFUSED) + ofKindHere(CLAIMS_REFUSED)).toContain(
          message.slice(0, message.indexOf(' in its')),
        );
    }
  });

  it('is evaluated for the same requests as the webhook; if it fails, the request is rejected', () => {
    const [webhook] = readManifests('config/webhook/validating.yaml').flatMap(
      (one) => one['webhooks'] as readonly { rules: Rule[]; matchPolicy: string; matchConditions: unknown }[],
    );
    const [rule] = webhook?.rules ?? [];
    expect(rule?.resources.toSorted()).toEqual(Object.values(PLURALS).sort());
    const apiVersions = kind === 'SequentialJob' ? rule?.apiVersions : ['v1beta1'];
    expect(spec).toMatchObject({
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ ...rule, apiVersions, resources: [PLURALS[kind]] }],
        matchPolicy: webhook?.matchPolicy,
      },
      matchConditions: webhook?.matchConditions,
    });
    expect(spec).not.toHaveProperty('matchConstraints.namespaceSelector');
  });

  it('is bound in all namespaces, with the action Deny', () => {
    const binding = named(kind, ofKind(objects, 'ValidatingAdmissionPolicyBinding'));
    expect(binding?.['spec']).toEqual({ policyName: object.metadata.name, validationActions: ['Deny'] });
  });
});

describe('the chart', () => {
  const policies = (rendering: Parameters<typeof renderChart>[0]): number =>
    renderChart(rendering).objects.filter(({ kind }) => kind.startsWith('ValidatingAdmissionPolicy')).length;

  it('has the namespace of the release in the policies', () => {
    const { objects } = renderChart({ namespace: 'elsewhere' });
    const may = ['create batch/jobs elsewhere', `create batch/jobs ${SYSTEM}`];
    for (const kind of KINDS) {
      const spec = named(kind, ofKind(objects, 'ValidatingAdmissionPolicy'))?.['spec'] as Policy;
      expect(verdict(spec, { operation: 'CREATE', namespace: 'elsewhere', may }, kind)).toBe(OWN);
      expect(verdict(spec, { operation: 'CREATE', namespace: SYSTEM, may }, kind)).toBe('allowed');
    }
  });

  it.each([
    ['v1.29.9', {}, 0],
    ['v1.30.0-gke.100', {}, 4],
    ['v1.36.2', { requesterCheck: { enabled: false } }, 0],
    ['v1.36.2', { watchNamespace: 'team' }, 4],
  ])('for %s with %j has %d objects of it', (version, values, count) => {
    expect(policies({ version, values })).toBe(count);
  });
});
