/** A sequence on a real control plane with a virtual node, from the first step to the last. Failures: failures.test.ts. */
import { describe, expect, it } from '@jest/globals';
import { LABELS } from '../../shared/api/group.ts';
import { kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneAfterAnother } from '../support/job-order.ts';
import { kstatusOf } from '../support/kstatus.ts';
import { gated, sequence, step, waitsFor } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('sequence');
const { namespace } = here;

describe('a sequence that succeeds', () => {
  it('runs its steps one after another, and its status shows that', async () => {
    await namespace.apply('etl', sequence(3));
    const { metadata, status } = await namespace.untilFinished('etl');
    expect(status).toMatchObject({
      phase: 'Completed',
      state: { active: 0, succeeded: 3, failed: 0 },
      observedGeneration: 1,
    });
    expect(status?.progress).toEqual({ completedIndices: [0, 1, 2], summary: '3/3' });
    expect(Object.fromEntries((status?.conditions ?? []).map(({ type, status: is }) => [type, is]))).toEqual({
      Available: 'True',
      Progressing: 'False',
      Failed: 'False',
      Complete: 'True',
      Suspended: 'False',
      ResourcesUnavailable: 'False',
    });

    const jobs = await namespace.jobs('etl');
    expect(jobs.map((job) => job.metadata.name)).toEqual(['etl-0-s0', 'etl-1-s1', 'etl-2-s2']);
    expect(status?.steps?.map(({ state, jobName, jobUID }) => [state, jobName, jobUID])).toEqual(
      jobs.map((job) => ['Succeeded', job.metadata.name, job.metadata.uid]),
    );
    expectOneAfterAnother(jobs);
    for (const [i, job] of jobs.entries()) {
      const owner = { uid: metadata.uid, kind: 'SequentialJob', controller: true, blockOwnerDeletion: true };
      expect(job.metadata.ownerReferences).toEqual([expect.objectContaining(owner)]);
      expect(job.metadata.labels).toMatchObject({
        [LABELS.name]: 'etl',
        [LABELS.uid]: metadata.uid,
        [LABELS.stepIndex]: String(i),
        [LABELS.stepName]: `s${i}`,
        [LABELS.managedBy]: 'sequentialjob-controller',
      });
    }
  });

  it('has Events, each once, in order', async () => {
    const events = await eventually('all events', async () => {
      const list = await namespace.events('etl');
      return list.length >= 8 && list;
    });
    const job = ['JobStarted', 'JobCompleted'];
    const reasons = ['SequenceStarted', ...job, ...job, ...job, 'SequenceCompleted'];
    expect(events.map(({ type, reason, count }) => [type, reason, count])).toEqual(
      reasons.map((reason) => ['Normal', reason, 1]),
    );
  });

  it('can be waited for by kubectl wait, as a Job can', async () => {
    const wait = ['wait', 'sj/etl', '--for=condition=complete', '--timeout=5s'];
    expect((await namespace.kubectl(wait)).stdout).toContain('condition met');
  });

  it.each(['sequentialjob', 'sequentialjobs', 'sj', 'seqjob'])('is listed by kubectl get %s', async (name) => {
    const [header, row] = (await kubectl('get', name, 'etl', '-n', namespace.name)).split('\n');
    expect(header?.trim().split(/\s+/)).toEqual(['NAME', 'STATUS', 'PROGRESS', 'STEP', 'AGE']);
    expect(row?.trim().split(/\s+/).slice(0, 3)).toEqual(['etl', 'Completed', '3/3']);
  });

  it('runs every step with its template', async () => {
    await namespace.apply('templated', {
      steps: [step('only')],
      template: {
        metadata: { labels: { team: 'data' }, annotations: { note: 'kept' } },
        spec: { initContainers: [step('prepare')], containers: [] },
      },
    });
    await namespace.untilCompleted('templated');
    const { stdout } = await namespace.kubectl(['get', 'pods', '-l', 'team=data', '-o', 'json']);
    const { items } = JSON.parse(stdout) as { readonly items: readonly object[] };
    expect(items).toMatchObject([
      {
        metadata: { annotations: { note: 'kept' } },
        spec: { restartPolicy: 'Never', initContainers: [{ name: 'prepare' }], containers: [{ name: 'only' }] },
      },
    ]);
  });
});

describe('two sequences whose Jobs would have the same name', () => {
  it('both run, each with its own Jobs', async () => {
    await namespace.apply('dwh', { steps: [step('first'), step('2-load')], job: { backoffLimit: 0 } });
    await namespace.apply('dwh-1', { steps: [step('a'), step('b'), step('load')], job: { backoffLimit: 0 } });
    for (const name of ['dwh', 'dwh-1']) await namespace.untilCompleted(name);
    const [, load] = await namespace.jobNames('dwh');
    const [, , other] = await namespace.jobNames('dwh-1');
    for (const name of [load, other]) expect(name).toMatch(/^dwh-1-2-load-[0-9a-z]{8}$/);
    expect(load).not.toBe(other);
  });
});

describe('kstatus, with which Helm 4 and Flux wait', () => {
  it.each([
    ['completes', 'true', 'Current'],
    ['fails', 'exit 1', 'Failed'],
  ])('a sequence that %s is InProgress while it runs', async (what, script, end) => {
    const name = `kstatus-${what}`;
    await namespace.apply(name, gated(here.folder, sequence(2, { 0: waitsFor(name), 1: script })));
    expect(kstatusOf(await namespace.untilRunning(name, 0))).toBe('InProgress');
    await here.open(name);
    expect(kstatusOf(await namespace.untilFinished(name))).toBe(end);
  });
});
