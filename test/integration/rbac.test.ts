/**
 * The controller with exactly the permissions of config/rbac, as the API server's RBAC sees its service account: nothing that
 * it asks for is denied, it uses every permission that it has, and a permission that is missing is noticed.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CronSequentialJob } from '../../shared/api/schedule.ts';
import { CONFIG_MAPS, CRON_SEQUENTIAL_JOBS, JOBS, SECRETS, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { condition, connect } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import type { Manifest } from '../support/manifests.ts';
import { Operator } from '../support/operator.ts';
import { withoutRoomFor } from '../support/quota.ts';
import {
  applyAll,
  builtRoles,
  grantAllBut,
  grantedBy,
  isAllowed,
  RestrictedController,
  SYSTEM,
} from '../support/restricted-controller.ts';
import { failsOnce, scheduleManifest, sequence, step, waitsFor, withSecret } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { MISSING, untilDenied } from './missing-permissions.ts';

const RESOURCE = 'batch.example.com/sequentialjobs';
const DATA = { data: { token: 'aGk=' } };
/** In seconds: until the next minute, and what its run takes. */
const A_MINUTE = 90;

const client = connect();
const folder = temporaryFolder();
let roles: readonly Manifest[];

beforeAll(async () => {
  roles = await builtRoles();
  await applyAll([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } }]);
  await applyAll(roles);
});

afterAll(async () => {
  await Operator.endAll();
  await client.close();
});

describe('the account of the controller', () => {
  const ACCOUNT = 'sequentialjob-controller';
  let here: RestrictedController;

  beforeAll(async () => {
    here = await RestrictedController.start(ACCOUNT, folder);
    await here.operator.untilSays('controller started', 60);
  });
  afterAll(async () => here.end());

  it('has its permissions in the whole cluster, and no others', async () => {
    const everywhere = grantedBy(roles).filter((one) => !one.startsWith('coordination'));
    for (const one of everywhere) expect([one, await isAllowed(client, ACCOUNT, one)]).toEqual([one, true]);
    for (const one of [
      '/secrets list',
      `${RESOURCE} update`,
      `${RESOURCE} deletecollection`,
      'batch.example.com/cronsequentialjobs create',
      'batch.example.com/cronsequentialjobs patch',
      'batch.example.com/cronsequentialjobs delete',
      '/pods create',
      'batch/jobs deletecollection',
      'coordination.k8s.io/leases get',
      'rbac.authorization.k8s.io/clusterroles update',
    ]) {
      expect([one, await isAllowed(client, ACCOUNT, one)]).toEqual([one, false]);
    }
  });

  it('runs a sequence that fails, resumes it, and deletes it after its TTL', async () => {
    const { namespace } = here;
    await here.applyGated('failing', sequence(3, { 1: failsOnce('once') }));
    const { status } = await namespace.untilPhase('failing', 'Failed');
    expect(status?.steps?.[1]).toMatchObject({ state: 'Failed', exitCode: 1 });
    await namespace.resume('failing', 1);
    await namespace.untilPhase('failing', 'Completed');
    await namespace.patch('failing', { spec: { ttlSecondsAfterFinished: 1 } });
    await namespace.untilGone('failing');
    expect(await namespace.jobNames('failing')).toEqual([]);
  });

  it('waits for the dependencies of a step', async () => {
    const volumes = [{ name: 'claim', persistentVolumeClaim: { claimName: 'late' } }];
    const volumeMounts = [{ name: 'claim', mountPath: '/claim' }];
    const envFrom = [{ configMapRef: { name: 'late' } }];
    const containers = [{ ...withSecret(step('s0'), 'late'), envFrom, volumeMounts }];
    await here.namespace.apply('waiting', { steps: containers, template: { spec: { volumes, containers: [] } } });
    await here.namespace.until('waiting', (one) => condition(one, 'ResourcesUnavailable')?.status === 'True');
    // The claim is never created.
    for (const resource of [SECRETS, CONFIG_MAPS]) {
      await here.namespace.createObject(resource, { metadata: { name: 'late' }, ...DATA });
    }
  });

  it('creates the claims of a sequence', async () => {
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };
    await here.namespace.apply('storing', {
      ...sequence(1),
      volumeClaimTemplates: [{ metadata: { name: 'work' }, spec }],
    });
    await here.namespace.untilCompleted('storing');
  });

  it('starts the run of a schedule, and deletes it, as none that completed is kept', async () => {
    const { namespace } = here;
    const spec = { schedule: '* * * * *', successfulJobsHistoryLimit: 0, sequentialJobTemplate: { spec: sequence(1) } };
    await namespace.createObject(CRON_SEQUENTIAL_JOBS, scheduleManifest('minutely', spec));
    const isOver = async (): Promise<boolean> => {
      const { status } = await namespace.getObject<CronSequentialJob>(CRON_SEQUENTIAL_JOBS, 'minutely');
      const labelSelector = 'batch.example.com/cronsequentialjob=minutely';
      const runs = await namespace.list(SEQUENTIAL_JOBS, { labelSelector });
      return status?.lastSuccessfulTime !== undefined && runs.length === 0;
    };
    await eventually('a run that completed and is deleted', isOver, A_MINUTE);
    await namespace.deleteObject(CRON_SEQUENTIAL_JOBS, 'minutely');
  });

  it('suspends and unsuspends', async () => {
    await here.applyGated('paused', sequence(2, { 0: waitsFor('go') }));
    await here.namespace.untilRunning('paused', 0);
    const patched = here.untilUsed('batch/jobs patch');
    await here.namespace.setSuspend('paused', true);
    await patched;
    await here.open('go');
    await here.namespace.untilPhase('paused', 'Suspended');
    await here.namespace.setSuspend('paused', false);
    await here.namespace.untilPhase('paused', 'Completed');
  });

  it('gets a Job that a user has deleted', async () => {
    await here.applyGated('robbed', sequence(2, { 0: waitsFor('never') }));
    await here.namespace.untilRunning('robbed', 0);
    await here.namespace.deleteObject(JOBS, 'robbed-0-s0');
    await here.namespace.untilPhase('robbed', 'Failed');
  });

  it('lists the Events of a Job that has no Pod', async () => {
    await withoutRoomFor('pods', here.namespace, async () => {
      await here.namespace.apply('crowded', sequence(1));
      await here.namespace.untilCondition('crowded', 'ResourcesUnavailable', 'FailedCreate');
    });
    await here.namespace.untilCompleted('crowded');
  });

  it('gets the object again when the response to a write was lost', async () => {
    const writes = await here.whileLosing(`${RESOURCE}/status patch`, 'unanswered', async () => {
      await here.namespace.apply('unanswered', sequence(1));
      await here.namespace.untilCompleted('unanswered');
    });
    expect(writes).toBeGreaterThan(1);
  });

  it('records the spec with which a sequence was started, and its changes, across restarts', async () => {
    const { namespace } = here;
    await here.applyGated('changed', sequence(3, { 0: waitsFor('on') }, { updatePolicy: 'FutureSteps' }));
    await namespace.untilRunning('changed', 0);
    // Ignored, with an event. The same after a restart increments its count.
    await here.change('changed', 0, { image: 'other:1' });
    await namespace.untilObserved('changed', 2);
    await here.restart();
    const counted = here.untilUsed('/events patch');
    await here.operator.untilSays('controller started');
    for (const image of ['other:1', 'other:2', 'other:1']) await here.change('changed', 0, { image });
    await counted;
    // Accepted: another record replaces the first.
    const replaced = here.untilUsed('apps/controllerrevisions delete');
    await here.change('changed', 0, { image: sequence(1).steps[0]?.image ?? '' });
    await here.change('changed', 2, { args: ['later'] });
    await replaced;
    await here.open('on');
    await namespace.untilPhase('changed', 'Completed');
  });

  it('was never forbidden a request, and has used each of its permissions', async () => {
    await here.operator.end('SIGTERM');
    expect([...here.denied.keys()]).toEqual([]);
    // Two are needed by an admission plugin alone (test/unit/config/rbac.test.ts).
    const unused = grantedBy(roles).filter((one) => !here.used.has(one) && !one.endsWith('/finalizers update'));
    expect(unused).toEqual([]);
  });
});

