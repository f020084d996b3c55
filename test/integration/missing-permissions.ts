/** Permissions that a controller may lack, and what happens then. They share a Lease with rbac.test.ts, which tries them. */
import { expect } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { CronSequentialJob } from '../../shared/api/schedule.ts';
import { CRON_SEQUENTIAL_JOBS, SECRETS } from '../../shared/kube/resources.ts';
import { condition } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withoutRoomFor } from '../support/quota.ts';
import type { RestrictedController } from '../support/restricted-controller.ts';
import { scheduleManifest, sequence, step, waitsFor, withSecret } from '../support/sequences.ts';

const RESOURCE = 'batch.example.com/sequentialjobs';
const CLAIM = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };
const DATA = { data: { token: 'aGk=' } };

/** The sequence, once it says that the controller lacks a permission. */
export const untilDenied = ({ namespace }: RestrictedController, name: string): Promise<SequentialJob> =>
  namespace.untilCondition(name, 'ResourcesUnavailable', 'PermissionDenied');

const nothing = async (): Promise<void> => undefined;
const applyOne = async ({ namespace }: RestrictedController): Promise<void> =>
  void (await namespace.apply('any', sequence(1)));
const untilFailing = (here: RestrictedController): Promise<void> =>
  here.operator.untilSays('reconcile failed, will retry');

/** Permissions that are missing together, what needs them, and what happens beside the API server's message in the log. */
export const MISSING: readonly (readonly [
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
      expect(here.log).toContain('denies reading SequentialJobs');
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
    'to create claims: the sequence waits, and says for what',
    ['/persistentvolumeclaims create'],
    async ({ namespace }) =>
      void (await namespace.apply('any', {
        ...sequence(1),
        volumeClaimTemplates: [{ metadata: { name: 'work' }, spec: CLAIM }],
      })),
    async (here) => {
      const object = await untilDenied(here, 'any');
      const { message = '' } = condition(object, 'ResourcesUnavailable') ?? {};
      expect(here.messagesAbout('/persistentvolumeclaims create').filter((one) => message.includes(one))).not.toEqual(
        [],
      );
      expect(object.status?.phase).toBe('Pending');
      expect(await here.namespace.jobNames('any')).toEqual([]);
    },
  ],
  [
    'to create SequentialJobs: the schedule says so, and its time is recorded',
    [`${RESOURCE} create`],
    async (here) => {
      const spec = { schedule: '* * * * *', sequentialJobTemplate: { spec: sequence(1) } };
      await here.namespace.createObject(CRON_SEQUENTIAL_JOBS, scheduleManifest('any', spec));
      await eventually('a run that is denied', () => here.denied.has(`${RESOURCE} create`), 90);
    },
    async ({ namespace }) => {
      const { status } = await eventually('a schedule that says so', async () => {
        const read = await namespace.getObject<CronSequentialJob>(CRON_SEQUENTIAL_JOBS, 'any');
        return read.status?.conditions?.some(({ reason }) => reason === 'PermissionDenied') === true && read;
      });
      expect(status?.active).toMatchObject([{ scheduledTime: status?.lastScheduleTime }]);
      expect(status?.active?.[0]).not.toHaveProperty('uid');
      await namespace.deleteObject(CRON_SEQUENTIAL_JOBS, 'any');
    },
  ],
  [
    'to read Pods, Events and Secrets and to write records: the sequence runs all the same',
    ['/pods list', '/events list', '/events create', '/secrets get', 'apps/controllerrevisions create'],
    async (here) => {
      const { namespace } = here;
      await namespace.createObject(SECRETS, { metadata: { name: 'any' }, ...DATA });
      await here.applyGated('any', sequence(1, { 0: waitsFor('end') }));
      await namespace.apply('needy', { steps: [withSecret(step('s0'), 'any')] });
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
