/** Jobs and Pods that are deleted before the controller sees them, that block a name for a while, or that come late. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { ApiError, isApiError } from '../../shared/kube/errors.ts';
import { JOBS } from '../../shared/kube/resources.ts';
import { markUncertainWrite } from '../../shared/kube/uncertain-write.ts';
import { sleep } from '../../shared/sleep.ts';
import { condition, connect, endCondition, PODS } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { intercept } from '../support/intercept.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { FOREVER, gated, sequence, waitsFor } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const { knowsPodReplacementPolicy } = await serverOfTests();
const here = withController('come-and-go');
const { namespace } = here;

describe('a Job that is deleted as soon as it has ended', () => {
  /** Runs the sequence while somebody deletes each of its Jobs, as the TTL controller does, the moment that it has ended. */
  async function runSwept(name: string, scripts: Readonly<Record<number, string>>): Promise<SequentialJob> {
    await namespace.apply(name, sequence(3, scripts));
    for (;;) {
      const ended = (await namespace.jobs(name)).filter((job) => endCondition(job) !== undefined);
      for (const { metadata } of ended) {
        await namespace.deleteObject(JOBS, metadata.name).catch((error: unknown) => {
          if (!isApiError(error, 'NotFound')) throw error;
        });
      }
      const object = await namespace.get(name);
      if (object.status?.completionTime !== undefined) return object;
      await sleep(20);
    }
  }

  it('counts as completed, at every step', async () => {
    const { status } = await runSwept('swept', {});
    expect(status).toMatchObject({ phase: 'Completed', progress: { completedIndices: [0, 1, 2] } });
  });

  it('counts as failed if it failed', async () => {
    const { status } = await runSwept('swept-failure', { 1: 'exit 3' });
    const progress = { failureReason: 'BackoffLimitExceeded', failedIndex: 1, completedIndices: [0] };
    expect(status).toMatchObject({ phase: 'Failed', progress });
  });

  it('counts although the controller reconciles only after the deletion', async () => {
    await namespace.apply('unlooked', gated(here.folder, sequence(2, { 0: waitsFor('unlooked') })));
    await namespace.untilRunning('unlooked', 0);
    process.kill(here.operator.pid, 'SIGSTOP');
    try {
      await here.open('unlooked');
      await eventually('its end', async () => (await namespace.jobs('unlooked')).map(endCondition)[0]);
      await namespace.deleteObject(JOBS, 'unlooked-0-s0');
      await namespace.untilNoJobs('unlooked');
    } finally {
      process.kill(here.operator.pid, 'SIGCONT');
    }
    const { steps } = await namespace.untilCompleted('unlooked');
    expect(steps).toMatchObject([{ state: 'Succeeded', jobName: 'unlooked-0-s0' }, { state: 'Succeeded' }]);
    expect(await namespace.jobNames('unlooked')).toEqual(['unlooked-1-s1']);
  });
});

describe('a Job that has finished and is deleted before its creation is recorded', () => {
  /** What is done while the controller writes to the status that the Job was created; that write then fails. */
  let meanwhile: (() => Promise<void>) | undefined;

  const { namespace: swept } = withInProcessController('unrecorded', {
    open: () =>
      intercept(connect(), async (request, send) => {
        const isRecord = request.path.endsWith('/status') && JSON.stringify(request.body).includes('-0-s0');
        if (meanwhile === undefined || !isRecord) return send();
        await meanwhile();
        meanwhile = undefined;
        throw markUncertainWrite(
          request,
          new ApiError('ServerError', 'etcdserver: request timed out', { status: 500 }),
        );
      }),
  });

  it('counts, and its step does not run a second time', async () => {
    meanwhile = async () => {
      await eventually('its end', async () => (await swept.jobs('brief')).map(endCondition)[0]);
      await swept.deleteObject(JOBS, 'brief-0-s0');
      await swept.untilNoJobs('brief');
    };
    await using uids = new SeenJobUIDs(swept, 'brief');
    await swept.apply('brief', sequence(2));
    const { steps } = await swept.untilCompleted('brief');
    expect(steps).toMatchObject([{ state: 'Succeeded', jobName: 'brief-0-s0' }, { state: 'Succeeded' }]);
    expect(await uids.stop()).toEqual({ 'brief-0-s0': 1, 'brief-1-s1': 1 });
    expect(meanwhile).toBeUndefined();
  });
});

