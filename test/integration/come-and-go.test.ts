/** Jobs and Pods that go before the controller has looked, that are in the way for a while, or that come late. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { getCondition } from '../../shared/conditions.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { ApiError, isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import { ofWrite } from '../../shared/kube/uncertain-write.ts';
import { sleep } from '../../shared/sleep.ts';
import { connect, endCondition, kubectl, type RawJob } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { withController } from '../support/with-controller.ts';
import { FOREVER, gated, sequence, waitsFor } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const { knowsPodReplacementPolicy } = await serverOfTests();
const here = withController('come-and-go');

const pathOf = (job: string): string => objectPath(JOBS, here.namespace.name, job);

/** Deletes it with its Pods, as the TTL controller does, and takes it that somebody may have been quicker. */
async function deleteJob(job: string): Promise<void> {
  try {
    await here.client.request({ method: 'DELETE', path: pathOf(job), body: { propagationPolicy: 'Background' } });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

async function patchJob(job: string, metadata: object): Promise<void> {
  const body = { metadata };
  await here.client.request({ method: 'PATCH', path: pathOf(job), contentType: PATCH_TYPE.merge, body });
}

async function jobNamed(name: string): Promise<RawJob | undefined> {
  return (await here.namespace.jobs()).find(({ metadata }) => metadata.name === name);
}

describe('a Job that is deleted as soon as it has ended', () => {
  /** Runs the sequence while somebody deletes each of its Jobs the moment that it says how it ended. */
  async function runSwept(name: string, scripts: Readonly<Record<number, string>>): Promise<SequentialJob> {
    await here.namespace.apply(name, sequence(3, scripts));
    for (;;) {
      const ended = (await here.namespace.jobs(name)).filter((job) => endCondition(job) !== undefined);
      for (const { metadata } of ended) await deleteJob(metadata.name);
      const object = await here.namespace.get(name);
      if (object.status?.completionTime !== undefined) return object;
      await sleep(20);
    }
  }

  it('counts as it ended, at every step', async () => {
    const { status } = await runSwept('swept', {});
    expect(status).toMatchObject({ phase: 'Completed', progress: { completedIndices: [0, 1, 2] } });
  });

  it('also where it failed', async () => {
    const { status } = await runSwept('swept-failure', { 1: 'exit 3' });
    expect(status).toMatchObject({
      phase: 'Failed',
      progress: { failureReason: 'BackoffLimitExceeded', failedIndex: 1, completedIndices: [0] },
    });
  });

  it('counts although the controller looks only when it is gone', async () => {
    await here.namespace.apply('unlooked', gated(here.folder, sequence(2, { 0: waitsFor('unlooked') })));
    await here.namespace.untilRunning('unlooked', 0);
    process.kill(here.operator.pid, 'SIGSTOP');
    try {
      await here.open('unlooked');
      await eventually('its end', async () => {
        const job = await jobNamed('unlooked-0-s0');
        return job === undefined ? undefined : endCondition(job);
      });
      await deleteJob('unlooked-0-s0');
      await eventually('no Job', async () => (await jobNamed('unlooked-0-s0')) === undefined);
    } finally {
      process.kill(here.operator.pid, 'SIGCONT');
    }
    const { status } = await here.namespace.untilFinished('unlooked');
    expect(status?.steps).toMatchObject([{ state: 'Succeeded', jobName: 'unlooked-0-s0' }, { state: 'Succeeded' }]);
    expect(await here.namespace.jobNames('unlooked')).toEqual(['unlooked-1-s1']);
  });
});

describe('a Job that has ended and is gone before its creation is on record', () => {
  /** What is done while the controller writes to the status that the Job was created: that write then fails. */
  let meanwhile: (() => Promise<void>) | undefined;

  const swept = withInProcessController({
    prefix: 'unrecorded',
    connect: () => {
      const inner = connect();
      return {
        server: inner.server,
        stream: (request) => inner.stream(request),
        close: () => inner.close(),
        request: async (request) => {
          const isRecord = request.path.endsWith('/status') && JSON.stringify(request.body).includes('-0-s0');
          if (meanwhile === undefined || !isRecord) return inner.request(request);
          await meanwhile();
          meanwhile = undefined;
          throw ofWrite(request, new ApiError('ServerError', 'etcdserver: request timed out', { status: 500 }));
        },
      };
    },
  });

  it('counts, and its step is not run a second time', async () => {
    const { namespace } = swept;
    const path = objectPath(JOBS, namespace.name, 'brief-0-s0');
    meanwhile = async () => {
      await eventually('its end', async () => (await namespace.jobs('brief')).map(endCondition)[0]);
      await swept.client.request({ method: 'DELETE', path, body: { propagationPolicy: 'Background' } });
      await eventually('no Job', async () => (await namespace.jobs('brief')).length === 0);
    };
    const uids = new SeenJobUIDs(namespace, 'brief');
    await namespace.apply('brief', sequence(2));
    const { status } = await namespace.untilFinished('brief');
    expect(status?.steps).toMatchObject([{ state: 'Succeeded', jobName: 'brief-0-s0' }, { state: 'Succeeded' }]);
    expect(await uids.stop()).toEqual({ 'brief-0-s0': 1, 'brief-1-s1': 1 });
    expect(meanwhile).toBeUndefined();
  });
});

describe('a sequence under the name of one that was deleted', () => {
  /** Whatever holds a Job whose owner is gone: without it the garbage collector is a matter of moments. */
  const HOLD = 'tests.example.com/hold';

  it('waits for the Job that is left of it, and goes on when that is gone', async () => {
    await here.namespace.apply('again', sequence(1, { 0: FOREVER }));
    await here.namespace.untilRunning('again', 0);
    const elder = await jobNamed('again-0-s0');
    await patchJob('again-0-s0', { finalizers: [HOLD] });
    // By force, as where the operator was removed first.
    await here.crash();
    await here.namespace.patch('again', { metadata: { finalizers: null } });
    await here.namespace.delete('again');
    await here.namespace.untilGone('again');
    await here.namespace.apply('again', sequence(1));
    await here.restart();

    const waits = /^Waiting for the (garbage collector to delete|deletion of) Job "again-0-s0"/;
    const { status } = await here.namespace.until('again', (object) =>
      waits.test(getCondition(object.status?.conditions, 'Progressing')?.message ?? ''),
    );
    expect(status?.phase).toBe('Pending');
    expect(status?.startTime).toBeUndefined();
    await patchJob('again-0-s0', { finalizers: null });
    const end = await here.namespace.untilFinished('again');
    expect(end.status?.phase).toBe('Completed');
    const [job] = await here.namespace.jobs('again');
    expect(job?.metadata.name).toBe('again-0-s0');
    expect(job?.metadata.uid).not.toBe(elder?.metadata.uid);
  });

  it('leaves a Job alone that was orphaned on purpose, says so, and runs under another name when it is told to', async () => {
    await here.namespace.apply('orphaned', sequence(1));
    await here.namespace.untilFinished('orphaned');
    const elder = await jobNamed('orphaned-0-s0');
    await here.namespace.delete('orphaned', 'Orphan');
    await here.namespace.untilGone('orphaned');
    await here.namespace.apply('orphaned', sequence(1));
    const { status } = await here.namespace.untilFinished('orphaned');
    expect(status).toMatchObject({ phase: 'Failed', progress: { failureReason: 'JobNameConflict' } });
    expect(status?.progress?.failureMessage).toBe(
      'a Job named "orphaned-0-s0" already exists and has no controller owner; raise spec.resume to start the step under another name',
    );
    await here.namespace.patch('orphaned', { spec: { resume: 1 } });
    await here.namespace.untilPhase('orphaned', 'Completed');
    expect((await jobNamed('orphaned-0-s0'))?.metadata.uid).toBe(elder?.metadata.uid);
    expect(await jobNamed('orphaned-0-s0-r1')).toBeDefined();
  });
});

describe('a Job that is created late, when its step has had another', () => {
  /** As a create does whose answer was lost and that was carried out all the same. */
  async function createLate(object: SequentialJob, name: string): Promise<void> {
    const { metadata, spec } = buildJob(object, 0, 0);
    await here.namespace.create(JOBS, { metadata: { ...metadata, name }, spec });
  }

  it.each([
    ['while a later step runs', 'late', { 0: 'true', 1: waitsFor('late') }],
    ['when the sequence has completed', 'too-late', {}],
  ])('is deleted, and that is told: %s', async (_when, name, scripts) => {
    await here.namespace.apply(name, gated(here.folder, sequence(2, scripts)));
    const isSo = name === 'late' ? here.namespace.untilRunning(name, 1) : here.namespace.untilPhase(name, 'Completed');
    await createLate(await isSo, `${name}-0-older`);
    await eventually('no such Job', async () => (await jobNamed(`${name}-0-older`)) === undefined);
    const { type, message } = await here.namespace.untilEvent(name, 'StrayJobDeleted');
    expect(type).toBe('Warning');
    expect(message).toContain(`Deleted Job "${name}-0-older"`);
    await here.open(name);
    const { status } = await here.namespace.untilFinished(name);
    expect(status).toMatchObject({ phase: 'Completed', progress: { completedIndices: [0, 1] } });
    expect(await here.namespace.jobNames(name)).toEqual([`${name}-0-s0`, `${name}-1-s1`]);
  });
});

describe('a Pod that is deleted while its step runs', () => {
  /** Tells by a file of another one that runs at the same time; needs 2 s to end. */
  const script = [
    'trap "sleep 2; rm /gate/inside; exit 143" TERM',
    '[ ! -e /gate/inside ] || touch /gate/overlap',
    'touch /gate/inside',
    waitsFor('enough'),
    'rm /gate/inside',
  ].join('; ');
  const exists = (file: string): boolean => existsSync(join(here.folder, file));

  onServersWhere(knowsPodReplacementPolicy)('on a server with podReplacementPolicy', () => {
    it('has ended before another one starts in its place', async () => {
      await here.namespace.apply('drained', gated(here.folder, { ...sequence(1, { 0: script }), backoffLimit: 2 }));
      await eventually('a container that runs', () => exists('inside'));
      const [job] = await here.namespace.jobs('drained');
      expect(job?.spec.podReplacementPolicy).toBe('Failed');
      const [pod] = await here.namespace.pods('drained');
      const first = pod?.metadata.name ?? '';
      await kubectl('delete', 'pod', first, '-n', here.namespace.name, '--wait=false');
      await eventually('another Pod', async () => {
        const names = (await here.namespace.pods('drained')).map(({ metadata }) => metadata.name);
        return names.some((one) => one !== first);
      });
      await here.open('enough');
      const { status } = await here.namespace.untilFinished('drained');
      expect(status).toMatchObject({ phase: 'Completed', steps: [{ state: 'Succeeded', attempts: 2 }] });
      expect(exists('overlap')).toBe(false);
    });
  });

  it('is a matter of the server’s where that does not know the policy, which the log says once', async () => {
    const said = here.operator.count('"field":"podReplacementPolicy"');
    await here.namespace.apply('last', sequence(2));
    expect((await here.namespace.untilFinished('last')).status?.phase).toBe('Completed');
    expect(here.operator.count('"field":"podReplacementPolicy"')).toBe(knowsPodReplacementPolicy ? 0 : 1);
    expect(said).toBeLessThanOrEqual(1);
  });
});
