/**
 * The controller with exactly the permissions of config/rbac, as the API server's RBAC sees its service account: nothing that
 * it asks for is denied, everything that it was given it uses, and a permission that is missing is noticed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import type { Container, SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { getCondition } from '../../shared/conditions.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { collectionPath, CONFIG_MAPS, JOBS, objectPath, SECRETS } from '../../shared/kube/resources.ts';
import { BYPASSED } from '../support/admission.ts';
import { connect, kubeconfig, kubectl, tryKubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { type Manifest, parseManifests, ROOT, type Rule } from '../support/manifests.ts';
import { Operator } from '../support/operator.ts';
import { type Forbidden, type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.ts';
import { withoutRoomFor } from '../support/quota.ts';
import { failsOnce, gated, sequence, step, waitsFor } from '../support/sequences.ts';

const SYSTEM = 'sequentialjob-system';
const ACCOUNT = 'sequentialjob-controller';
const RESOURCE = 'batch.example.com/sequentialjobs';

let client: ApiClient;
let folder: string;
/** All roles and bindings, as they are applied. */
let manifests: readonly Manifest[];

beforeAll(async () => {
  client = connect();
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-rbac-'));
  const built = ['rbac', 'dependency-check', 'secret-check'].map((name) =>
    kubectl('kustomize', join(ROOT, 'config', name)),
  );
  manifests = (await Promise.all(built)).flatMap(parseManifests);
  await apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } }]);
  await apply(manifests);
}, 60_000);

afterAll(async () => {
  await Operator.endAll();
  await client.close();
  await rm(folder, { recursive: true, force: true });
});

async function apply(objects: readonly object[]): Promise<void> {
  expect(await tryKubectl(['apply', '-f', '-'], ...objects)).toMatchObject({ code: 0 });
}

