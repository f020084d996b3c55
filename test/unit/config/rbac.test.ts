/** Least privilege: each verb has a reason, and there is no other. test/integration/rbac.test.ts has them all used. */
import { describe, expect, it } from '@jest/globals';
import { CRON, GROUP, PLURAL } from '../../../shared/api/group.ts';
import { OPTIONS } from '../../../cli/run/config.ts';
import { renderChart } from '../../support/chart.ts';
import { type Manifest, ofKind, readManifests, type Rule } from '../../support/manifests.ts';

type Reasons = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** By `<group>/<resource>`. */
const CONTROLLER: Reasons = {
  [`${GROUP}/${PLURAL}`]: {
    list: 'informers.ts: what there is; startup.ts: whether the resource is known',
    watch: 'informers.ts: what changes',
    get: 'uncertain-writes.ts: to look again after a write whose answer was lost',
    patch: 'act/finalizers.ts: the finalizer, where the webhook was bypassed and at the end',
    create: 'schedules/act/create-run.ts: a run of a schedule',
    delete: 'act/finalizers.ts: ttlSecondsAfterFinished; schedules/act/delete-runs.ts: the history limits, Replace',
  },
  [`${GROUP}/${PLURAL}/status`]: { patch: 'write-status.ts: the status' },
  [`${GROUP}/${PLURAL}/finalizers`]: {
    update: 'asked by OwnerReferencesPermissionEnforcement of whoever sets blockOwnerDeletion',
  },
  [`${GROUP}/${CRON.plural}`]: {
    list: 'informers.ts: which schedules there are',
    watch: 'informers.ts: what changes',
    get: 'schedules/act/create-run.ts: the template, which is not cached',
  },
  [`${GROUP}/${CRON.plural}/status`]: { patch: 'schedules/write-status.ts: the status' },
  [`${GROUP}/${CRON.plural}/finalizers`]: { update: 'the same for a run, whose owner is the schedule' },
  'batch/jobs': {
    list: 'informers.ts',
    watch: 'informers.ts',
    get: 'act/lookups.ts: a Job that is there already, or on record and not in the cache',
    create: 'act/create-job.ts: a step',
    patch: 'act/patch-job.ts: suspend, go on, end',
    delete: 'act/delete-jobs.ts: the cleanup',
  },
  '/pods': {
    list: 'informers.ts: what keeps a Pod from starting; act/list-job-pods.ts: why a Job failed',
    watch: 'informers.ts',
  },
  '/events': {
    create: 'events.ts',
    patch: 'events.ts: one more of the same',
    get: 'events.ts: how many of them, after a restart',
    list: 'event-lookup.ts: why a Job or its Pod stands still',
  },
  '/persistentvolumeclaims': {
    create: 'act/create-claims.ts: a claim of the sequence',
    get: 'act/create-claims.ts: metadata only, of a claim that exists already',
  },
  'apps/controllerrevisions': {
    create: 'revisions.ts: the spec that a sequence runs, where it was changed past the webhook',
    get: 'revisions.ts: the same after a restart',
    delete: 'revisions.ts: replaced by another',
  },
};

const DEPENDENCY_CHECK: Reasons = {
  '/configmaps': { get: 'act/dependency-checker.ts: metadata only' },
  '/persistentvolumeclaims': { get: 'act/dependency-checker.ts: metadata only' },
};

/** Not given by default. */
const SECRET_CHECK: Reasons = { '/secrets': { get: 'act/dependency-checker.ts: metadata only, with --check-secrets' } };

const LEADER_ELECTION: Reasons = {
  'coordination.k8s.io/leases': {
    create: 'the first leader',
    get: 'who leads',
    update: 'take, renew, release',
  },
};

const rulesOf = (object: Manifest | undefined): readonly Rule[] => (object?.['rules'] ?? []) as readonly Rule[];

