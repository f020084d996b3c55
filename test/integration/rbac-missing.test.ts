/** A controller whose permissions are incomplete: what each missing one costs, and that the log and the status say so. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { SECRETS } from '../../shared/kube/resources.ts';
import { condition, connect } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import type { Manifest } from '../support/manifests.ts';
import { Operator } from '../support/operator.ts';
import { withoutRoomFor } from '../support/quota.ts';
import {
  applyAll,
  builtRoles,
  grantAllBut,
  RestrictedController,
  SYSTEM,
  isAllowed,
} from '../support/restricted-controller.ts';
import { sequence, step, waitsFor, withSecret } from '../support/sequences.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const RESOURCE = 'batch.example.com/sequentialjobs';
const DATA = { data: { token: 'aGk=' } };

const client = connect();
const folder = temporaryFolder();
let roles: readonly Manifest[];

beforeAll(async () => {
  roles = await builtRoles();
  await applyAll([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } }]);
  await applyAll(roles);
}, 60_000);

afterAll(async () => {
  await Operator.endAll();
  await client.close();
});

/** The sequence, once it says that the controller lacks a permission. */
const untilDenied = ({ namespace }: RestrictedController, name: string): Promise<SequentialJob> =>
  namespace.untilCondition(name, 'ResourcesUnavailable', 'PermissionDenied');

const nothing = async (): Promise<void> => undefined;
const applyOne = async ({ namespace }: RestrictedController): Promise<void> =>
  void (await namespace.apply('any', sequence(1)));
const untilFailing = (here: RestrictedController): Promise<void> =>
  here.operator.untilSays('reconcile failed, will retry');

/** Permissions that are missing together, what needs them, and what happens beside the API server's message in the log. */
const MISSING: readonly (readonly [
  what: string,
  permissions: readonly string[],
  provoke: (here: RestrictedController) => Promise<void>,
  notice: (here: RestrictedController) => Promise<void>,
])[] = [
  [
    'to list SequentialJobs: the program ends and says so',
    [`${RESOURCE} list`],
    nothing,
    async (here) => {
      expect(await here.operator.exited()).toMatchObject({ code: 1 });
      expect(here.log).toContain('does not let us read SequentialJobs');
    },
  ],
  [
    'to list Jobs: it does not start to work',
    ['batch/jobs list'],
    nothing,
    async (here) => {
      await here.operator.untilSays('watch failed, will retry');
      expect(here.log).not.toContain('controller started');
    },
  ],
  ['to watch: every watch is tried again', [`${RESOURCE} watch`, 'batch/jobs watch', '/pods watch'], nothing, nothing],
  [
    'to write the status: the reconcile fails, and is tried again',
    [`${RESOURCE}/status patch`],
    applyOne,
    async (here) => {
      await untilFailing(here);
      expect((await here.namespace.get('any')).status?.phase).toBeUndefined();
    },
  ],
  [
    'to patch SequentialJobs: one that no webhook has seen does not start',
    [`${RESOURCE} patch`],
    applyOne,
    async (here) => {
      await untilFailing(here);
      expect(await here.namespace.jobNames('any')).toEqual([]);
    },
  ],
  [
    'to create Jobs: the sequence waits, and says for what',
    ['batch/jobs create'],
    applyOne,
    async (here) => {
      const object = await untilDenied(here, 'any');
      const { message = '' } = condition(object, 'ResourcesUnavailable') ?? {};
      expect(here.messagesAbout('batch/jobs create').filter((one) => message.includes(one))).not.toEqual([]);
      expect(object.status?.phase).toBe('Pending');
      expect(object.status?.startTime).toBeUndefined();
    },
  ],
  [
    'to read Pods, Events and Secrets and to write records: the sequence runs all the same',
    ['/pods list', '/events list', '/events create', '/secrets get', 'apps/controllerrevisions create'],
    async (here) => {
      const { namespace } = here;
      await namespace.createObject(SECRETS, { metadata: { name: 'any' }, ...DATA });
      await here.applyGated('any', sequence(1, { 0: waitsFor('end') }));
      await namespace.apply('needy', { containers: [withSecret(step('s0'), 'any')] });
      await namespace.untilRunning('any', 0);
      await here.change('any', 0, { image: 'other:1' });
      await namespace.untilObserved('any', 2);
      await withoutRoomFor('pods', namespace, async () => {
        const asked = here.untilUsed('/events list');
        await namespace.apply('crowded', sequence(1));
        await asked;
      });
      await here.open('end');
    },
    async (here) => {
      for (const name of ['any', 'needy', 'crowded']) await here.namespace.untilPhase(name, 'Completed');
      expect(here.log).toContain('event dropped');
      expect(here.log).toContain('the status explains a waiting step only by its Job and Pod');
      expect(here.log).toContain('starts steps without checking that these objects exist');
      expect(here.log).toContain('was not recorded');
    },
  ],
  [
    'to delete: nothing is deleted, and that is tried again',
    [`${RESOURCE} delete`, 'batch/jobs delete'],
    async ({ namespace }) => {
      await namespace.apply('expired', sequence(1, {}, { ttlSecondsAfterFinished: 0 }));
      await namespace.apply('unwanted', sequence(1));
      await namespace.untilFinished('unwanted');
      await namespace.delete('unwanted');
    },
    async (here) => {
      await untilFailing(here);
      expect((await here.namespace.get('expired')).status?.phase).toBe('Completed');
      expect(await here.namespace.jobNames('unwanted')).toHaveLength(1);
    },
  ],
  [
    'to hold the Lease: nobody leads',
    // The controller that may not get the Lease asks for nothing else of it.
    ['coordination.k8s.io/leases get', 'coordination.k8s.io/leases update', 'coordination.k8s.io/leases create'],
    nothing,
    async (here) => expect(here.log).not.toContain('controller started'),
  ],
];

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
  }, 60_000);
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

  it('granted again, lets both continue by themselves, each step with one Job; one log line said that it was missing', async () => {
    await grant(true);
    for (const name of ['midway', 'meanwhile']) {
      await here.namespace.untilCompleted(name);
      expect(condition(await here.namespace.get(name), 'ResourcesUnavailable')?.status).toBe('False');
    }
    expect(await here.namespace.jobNames()).toEqual(['meanwhile-0-s0', 'midway-0-s0', 'midway-1-s1']);
    expect(here.operator.count('no permission to create Jobs')).toBe(1);
  });
});
