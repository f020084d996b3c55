import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../../../controller/schedules/decide/types.ts';
import { runsOf, schedulesOf, toRun } from '../../../../controller/schedules/runs.ts';
import { toSequentialJob } from '../../../../controller/transform.ts';
import type { ObjectMeta, SequentialJob, SequentialJobStatus } from '../../../../shared/api/types.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { at } from '../../../support/objects.ts';
import {
  cronSequentialJob,
  ownedBySchedule,
  RUN,
  SCHEDULE_KEY,
  scheduleDeps,
  scheduledRun,
  TIME,
} from '../../../support/schedules.ts';

const ended = (type: 'Complete' | 'Failed', status: 'True' | 'False' = 'True'): SequentialJobStatus => ({
  phase: type === 'Complete' ? 'Completed' : 'Failed',
  completionTime: at(60),
  conditions: [{ type, status, reason: 'x', message: '', lastTransitionTime: at(60) }],
});
/** More than the cache keeps of a status. */
const LONG = 'x'.repeat(100_000);

describe('a run', () => {
  it.each<readonly [string, Partial<ObjectMeta>, SequentialJobStatus | undefined, Partial<Run>]>([
    ['without a status is active', {}, undefined, { state: 'Active' }],
    ['that runs is active', {}, { phase: 'Running', conditions: [] }, { state: 'Active' }],
    ['whose finally steps run is active', {}, { phase: 'Finishing' }, { state: 'Active' }],
    ['that is complete', {}, ended('Complete'), { state: 'Completed', completionTime: at(60) }],
    ['that has failed', {}, ended('Failed'), { state: 'Failed', completionTime: at(60) }],
    ['that was resumed is active', {}, { ...ended('Failed', 'False'), phase: 'Running' }, { state: 'Active' }],
    ['that is being deleted', { deletionTimestamp: at(1) }, undefined, { isBeingDeleted: true }],
    ['has its scheduled time', {}, undefined, { scheduledTime: TIME }],
    ['whose annotation a client has removed', { annotations: {} }, undefined, {}],
    ['with a time of any length', { annotations: { 'batch.example.com/scheduled-time': LONG } }, undefined, {}],
    [
      'with a long status has the same end',
      {},
      {
        ...ended('Failed'),
        steps: [{ index: 0, name: 'a', state: 'Failed', message: LONG }],
      },
      { state: 'Failed', completionTime: at(60) },
    ],
  ])('%s', (_says, metadata, status, expected) => {
    const { sequentialJobs } = scheduleDeps(new FakeApi());
    sequentialJobs.observe(toSequentialJob(scheduledRun(metadata, status)));
    const [run] = runsOf(cronSequentialJob(), sequentialJobs);
    expect(run).toMatchObject({ name: RUN, uid: 'run-1', creationTimestamp: at(-60), ...expected });
    expect(run?.scheduledTime).toBe(metadata.annotations === undefined ? TIME : undefined);
  });

  it.each<readonly [string, Partial<ObjectMeta>]>([
    ['in another namespace', { namespace: 'team-b' }],
    ['of another schedule', { ownerReferences: [ownedBySchedule('other', 'other')] }],
    ['of a deleted schedule of the same name', { ownerReferences: [ownedBySchedule('earlier')] }],
    [
      'that was started by hand, which the schedule does not control',
      { ownerReferences: [{ ...ownedBySchedule(), controller: false }] },
    ],
    ['without an owner', { ownerReferences: [] }],
  ])('is no SequentialJob %s', (_says, metadata) => {
    const { sequentialJobs } = scheduleDeps(new FakeApi());
    sequentialJobs.observe(toSequentialJob(scheduledRun(metadata)));
    expect(runsOf(cronSequentialJob(), sequentialJobs)).toEqual([]);
  });
});

describe('the change of a SequentialJob matters', () => {
  const run = (metadata?: Partial<ObjectMeta>, status?: SequentialJobStatus): SequentialJob =>
    toSequentialJob(scheduledRun(metadata, status));
  const other = [ownedBySchedule('other', 'other')];

  it.each<readonly [string, Parameters<typeof schedulesOf>[0], readonly string[]]>([
    ['to its schedule if it is new', { type: 'added', object: run() }, [SCHEDULE_KEY]],
    ['to its schedule if it is gone', { type: 'deleted', object: run() }, [SCHEDULE_KEY]],
    [
      'to its schedule if it has ended',
      { type: 'modified', previous: run(), object: run({}, ended('Complete')) },
      [SCHEDULE_KEY],
    ],
    [
      'to its schedule if it is being deleted',
      { type: 'modified', previous: run(), object: run({ deletionTimestamp: at(1) }) },
      [SCHEDULE_KEY],
    ],
    ['to nobody if it goes on', { type: 'modified', previous: run(), object: run({}, { phase: 'Running' }) }, []],
    [
      'to both schedules if it gets another owner',
      { type: 'modified', previous: run(), object: run({ ownerReferences: other }) },
      ['team-a/other', SCHEDULE_KEY],
    ],
    [
      'to the schedule that it had if it has none any more',
      { type: 'modified', previous: run(), object: run({ ownerReferences: [] }) },
      [SCHEDULE_KEY],
    ],
    ['to nobody if it has no schedule', { type: 'added', object: run({ ownerReferences: [] }) }, []],
  ])('%s', (_says, change, expected) => {
    expect(schedulesOf(change)).toEqual(expected);
  });
});

it('a large status that is cached without its conditions has the state of its phase', () => {
  expect(toRun(scheduledRun({}, { phase: 'Completed' })).state).toBe('Completed');
});