/** `<group>/<resource> <verb>`, sorted. */
function granted(rules: readonly Rule[]): readonly string[] {
  return rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${group}/${resource} ${verb}`)),
      ),
    )
    .sort();
}

const needed = (reasons: Reasons): readonly string[] =>
  Object.entries(reasons)
    .flatMap(([resource, verbs]) => Object.keys(verbs).map((verb) => `${resource} ${verb}`))
    .sort();

const files = (folder: string, ...names: readonly string[]): readonly Manifest[] =>
  readManifests(...names.map((name) => `config/${folder}/${name}.yaml`));

const KUSTOMIZE = [
  ...files('rbac', 'controller-role', 'leader-election-role', 'view-role', 'edit-role', 'admin-role'),
  ...files('rbac', 'controller-role-binding', 'leader-election-role-binding'),
  ...files('dependency-check', 'role', 'role-binding'),
];
const WITH_SECRETS = [...KUSTOMIZE, ...files('secret-check', 'role', 'role-binding')];

const DEFAULT_ROLES = ['controller', 'dependency-check', 'leader-election'] as const;
const ALL_ROLES = [...DEFAULT_ROLES, 'secret-check'] as const;

describe.each([
  ['config', KUSTOMIZE, DEFAULT_ROLES],
  ['config with secret-check', WITH_SECRETS, ALL_ROLES],
  ['the chart', renderChart().objects, DEFAULT_ROLES],
  ['the chart with secretCheck', renderChart({ values: { secretCheck: { enabled: true } } }).objects, ALL_ROLES],
] as const)('the permissions of %s', (_name, objects, roles) => {
  const role = (name: string): Manifest | undefined =>
    objects.find(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === `sequentialjob-${name}`);

  const REASONS = {
    controller: ['ClusterRole', CONTROLLER],
    'dependency-check': ['ClusterRole', DEPENDENCY_CHECK],
    'leader-election': ['Role', LEADER_ELECTION],
    'secret-check': ['ClusterRole', SECRET_CHECK],
  } as const;

  it.each(roles.map((name) => [name] as const))('%s are those that have a reason, each once', (name) => {
    const [kind, reasons] = REASONS[name];
    expect(role(name)?.kind).toBe(kind);
    expect(granted(rulesOf(role(name)))).toEqual(needed(reasons));
  });

  it('allow reading Secrets only in the overlay for it', () => {
    const readers = objects.filter((one) => granted(rulesOf(one)).some((verb) => verb.startsWith('/secrets')));
    expect(readers.map(({ metadata }) => metadata.name)).toEqual(
      roles.includes('secret-check' as never) ? ['sequentialjob-secret-check'] : [],
    );
  });

  it('have no wildcard', () => {
    expect(JSON.stringify(objects.flatMap(rulesOf))).not.toContain('*');
  });

  it('allow a leader to use only one Lease, the one that the flags name by default', () => {
    const [create, rest] = rulesOf(role('leader-election'));
    expect(create).toEqual({ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] });
    expect(rest?.resourceNames).toEqual([OPTIONS.leaderElectionId.fallback]);
  });

  it('are bound only to the service account of the controller', () => {
    const bindings = [...ofKind(objects, 'ClusterRoleBinding'), ...ofKind(objects, 'RoleBinding')];
    const subjects = [{ kind: 'ServiceAccount', name: 'sequentialjob-controller', namespace: 'sequentialjob-system' }];
    expect(bindings.map(({ metadata }) => metadata.name).sort()).toEqual(
      roles.map((name) => `sequentialjob-${name}`).sort(),
    );
    for (const binding of bindings) {
      expect(binding).toMatchObject({ subjects, roleRef: { name: binding.metadata.name } });
    }
  });

  it.each([
    ['view', ['view', 'edit', 'admin'], ['get', 'list', 'watch']],
    ['edit', ['edit', 'admin'], ['create', 'delete', 'deletecollection', 'patch', 'update']],
    ['admin', ['admin'], []],
  ])('%s are aggregated into Kubernetes’ own %j', (name, targets, verbs) => {
    const labels = Object.keys(role(name)?.metadata.labels ?? {}).filter((label) => label.includes('aggregate-to'));
    expect(labels.sort()).toEqual(targets.map((to) => `rbac.authorization.k8s.io/aggregate-to-${to}`).sort());
    for (const plural of [PLURAL, CRON.plural]) {
      const onObjects = rulesOf(role(name)).filter(({ resources }) => resources.includes(plural));
      expect(onObjects.flatMap((rule) => rule.verbs).sort()).toEqual(verbs);
    }
  });

  it('allow no user to write a status, which records the started steps and runs', () => {
    const users = ['view', 'edit', 'admin'].flatMap((name) => granted(rulesOf(role(name))));
    const reading = [CRON.plural, PLURAL].map((plural) => `${GROUP}/${plural}/status get`);
    expect(users.filter((verb) => verb.includes('/status')).sort()).toEqual(reading);
  });
});