describe('a sequence with the name of a deleted one', () => {
  const setFinalizers = (finalizers: readonly string[] | null): Promise<unknown> =>
    namespace.patchObject(JOBS, 'again-0-s0', { metadata: { finalizers } });

  it('waits until the Job of the deleted sequence is deleted, and then continues', async () => {
    await namespace.apply('again', sequence(1, { 0: FOREVER }));
    await namespace.untilRunning('again', 0);
    const elder = await namespace.job('again-0-s0');
    await setFinalizers(['tests.example.com/hold']);
    // By force, as where the operator was removed first.
    await here.crash();
    await namespace.patch('again', { metadata: { finalizers: null } });
    await namespace.delete('again');
    await namespace.untilGone('again');
    await namespace.apply('again', sequence(1));
    await here.restart();

    const waits = /^Waiting for the (garbage collector to delete|deletion of) Job "again-0-s0"/;
    const { status } = await namespace.until('again', (one) =>
      waits.test(condition(one, 'Progressing')?.message ?? ''),
    );
    expect(status?.phase).toBe('Pending');
    expect(status?.startTime).toBeUndefined();
    await setFinalizers(null);
    await namespace.untilCompleted('again');
    const [job] = await namespace.jobs('again');
    expect(job?.metadata.name).toBe('again-0-s0');
    expect(job?.metadata.uid).not.toBe(elder?.metadata.uid);
  });

  it('does not change a Job that was orphaned by its user, and uses another name when it is resumed', async () => {
    await namespace.apply('orphaned', sequence(1));
    await namespace.untilFinished('orphaned');
    const elder = await namespace.job('orphaned-0-s0');
    await namespace.delete('orphaned', 'Orphan');
    await namespace.untilGone('orphaned');
    expect((await namespace.job('orphaned-0-s0'))?.metadata.ownerReferences ?? []).toEqual([]);
    await namespace.apply('orphaned', sequence(1));
    const { status } = await namespace.untilFinished('orphaned');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobNameConflict' } });
    await namespace.resume('orphaned', 1);
    await namespace.untilPhase('orphaned', 'Completed');
    expect((await namespace.job('orphaned-0-s0'))?.metadata.uid).toBe(elder?.metadata.uid);
    expect(await namespace.job('orphaned-0-s0-r1')).toBeDefined();
  });
});

describe('a Job whose late creation follows that of another Job for its step', () => {
  it.each([
    ['while a later step runs', 'late', { 0: 'true', 1: waitsFor('late') }],
    ['after the sequence has completed', 'too-late', {}],
  ])('is deleted, with an Event: %s', async (_when, name, scripts) => {
    await namespace.apply(name, gated(here.folder, sequence(2, scripts)));
    const isSo = name === 'late' ? namespace.untilRunning(name, 1) : namespace.untilPhase(name, 'Completed');
    // As a create whose answer was lost and that was carried out all the same.
    const { metadata, spec } = buildJob(await isSo, 0, 0);
    await namespace.createObject(JOBS, { metadata: { ...metadata, name: `${name}-0-older` }, spec });
    await eventually('no such Job', async () => (await namespace.job(`${name}-0-older`)) === undefined);
    const { type, message } = await namespace.untilEvent(name, 'StrayJobDeleted');
    expect({ type, message }).toEqual({ type: 'Warning', message: expect.stringContaining(`"${name}-0-older"`) });
    await here.open(name);
    expect((await namespace.untilCompleted(name)).progress?.completedIndices).toEqual([0, 1]);
    expect(await namespace.jobNames(name)).toEqual([`${name}-0-s0`, `${name}-1-s1`]);
  });
});

describe('a Pod that is deleted while its step runs', () => {
  /** Writes a file where another one runs at the same time; needs 2 s to end. */
  const script = [
    'trap "sleep 2; rm /gate/inside; exit 143" TERM',
    '[ ! -e /gate/inside ] || touch /gate/overlap',
    'touch /gate/inside',
    waitsFor('enough'),
    'rm /gate/inside',
  ].join('; ');
  const exists = (file: string): boolean => existsSync(join(here.folder, file));

  onServersWhere(knowsPodReplacementPolicy)('on a server with podReplacementPolicy', () => {
    it('terminates before its replacement starts', async () => {
      await namespace.apply('drained', gated(here.folder, { ...sequence(1, { 0: script }), job: { backoffLimit: 2 } }));
      await eventually('a container that runs', () => exists('inside'));
      const [job] = await namespace.jobs('drained');
      expect(job?.spec.podReplacementPolicy).toBe('Failed');
      const [first = ''] = (await namespace.pods('drained')).map(({ metadata }) => metadata.name);
      await namespace.deleteObject(PODS, first);
      await eventually('another Pod', async () =>
        (await namespace.pods('drained')).some(({ metadata }) => metadata.name !== first),
      );
      await here.open('enough');
      expect((await namespace.untilCompleted('drained')).steps).toMatchObject([{ state: 'Succeeded', attempts: 2 }]);
      expect(exists('overlap')).toBe(false);
    });
  });

  it('may overlap with its replacement on a server without podReplacementPolicy, which is logged once', async () => {
    await namespace.apply('last', sequence(2));
    await namespace.untilCompleted('last');
    expect(here.operator.count('"field":"podReplacementPolicy"')).toBe(knowsPodReplacementPolicy ? 0 : 1);
  });
});
