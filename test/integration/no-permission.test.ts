/** A controller without the permission to read ConfigMaps and claims, or Pods: its sequences run without these reads. */
import { readdir } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { collectionPath, CONFIG_MAPS, JOBS } from '../../shared/kube/resources.ts';
import { condition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { present, readManifests, type Rule } from '../support/manifests.ts';
import type { Namespace } from '../support/namespace.ts';
import { connectAs } from '../support/permissions.ts';
import { recordingLog } from '../support/recording-log.ts';
import { gated, needs, sequence, step, withConfigMap } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const USER = 'controller-without-permission';
const DEPENDENCIES = ['configmaps', 'persistentvolumeclaims'];

/** A connection with the role of the controller, but for these resources. */
async function connectWithout(forbidden: readonly string[], namespace: Namespace): Promise<ApiClient> {
  const [role] = readManifests('config/rbac/controller-role.yaml');
  const rules = (present(role, 'role')['rules'] as readonly Rule[]).filter(
    ({ resources }) => !resources.some((resource) => forbidden.includes(resource)),
  );
  return connectAs(USER, namespace, rules, collectionPath(JOBS, namespace.name));
}

describe('a controller without the permission to read ConfigMaps and claims', () => {
  const { log, lines } = recordingLog();
  const open = connectWithout.bind(undefined, DEPENDENCIES);
  const { namespace } = withInProcessController('no-permission', { open, log });

  it('starts a step that references a ConfigMap, and its Pod reports the missing object', async () => {
    await namespace.apply('blind', { steps: [step('s0'), withConfigMap(step('s1'), 'unseen')] });
    const object = await namespace.untilCondition('blind', 'ResourcesUnavailable', 'CreateContainerConfigError');
    expect(condition(object, 'ResourcesUnavailable')?.message).toContain('configmap "unseen" not found');
    expect(await namespace.jobNames('blind')).toEqual(['blind-0-s0', 'blind-1-s1']);
    await namespace.createObject(CONFIG_MAPS, { metadata: { name: 'unseen' }, data: { token: 'x' } });
    await namespace.untilCompleted('blind');
  });

  it('logs that once for any number of steps, and only for kinds that a step references', async () => {
    const steps = ['s0', 's1'].map((name) => withConfigMap(step(name), 'unseen'));
    await namespace.apply('again', { steps });
    await namespace.untilCompleted('again');
    const warnings = lines.filter(({ msg }) => msg.startsWith('no permission to get'));
    expect(warnings.map(({ kind }) => kind)).toEqual(['ConfigMap']);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('needs no other permission than that of its role', async () => {
    await namespace.apply('failing', sequence(2, { 1: 'echo gone; exit 3' }));
    const { status } = await namespace.untilFinished('failing');
    expect(status?.progress?.failureMessage).toMatch(/exit code 3: gone$/);
    await namespace.patch('failing', { spec: { ttlSecondsAfterFinished: 0 } });
    await namespace.untilGone('failing', 30);
    // The API server names whom it forbids something.
    expect(lines.filter(({ err }) => String(err).includes(USER))).toEqual([]);
  });
});

describe('a controller without the permission to list Pods', () => {
  const { log, lines } = recordingLog();
  const open = connectWithout.bind(undefined, [...DEPENDENCIES, 'pods']);
  const { namespace } = withInProcessController('no-pods', { open, log });
  const folder = temporaryFolder();

  it('logs that once, and waits for the grace period of a deleted Job before it starts the next step', async () => {
    const slow = 'trap "sleep 3; touch /gate/ended; exit 143" TERM; touch /gate/started; sleep 600 & wait $!';
    const template = { spec: { containers: [], terminationGracePeriodSeconds: 6 } };
    const spec = sequence(2, { 0: slow, 1: needs('ended') }, { template }, { 0: { onFailure: 'Continue' } });
    await namespace.apply('left', gated(folder, spec));
    await eventually('the first step runs', async () => (await readdir(folder)).includes('started'));
    await namespace.deleteObject(JOBS, 'left-0-s0');
    const { status } = await namespace.untilFinished('left');
    expect(status?.steps).toMatchObject([{ state: 'Failed', reason: 'JobDeleted' }, { state: 'Succeeded' }]);
    expect(lines.filter(({ msg }) => msg.startsWith('no permission to list and watch Pods'))).toHaveLength(1);
  });
});