describe('without the permission', () => {
  it.each(MISSING)('%s', async (what, permissions, provoke, notice) => {
    const account = `without-${MISSING.findIndex(([one]) => one === what)}`;
    await grantAllBut(permissions, account, roles);
    const here = await RestrictedController.start(account, folder);
    try {
      await provoke(here);
      const expected = permissions.filter((one) => !/leases (create|update)/.test(one));
      await eventually(`denied ${expected.join(', ')}`, () => expected.every((one) => here.denied.has(one)));
      await notice(here);
      for (const one of expected) {
        const isLogged = (): boolean => here.messagesAbout(one).some((message) => here.log.includes(message));
        await eventually(`a log line about ${one}`, isLogged);
      }
      expect([...here.denied.keys()].toSorted()).toEqual(expected.toSorted());
    } finally {
      await here.end();
    }
  });
});

describe('the permission to create Jobs', () => {
  const account = 'on-and-off';
  const CREATE = 'batch/jobs create';
  let here: RestrictedController;

  async function grant(isGranted: boolean): Promise<void> {
    await grantAllBut(isGranted ? [] : [CREATE], account, roles);
    await eventually('the permissions in force', async () => (await isAllowed(client, account, CREATE)) === isGranted);
  }

  beforeAll(async () => {
    await grant(true);
    here = await RestrictedController.start(account, folder);
  });
  afterAll(async () => here.end());

  it('revoked while a step runs, does not fail the sequence: the next step waits for it', async () => {
    await here.applyGated('midway', sequence(2, { 0: waitsFor('midway') }));
    await here.namespace.untilRunning('midway', 0);
    await grant(false);
    await here.open('midway');
    const object = await untilDenied(here, 'midway');
    expect(object.status).toMatchObject({ phase: 'Running', progress: { currentIndex: 1, completedIndices: [0] } });
    expect(condition(object, 'Failed')?.status).toBe('False');
    expect(await here.namespace.jobNames('midway')).toEqual(['midway-0-s0']);
    // And so does the first step of a sequence that is created meanwhile.
    await here.namespace.apply('meanwhile', sequence(1));
    const { status } = await untilDenied(here, 'meanwhile');
    expect(status).toMatchObject({ phase: 'Pending', steps: [] });
    expect(status?.startTime).toBeUndefined();
  });

  it('granted again, lets both sequences continue, each step with one Job; the log reported it once as missing', async () => {
    await grant(true);
    for (const name of ['midway', 'meanwhile']) {
      await here.namespace.untilCompleted(name);
      expect(condition(await here.namespace.get(name), 'ResourcesUnavailable')?.status).toBe('False');
    }
    expect(await here.namespace.jobNames()).toEqual(['meanwhile-0-s0', 'midway-0-s0', 'midway-1-s1']);
    expect(here.operator.count('no permission to create Jobs')).toBe(1);
  });
});
