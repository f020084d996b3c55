/**
 * A Job is changed or deleted only where the sequence controls it. A status can name anybody's Job, for who may write statuses, and
 * an owner reference can be taken off: such a Job is followed to its end, and left as it is.
 */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { execute } from '../../../controller/act/execute.ts';
import type { Action } from '../../../controller/decide/index.ts';
import { toObservedJob } from '../../../controller/transform.ts';
import { SUSPENDED_ANNOTATION } from '../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobSpec } from '../../../shared/api/types.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { FakeApi, jobPath, type Stored } from '../../support/fake-api.ts';
import { at, completed, container, NAMESPACE, NOW_MS, observedJob, sequentialJob } from '../../support/objects.ts';
import { Process } from '../../support/process.ts';
import { actorDeps } from '../../support/reconciler.ts';

const OTHERS = jobPath(NAMESPACE, 'nightly-report');
const CRON = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'nightly', uid: 'uid-cron', controller: true };

let api: FakeApi;
let nowMs: number;

const stored = (): SequentialJob => api.sequentialJob(NAMESPACE, 'etl') as SequentialJob;
const message = (type: 'Progressing' | 'Suspended' | 'Failed' | 'ResourcesUnavailable'): string | undefined =>
  getCondition(stored().status?.conditions, type)?.message;

/** A CronJob's Job, which somebody has written into the status as that of the running step. */
function forge(spec: Partial<SequentialJobSpec> = {}, job: Partial<Stored> = {}): void {
  const metadata = { name: 'nightly-report', uid: 'uid-nightly', ownerReferences: [CRON as never] };
  const made = api.putJob(observedJob(0, { metadata }), {});
  api.put(OTHERS, { ...made, ...job, metadata: { ...made.metadata, ...job.metadata } });
  const step = {
    index: 0,
    name: 'extract',
    jobName: 'nightly-report',
    jobUID: 'uid-nightly',
    state: 'Running',
  } as const;
  api.putSequentialJob(
    sequentialJob({
      spec: { steps: [container('extract'), container('load')], ...spec },
      status: { observedGeneration: 1, startTime: at(0), phase: 'Running', steps: [step], conditions: [] },
    }),
  );
}

/** What was asked of the API server about Jobs, but to look at them. */
const changes = (): readonly string[] =>
  api.client.requests
    .filter(({ method, path }) => method !== 'GET' && path.includes('/jobs'))
    .map(({ method, path }) => `${method} ${path}`);

async function reconcile(): Promise<void> {
  const process = new Process(api, () => nowMs);
  await process.settle();
  await process.settle();
}

beforeEach(() => {
  api = new FakeApi();
  nowMs = NOW_MS + 60_000;
});

describe('a Job that the status names but another object owns', () => {
  it('is not suspended with the sequence, and the status reports that', async () => {
    forge({ suspend: true });
    await reconcile();
    expect(changes()).toEqual([]);
    expect(message('Suspended')).toBe(
      'Suspending: waiting for step 0 (extract) to stop; Job "nightly-report" is not controlled by this SequentialJob, so the operator does not change it',
    );
  });

  it('is not unsuspended because of an annotation that any client can write', async () => {
    const metadata = { annotations: { [SUSPENDED_ANNOTATION]: `1 ${at(0)}` } } as never;
    forge({}, { metadata, spec: { suspend: true } });
    await reconcile();
    expect(changes()).toEqual([]);
    expect(message('ResourcesUnavailable')).toBe(
      'Job "nightly-report" is not controlled by this SequentialJob, so the operator does not change it',
    );
  });

  it('is not terminated when the deadline of the sequence passes: only the sequence fails', async () => {
    forge({ activeDeadlineSeconds: 30 });
    await reconcile();
    expect(changes()).toEqual([]);
    expect(stored().status?.progress?.failureReason).toBe('DeadlineExceeded');
    expect(message('Failed')).toContain(
      '30 s; Job "nightly-report" is not controlled by this SequentialJob, so the operator does not change it',
    );
  });

  it('is not deleted with the sequence', async () => {
    forge();
    await reconcile();
    api.putSequentialJob({ ...stored(), metadata: { ...stored().metadata, deletionTimestamp: at(70) } });
    await reconcile();
    expect(changes()).toEqual([]);
    expect(stored()).toBeUndefined();
    expect(api.get(OTHERS)?.metadata.deletionTimestamp).toBeUndefined();
  });
});

it('a Job that lost its owner reference is observed until it finishes, but not changed', async () => {
  api.putSequentialJob(sequentialJob({ spec: { steps: [container('extract'), container('load')] } }));
  await reconcile();
  const path = jobPath(NAMESPACE, 'etl-0-extract');
  const job = api.get(path) as Stored;
  api.put(path, { ...job, metadata: { ...job.metadata, ownerReferences: [] } });
  const { metadata, spec } = stored();
  api.putSequentialJob({ ...stored(), metadata: { ...metadata, generation: 2 }, spec: { ...spec, suspend: true } });
  const before = changes();
  await reconcile();
  api.setJobStatus(path, completed(70));
  await reconcile();
  expect(changes()).toEqual(before);
  expect(stored().status).toMatchObject({ phase: 'Suspended', steps: [{ state: 'Succeeded' }] });
});

describe('no decision leads to a request that', () => {
  const foreign = observedJob(0, { metadata: { ownerReferences: [] } });

  it.each<readonly [string, Action]>([
    ['suspends', { type: 'SuspendJob', job: foreign, count: 1 }],
    ['unsuspends', { type: 'UnsuspendJob', job: foreign }],
    ['ends', { type: 'TerminateJob', job: foreign, seconds: 5 }],
    [
      'ends before it has started',
      { type: 'TerminatePendingJob', job: foreign, because: { reason: 'x', message: 'x' } },
    ],
    ['deletes', { type: 'DeleteJobs', jobs: [observedJob(1), foreign] }],
  ])('%s a Job that the sequence does not own', async (_says, action) => {
    const snapshot = {
      object: sequentialJob(),
      jobs: [foreign].map((job) => toObservedJob(api.putJob(job))),
      findings: {},
    };
    await expect(execute([action], snapshot, actorDeps(api.client))).rejects.toThrow(
      'Job team-a/etl-0-extract does not belong to team-a/etl: the operator does not change it',
    );
    expect(api.client.requests).toEqual([]);
  });
});