const granted = (): readonly string[] =>
  manifests
    .filter(({ kind, metadata }) => kind.endsWith('Role') && !/-(view|edit|admin)$/.test(metadata.name))
    .flatMap((role) => role['rules'] as readonly Rule[])
    .flatMap(({ apiGroups, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${apiGroups[0]}/${resource} ${verb}`)),
    );

const told = ({ resource, verb }: Pick<Forbidden, 'resource' | 'verb'>): string => `${resource} ${verb}`;

/** What the API server's RBAC lets this account do in all namespaces, at this moment. */
async function isAllowed(account: string, verb: string, resource: string): Promise<boolean> {
  const [, group, plural, subresource] = /^([^/]*)\/([^/]+)\/?(.*)$/.exec(resource) ?? [];
  // No namespace: in all of them.
  const resourceAttributes = { verb, group, resource: plural, subresource };
  const { status } = await client.request<{ readonly status: { readonly allowed: boolean } }>({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    body: { spec: { user: `system:serviceaccount:${SYSTEM}:${account}`, resourceAttributes } },
  });
  return status.allowed;
}

/** A controller of one account. It looks after one namespace, so that it is not in the other tests' way. */
class Restricted {
  readonly proxy: RecordingProxy;
  readonly namespace: Namespace;
  readonly #kubeconfig: string;
  operator: Operator;

  private constructor(proxy: RecordingProxy, namespace: Namespace, path: string) {
    this.proxy = proxy;
    this.namespace = namespace;
    this.#kubeconfig = path;
    this.operator = this.#spawn();
  }

  /** No webhook is asked about its namespace: the controller is then asked for more. */
  static async start(account: string): Promise<Restricted> {
    const proxy = await startRecordingProxy(kubeconfig(), `system:serviceaccount:${SYSTEM}:${account}`);
    const path = join(folder, `${account}.yaml`);
    const cluster = { server: proxy.url, 'insecure-skip-tls-verify': true };
    const config = {
      clusters: [{ name: 'proxy', cluster }],
      users: [{ name: 'proxy', user: {} }],
      contexts: [{ name: 'proxy', context: { cluster: 'proxy', user: 'proxy' } }],
      'current-context': 'proxy',
    };
    await writeFile(path, stringify(config));
    return new Restricted(proxy, await Namespace.create(client, 'rbac', BYPASSED), path);
  }

  #spawn(): Operator {
    // With all that it can be given, it uses all of that.
    const election = ['--leader-elect', `--leader-election-namespace=${SYSTEM}`, '--check-secrets'];
    const scope = [`--kubeconfig=${this.#kubeconfig}`, `--namespace=${this.namespace.name}`, '--log-level=debug'];
    return Operator.spawn(['run', '--role=controller', ...election, ...scope]);
  }

  /** Ends it as an update does, and starts another. */
  async restart(): Promise<void> {
    await this.operator.end('SIGTERM');
    this.operator = this.#spawn();
  }

  /** Its log, with the quotes of messages as they are. */
  get says(): string {
    return this.operator.output.replaceAll('\\"', '"');
  }

  /** Ends it; what it leaves behind is removed by a controller that may. */
  async end(): Promise<void> {
    await this.operator.end('SIGTERM');
    await this.proxy.close();
    const cleaner = await Operator.start(kubeconfig(), this.namespace.name);
    await this.namespace.remove();
    await cleaner.end('SIGTERM');
  }

  /** The sequence, once it says that the controller lacks a permission. */
  async untilDenied(name: string): Promise<SequentialJob> {
    return this.namespace.until(name, ({ status }) => {
      const { status: is, reason } = getCondition(status?.conditions, 'ResourcesUnavailable') ?? {};
      return is === 'True' && reason === 'PermissionDenied';
    });
  }

  async gated(name: string, spec: SequentialJobSpec): Promise<void> {
    await this.namespace.apply(name, gated(folder, spec));
  }

  async phase(name: string, phase: string): Promise<void> {
    await this.namespace.until(name, ({ status }) => status?.phase === phase);
  }

  async running(name: string, stepName: string): Promise<void> {
    const isRunning = (one: { name: string; state: string }): boolean =>
      one.name === stepName && one.state === 'Running';
    await this.namespace.until(name, ({ status }) => status?.steps?.some(isRunning) === true);
  }
}

const changed = (steps: readonly Container[], index: number, change: Partial<Container>): readonly Container[] =>
  steps.map((one, i) => (i === index ? Object.assign({}, one, change) : one));

const open = async (file: string): Promise<void> => writeFile(join(folder, file), '');

describe('the account of the controller', () => {
  let here: Restricted;

  beforeAll(async () => {
    here = await Restricted.start(ACCOUNT);
  }, 60_000);

  afterAll(async () => here.end());

  it('may do in the whole cluster what it may do here, and nothing that was not given', async () => {
    const may = (verb: string, resource: string): Promise<boolean> => isAllowed(ACCOUNT, verb, resource);
    const everywhere = granted().filter((one) => !one.startsWith('coordination'));
    for (const one of everywhere) {
      const [resource = '', verb = ''] = one.split(' ');
      expect([one, await may(verb, resource)]).toEqual([one, true]);
    }
    for (const [verb, resource] of [
      ['list', '/secrets'],
      ['create', RESOURCE],
      ['update', RESOURCE],
      ['create', '/pods'],
      ['deletecollection', 'batch/jobs'],
      ['get', 'coordination.k8s.io/leases'],
      ['update', 'rbac.authorization.k8s.io/clusterroles'],
    ] as const) {
      expect([verb, resource, await may(verb, resource)]).toEqual([verb, resource, false]);
    }
  });

  it('leads', async () => {
    await here.operator.untilSays('controller started');
  });

  it('runs a sequence that fails, and resumes it', async () => {
    await here.gated('failing', sequence(3, { 1: failsOnce('once') }));
    await here.phase('failing', 'Failed');
    const { status } = await here.namespace.get('failing');
    expect(status?.steps?.[1]).toMatchObject({ state: 'Failed', exitCode: 1 });
    await here.namespace.patch('failing', { spec: { resume: 1 } });
    await here.phase('failing', 'Completed');
  });

  it('waits for what a step needs', async () => {
    const valueFrom = { secretKeyRef: { name: 'late', key: 'word' } };
    const envFrom = [{ configMapRef: { name: 'late' } }];
    const volumes = [{ name: 'claim', persistentVolumeClaim: { claimName: 'late' } }];
    const volumeMounts = [{ name: 'claim', mountPath: '/claim' }];
    const needy = { ...step('s0'), env: [{ name: 'WORD', valueFrom }], envFrom, volumeMounts };
    await here.namespace.apply('waiting', {
      containers: [needy],
      template: { spec: { volumes, containers: [] } },
    });
    const waiting = await here.namespace.until(
      'waiting',
      ({ status }) => getCondition(status?.conditions, 'ResourcesUnavailable')?.status === 'True',
    );
    expect(getCondition(waiting.status?.conditions, 'ResourcesUnavailable')?.message).toContain('late');
    // The claim never comes: on with the next.
    for (const resource of [SECRETS, CONFIG_MAPS]) {
      const path = collectionPath(resource, here.namespace.name);
      await client.request({ method: 'POST', path, body: { metadata: { name: 'late' }, data: { word: 'aGk=' } } });
    }
  });

  it('suspends and lets go', async () => {
    await here.gated('paused', sequence(2, { 0: waitsFor('go') }));
    await here.running('paused', 's0');
    await here.namespace.patch('paused', { spec: { suspend: true } });
    await eventually('a try to suspend', () => here.proxy.seen.some((one) => told(one) === 'batch/jobs patch'));
    await open('go');
    await here.phase('paused', 'Suspended');
    await here.namespace.patch('paused', { spec: { suspend: false } });
    await here.phase('paused', 'Completed');
  });

  it('looks for a Job that somebody has deleted', async () => {
    await here.gated('robbed', sequence(2, { 0: waitsFor('never') }));
    await here.running('robbed', 's0');
    const [job] = await here.namespace.jobNames('robbed');
    const body = { propagationPolicy: 'Background' };
    await client.request({ method: 'DELETE', path: objectPath(JOBS, here.namespace.name, job ?? ''), body });
    await here.phase('robbed', 'Failed');
  });

  it('asks for the Events about a Job that gets no Pod', async () => {
    await withoutRoomFor('pods', here.namespace, async () => {
      await here.namespace.apply('crowded', sequence(1));
      await here.namespace.until(
        'crowded',
        ({ status }) => getCondition(status?.conditions, 'ResourcesUnavailable')?.reason === 'FailedCreate',
      );
    });
    await here.phase('crowded', 'Completed');
  });

  it('looks again when the answer to a write was lost', async () => {
    let lost = 0;
    here.proxy.lose = ({ resource, name }) =>
      resource === `${RESOURCE}/status` && name === 'unanswered' && lost++ === 0;
    await here.namespace.apply('unanswered', sequence(1));
    await here.phase('unanswered', 'Completed');
    expect(lost).toBeGreaterThan(1);
  });

  it('keeps to what a sequence was started with, across restarts', async () => {
    const spec = sequence(3, { 0: waitsFor('on'), 2: 'true' }, { updatePolicy: 'FutureSteps' });
    await here.gated('changed', spec);
    await here.running('changed', 's0');
    const { containers } = (await here.namespace.get('changed')).spec;
    const with0 = (image: string): object => ({
      spec: { containers: changed(containers, 0, { image }) },
    });
    const seen = async (wanted: string): Promise<void> => {
      const before = here.proxy.seen.length;
      await eventually(wanted, () => here.proxy.seen.slice(before).some((one) => told(one) === wanted));
    };
    // Its spec was recorded at the start, as no webhook has seen it. Refused, and told of.
    await here.namespace.patch('changed', with0('other:1'));
    await here.namespace.until('changed', ({ status }) => status?.observedGeneration === 2);
    // The same refused change after a restart: one more of the same event.
    await here.restart();
    const counted = seen('/events patch');
    await here.operator.untilSays('controller started');
    await here.namespace.patch('changed', with0('other:1'));
    await here.namespace.patch('changed', with0('other:2'));
    await here.namespace.patch('changed', with0('other:1'));
    await counted;
    // Accepted: another record takes the place of the first.
    const replaced = seen('apps/controllerrevisions delete');
    await here.namespace.patch('changed', {
      spec: { containers: changed(containers, 2, { args: ['later'] }) },
    });
    await replaced;
    await open('on');
    await here.phase('changed', 'Completed');
  });

  it('removes what has finished, with its Jobs', async () => {
    await here.namespace.patch('failing', { spec: { ttlSecondsAfterFinished: 1 } });
    await here.namespace.untilGone('failing');
    expect(await here.namespace.jobNames('failing')).toEqual([]);
  });

  it('was denied nothing, and has used everything that it was given', async () => {
    await here.operator.end('SIGTERM');
    const { seen } = here.proxy;
    expect(seen.filter(({ status }) => status === 403 || status === 401)).toEqual([]);
    const used = new Set(seen.map(told));
    // Asked for by an admission plugin alone (test/unit/config/rbac.test.ts).
    const unused = granted().filter((one) => !used.has(one) && one !== `${RESOURCE}/finalizers update`);
    expect(unused).toEqual([]);
  });
});

/** What is taken away together, what brings it to light, and what is seen of it beside the API server's words in the log. */
const MISSING: readonly (readonly [
  what: string,
  verbs: readonly string[],
  provoke: (here: Restricted) => Promise<void>,
  notice: (here: Restricted) => Promise<void>,
])[] = [
  [
    'to list SequentialJobs: the program ends and says so',
    [`${RESOURCE} list`],
    async () => undefined,
    async (here) => {
      expect(await here.operator.exited()).toMatchObject({ code: 1 });
      expect(here.says).toContain('does not let us read SequentialJobs');
    },
  ],
  [
    'to list Jobs: it does not start to work',
    ['batch/jobs list'],
    async () => undefined,
    async (here) => {
      await here.operator.untilSays('watch failed, will retry');
      expect(here.says).not.toContain('controller started');
    },
  ],
  [
    'to watch: every watch is told of, and tried again',
    [`${RESOURCE} watch`, 'batch/jobs watch', '/pods watch'],
    async () => undefined,
    async () => undefined,
  ],
  [
    'to write the status: the reconcile fails, and is tried again',
    [`${RESOURCE}/status patch`],
    async ({ namespace }) => void (await namespace.apply('any', sequence(1))),
    async (here) => {
      await here.operator.untilSays('reconcile failed, will retry');
      expect((await here.namespace.get('any')).status?.phase).toBeUndefined();
    },
  ],
  [
    'to patch SequentialJobs: one that no webhook has seen does not start',
    [`${RESOURCE} patch`],
    async ({ namespace }) => void (await namespace.apply('any', sequence(1))),
    async (here) => {
      await here.operator.untilSays('reconcile failed, will retry');
      expect(await here.namespace.jobNames('any')).toEqual([]);
    },
  ],
  [
    'to create Jobs: the sequence waits, and says for what',
    ['batch/jobs create'],
    async ({ namespace }) => void (await namespace.apply('any', sequence(1))),
    async (here) => {
      const { status } = await here.untilDenied('any');
      const { message = '' } = getCondition(status?.conditions, 'ResourcesUnavailable') ?? {};
      expect(here.proxy.forbidden.filter((one) => message.includes(one.message))).not.toEqual([]);
      expect(status?.phase).toBe('Pending');
      expect(status?.startTime).toBeUndefined();
    },
  ],
  [
    'to explain and to record: the sequence runs without',
    ['/pods list', '/events list', '/events create', '/secrets get', 'apps/controllerrevisions create'],
    async (here) => {
      const env = [{ name: 'WORD', valueFrom: { secretKeyRef: { name: 'any', key: 'word', optional: false } } }];
      await client.request({
        method: 'POST',
        path: collectionPath(SECRETS, here.namespace.name),
        body: { metadata: { name: 'any' }, data: { word: 'aGk=' } },
      });
      await here.gated('any', { ...sequence(1, { 0: waitsFor('end') }) });
      await here.namespace.apply('needy', { containers: [{ ...step('s0'), env }] });
      await here.running('any', 's0');
      const { containers } = (await here.namespace.get('any')).spec;
      await here.namespace.patch('any', {
        spec: { containers: changed(containers, 0, { image: 'other:1' }) },
      });
      await here.namespace.until('any', ({ status }) => status?.observedGeneration === 2);
      await withoutRoomFor('pods', here.namespace, async () => {
        await here.namespace.apply('crowded', sequence(1));
        const isAsked = (): boolean => here.proxy.seen.some((one) => told(one) === '/events list');
        await eventually('the Events about its Job are asked for', isAsked);
      });
      await open('end');
    },
    async (here) => {
      await here.phase('any', 'Completed');
      await here.phase('needy', 'Completed');
      await here.phase('crowded', 'Completed');
      expect(here.says).toContain('event dropped');
      expect(here.says).toContain('the status explains a waiting step only by its Job and Pod');
      expect(here.says).toContain('starts steps without checking that these objects exist');
      expect(here.says).toContain('was not recorded');
    },
  ],
  [
    'to delete: what should be gone stays, and is tried again',
    [`${RESOURCE} delete`, 'batch/jobs delete'],
    async ({ namespace }) => {
      await namespace.apply('expired', sequence(1, {}, { ttlSecondsAfterFinished: 0 }));
      await namespace.apply('unwanted', sequence(1));
      await namespace.untilFinished('unwanted');
      await namespace.delete('unwanted');
    },
    async (here) => {
      await here.operator.untilSays('reconcile failed, will retry');
      expect((await here.namespace.get('expired')).status?.phase).toBe('Completed');
      expect(await here.namespace.jobNames('unwanted')).toHaveLength(1);
    },
  ],
  [
    'to hold the Lease: nobody leads, and the log says why',
    ['coordination.k8s.io/leases update', 'coordination.k8s.io/leases create', 'coordination.k8s.io/leases get'],
    async () => undefined,
    async (here) => {
      expect(here.says).not.toContain('controller started');
    },
  ],
];

/** An account with everything but these. */
async function accountWithout(verbs: readonly string[], name: string): Promise<void> {
  const roles = manifests.filter(
    ({ kind, metadata }) => kind.endsWith('Role') && !/-(view|edit|admin)$/.test(metadata.name),
  );
  const without = ({ apiGroups, resources, verbs: all, ...rest }: Rule): readonly Rule[] =>
    resources.map((resource) => ({
      ...rest,
      apiGroups,
      resources: [resource],
      verbs: all.filter((verb) => !verbs.includes(`${apiGroups[0]}/${resource} ${verb}`)),
    }));
  const left = (role: Manifest): readonly Rule[] =>
    (role['rules'] as readonly Rule[]).flatMap(without).filter((rule) => rule.verbs.length > 0);
  const apiGroup = 'rbac.authorization.k8s.io';
  const subjects = [{ kind: 'ServiceAccount', name, namespace: SYSTEM }];
  await apply(
    roles.flatMap((role) => {
      const metadata = { ...role.metadata, name: `${role.metadata.name}-${name}` };
      const roleRef = { apiGroup, kind: role.kind, name: metadata.name };
      const apiVersion = `${apiGroup}/v1`;
      return [
        { apiVersion, kind: role.kind, metadata, rules: left(role) },
        { apiVersion, kind: `${role.kind}Binding`, metadata, roleRef, subjects },
      ];
    }),
  );
}

describe('without the permission', () => {
  it.each(MISSING)('%s', async (what, verbs, provoke, notice) => {
    const account = `without-${MISSING.findIndex(([one]) => one === what)}`;
    await accountWithout(verbs, account);
    const here = await Restricted.start(account);
    try {
      await provoke(here);
      const denied = (): ReadonlySet<string> =>
        new Set(here.proxy.seen.filter(({ status }) => status === 403).map(told));
      // Who may not get the Lease asks for nothing else of it.
      const expected = verbs.filter((verb) => !/leases (create|update)/.test(verb));
      await eventually(`denied ${expected.join(', ')}`, () => expected.every((one) => denied().has(one)));
      await notice(here);
      for (const one of expected) {
        const isQuoted = (asked: Forbidden): boolean => told(asked) === one && here.says.includes(asked.message);
        await eventually(`the log tells of ${one}`, () => here.proxy.forbidden.some(isQuoted));
      }
      expect([...denied()].sort()).toEqual([...expected].sort());
    } finally {
      await here.end();
    }
  });
});

describe('the permission to create Jobs', () => {
  const account = 'on-and-off';
  let here: Restricted;

  const CREATE = 'batch/jobs create';
  const permitAllBut = async (...verbs: readonly string[]): Promise<void> => {
    await accountWithout(verbs, account);
    const wanted = !verbs.includes(CREATE);
    const isInForce = async (): Promise<boolean> => (await isAllowed(account, 'create', 'batch/jobs')) === wanted;
    await eventually('the permissions in force', async () => await isInForce());
  };

  beforeAll(async () => {
    await permitAllBut();
    here = await Restricted.start(account);
  }, 60_000);

  afterAll(async () => here.end());

  it('taken away while a step runs, does not end the sequence: the next step waits for it', async () => {
    await here.gated('midway', sequence(2, { 0: waitsFor('midway') }));
    await here.running('midway', 's0');
    await permitAllBut(CREATE);
    await open('midway');
    const { status } = await here.untilDenied('midway');
    expect(status).toMatchObject({ phase: 'Running', progress: { currentIndex: 1, completedIndices: [0] } });
    expect(getCondition(status?.conditions, 'Failed')?.status).toBe('False');
    expect(await here.namespace.jobNames('midway')).toEqual(['midway-0-s0']);
  });

  it('and of a sequence that is created meanwhile the first', async () => {
    await here.namespace.apply('meanwhile', sequence(1));
    const { status } = await here.untilDenied('meanwhile');
    expect(status).toMatchObject({ phase: 'Pending', steps: [] });
    expect(status?.startTime).toBeUndefined();
  });

  it('given back, lets both go on by themselves, each step with one Job', async () => {
    await permitAllBut();
    for (const name of ['midway', 'meanwhile']) {
      const { status } = await here.namespace.untilFinished(name);
      expect(status?.phase).toBe('Completed');
      expect(getCondition(status?.conditions, 'ResourcesUnavailable')?.status).toBe('False');
    }
    expect(await here.namespace.jobNames()).toEqual(['meanwhile-0-s0', 'midway-0-s0', 'midway-1-s1']);
  });

  it('is missed in the log once, however many sequences and tries there are', () => {
    expect(here.operator.count('no permission to create Jobs')).toBe(1);
  });
});
