/** A controller that may not look at ConfigMaps and claims, or at Pods: its sequences run without the look. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { getCondition } from '../../shared/conditions.ts';
import { type ApiClient, createApiClient } from '../../shared/kube/client.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { collectionPath, CONFIG_MAPS, JOBS, objectPath, type Resource } from '../../shared/kube/resources.ts';
import { kubeconfig } from '../support/cluster.ts';
import type { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';
import { recordingLog } from '../support/recording-log.ts';
import { gated, needs, sequence, step, withConfigMap } from '../support/sequences.ts';

const ROLE = join(import.meta.dirname, '../../config/rbac/controller-role.yaml');
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const USER = 'controller-without-permission';
const DEPENDENCIES: readonly string[] = ['configmaps', 'persistentvolumeclaims'];

interface Rule {
  readonly resources: readonly string[];
}

/** What the controller is given, but for these. */
async function rulesWithout(forbidden: readonly string[]): Promise<readonly Rule[]> {
  const role = parse(await readFile(ROLE, 'utf8')) as { readonly rules: readonly Rule[] };
  return role.rules.filter(({ resources }) => !resources.some((resource) => forbidden.includes(resource)));
}

/** A connection of somebody who is given all else in the namespace. */
async function connectWithout(forbidden: readonly string[], namespace: Namespace): Promise<ApiClient> {
  const of = (plural: string): Resource => ({ root: RBAC, plural });
  await namespace.create(of('roles'), { metadata: { name: USER }, rules: await rulesWithout(forbidden) });
  const apiGroup = 'rbac.authorization.k8s.io';
  await namespace.create(of('rolebindings'), {
    metadata: { name: USER },
    roleRef: { apiGroup, kind: 'Role', name: USER },
    subjects: [{ apiGroup, kind: 'User', name: USER }],
  });
  const { clusters, contexts, users, currentContext } = loadKubeConfig({ path: kubeconfig() });
  const config = new KubeConfig();
  const impersonating = users.map((user) => Object.assign({}, user, { impersonateUser: USER }));
  config.loadFromOptions({ clusters, contexts, users: impersonating, currentContext });
  const limited = createApiClient(config, { userAgent: 'sequentialjob-tests' });
  // The authorizer learns of the role by a watch.
  await eventually('the permission', async () =>
    limited.request({ method: 'GET', path: collectionPath(JOBS, namespace.name) }),
  );
  return limited;
}

const { log, lines } = recordingLog();
const here = withInProcessController({
  prefix: 'no-permission',
  connect: connectWithout.bind(undefined, DEPENDENCIES),
  log,
});

const about = (kind: string): number =>
  lines.filter((line) => line['kind'] === kind && line.msg.startsWith('no permission to get')).length;

describe('a step that needs a ConfigMap', () => {
  it('starts without a look, and its Pod tells what is missing', async () => {
    await here.namespace.apply('blind', { containers: [step('s0'), withConfigMap(step('s1'), 'unseen')] });
    const { status } = await here.namespace.until(
      'blind',
      (object) =>
        object.status?.conditions?.some(
          ({ type, reason }) => type === 'ResourcesUnavailable' && reason === 'CreateContainerConfigError',
        ) === true,
    );
    expect(getCondition(status?.conditions, 'ResourcesUnavailable')?.message).toContain('configmap "unseen" not found');
    expect(await here.namespace.jobNames('blind')).toEqual(['blind-0-s0', 'blind-1-s1']);
    await here.namespace.createObject(CONFIG_MAPS, { metadata: { name: 'unseen' }, data: { token: 'x' } });
    expect((await here.namespace.untilFinished('blind')).status?.phase).toBe('Completed');
  });

  it('is told of in the log once, however many there are', async () => {
    await here.namespace.apply('again', {
      containers: [withConfigMap(step('s0'), 'unseen'), withConfigMap(step('s1'), 'unseen')],
    });
    expect((await here.namespace.untilFinished('again')).status?.phase).toBe('Completed');
    expect(about('ConfigMap')).toBe(1);
    expect(about('PersistentVolumeClaim')).toBe(0);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('everything else', () => {
  it('needs no more than the role gives', async () => {
    await here.namespace.apply('failing', sequence(2, { 1: 'echo gone; exit 3' }));
    const { status } = await here.namespace.untilFinished('failing');
    expect(status?.progress?.failureMessage).toMatch(/exit code 3: gone$/);
    await here.namespace.patch('failing', { spec: { ttlSecondsAfterFinished: 0 } });
    await here.namespace.untilGone('failing', 30);
    // Whatever is forbidden is forbidden to somebody, whom the API server names.
    expect(lines.filter(({ err }) => String(err).includes(USER))).toEqual([]);
  });
});

describe('a controller that may not list Pods', () => {
  const blind = recordingLog();
  const connectBlind = connectWithout.bind(undefined, [...DEPENDENCIES, 'pods']);
  const there = withInProcessController({ prefix: 'no-pods', connect: connectBlind, log: blind.log });
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sequentialjob-no-pods-'));
  });

  afterAll(async () => rm(folder, { recursive: true, force: true }));

  it('says so once, and gives the Pod of a deleted Job its grace period before the next step starts', async () => {
    const slow = 'trap "sleep 3; touch /gate/ended; exit 143" TERM; touch /gate/started; sleep 600 & wait $!';
    const template = { spec: { containers: [], terminationGracePeriodSeconds: 6 } };
    const stepPolicies = [{ name: 's0', onFailure: 'Continue' as const }];
    const spec = sequence(2, { 0: slow, 1: needs('ended') }, { template, stepPolicies });
    await there.namespace.apply('left', gated(folder, spec));
    await eventually('the first step runs', async () => (await readdir(folder)).includes('started'));
    const path = objectPath(JOBS, there.namespace.name, 'left-0-s0');
    await there.client.request({ method: 'DELETE', path, body: { propagationPolicy: 'Background' } });
    const { status } = await there.namespace.untilFinished('left');
    expect(status?.steps).toMatchObject([{ state: 'Failed', reason: 'JobDeleted' }, { state: 'Succeeded' }]);
    expect(blind.lines.filter(({ msg }) => msg.startsWith('no permission to list and watch Pods'))).toHaveLength(1);
  });
});
