/**
 * Suspend and continue, at every moment. Where the server suspends Jobs (1.22 and newer), the Job of a running step is
 * suspended with the sequence; on an older server the step runs to its end.
 */
import { describe, expect, it } from '@jest/globals';
import { CONFIG_MAPS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { condition } from '../support/cluster.ts';
import { gated, sequence, step, waitsOrStops, withConfigMap } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';
import { withController } from '../support/with-controller.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('suspend');
const { namespace } = here;

const UNSUPPORTED = 'the API server does not support suspended Jobs';

/** Reasons of the events about suspension. */
const events = async (name: string): Promise<readonly string[]> =>
  (await namespace.recordedEvents(name, 'Suspended', 'Resumed')).map(([reason]) => reason);

/** Suspends a sequence while its first step runs. */
async function suspendWhileRunning(name: string, count: number, script = waitsOrStops(name)): Promise<void> {
  await namespace.apply(name, gated(here.folder, sequence(count, { 0: script })));
  await namespace.untilRunning(name, 0);
  await namespace.setSuspend(name, true);
}

/** Starts the controller again, and resolves when it has reconciled what is there. */
async function restart(name: string): Promise<void> {
  await here.restart();
  await namespace.apply(name, sequence(1));
  await namespace.untilFinished(name);
}

describe('a sequence that is suspended from the start', () => {
  it('does not start, and its status reports that it is suspended', async () => {
    await namespace.apply('early', sequence(2, {}, { suspend: true }));
    const object = await namespace.untilPhase('early', 'Suspended');
    expect(object.status?.startTime).toBeUndefined();
    expect(object.status?.steps).toEqual([]);
    const suspended = { status: 'True', reason: 'Suspended', observedGeneration: 1 };
    expect(condition(object, 'Suspended')).toMatchObject(suspended);
    expect(condition(object, 'Progressing')).toMatchObject({ status: 'False', reason: 'Suspended' });
    expect(await namespace.jobNames('early')).toEqual([]);
    expect(await namespace.columns('early')).toEqual(['early', 'Suspended', '0/2', 's0']);
  });

  it('accepts any other spec', async () => {
    const steps = [step('a'), step('b'), step('c')];
    await namespace.patch('early', { spec: { steps, job: { backoffLimit: 1 } } });
    const { status } = await namespace.untilObserved('early', 2);
    expect(status).toMatchObject({ phase: 'Suspended', progress: { currentStep: 'a', summary: '0/3' } });
  });

  it('stays suspended when the controller is restarted, with one Event', async () => {
    await namespace.untilEvent('early', 'Suspended');
    await restart('later');
    expect((await namespace.get('early')).status?.phase).toBe('Suspended');
    expect((await namespace.recordedEvents('early')).map(([reason]) => reason)).toEqual(['Suspended']);
  });

  it('runs when suspend is removed while no controller runs', async () => {
    await here.crash();
    await namespace.setSuspend('early', false);
    await here.restart();
    expect((await namespace.untilCompleted('early')).progress?.summary).toBe('3/3');
    const object = await namespace.get('early');
    expect(condition(object, 'Suspended')).toMatchObject({ status: 'False', reason: 'NotSuspended' });
    expect(await namespace.jobNames('early')).toEqual(['early-0-a', 'early-1-b', 'early-2-c']);
    await namespace.untilEvent('early', 'SequenceCompleted');
    const reasons = (await namespace.recordedEvents('early')).map(([reason]) => reason);
    expect(reasons.slice(0, 3)).toEqual(['Suspended', 'Resumed', 'SequenceStarted']);
  });
});

describe('a sequence that is suspended while a step runs', () => {
  /** Where it stops: before the next step, where the server does not suspend Jobs. */
  const [index, state] = suspendsJobs ? [0, 'Running'] : [1, 'Succeeded'];

  it('is Suspended when the step has stopped, and the message names the step', async () => {
    await suspendWhileRunning('middle', 3);
    if (!suspendsJobs) {
      const waiting = await namespace.untilObserved('middle', 2);
      expect(waiting.status).toMatchObject({ phase: 'Running', state: { active: 1 } });
      expect(condition(waiting, 'Suspended')).toMatchObject({ status: 'False', reason: 'Suspending' });
      expect(condition(waiting, 'Progressing')?.reason).toBe('Suspending');
      await here.open('middle');
    }
    const object = await namespace.untilPhase('middle', 'Suspended');
    expect(object.status).toMatchObject({ state: { active: 0 }, steps: [{ index: 0, state }] });
    expect(object.status?.completionTime).toBeUndefined();
    const message = `Suspended at step ${index} (s${index})`;
    expect(condition(object, 'Suspended')).toMatchObject({ status: 'True', reason: 'Suspended', message });
    const jobs = await namespace.jobs('middle');
    expect(jobs.map((job) => job.metadata.name)).toEqual(['middle-0-s0']);
    if (suspendsJobs) {
      expect(jobs[0]?.spec.suspend).toBe(true);
      await namespace.untilNoPods('middle');
    }
    expect(await namespace.columns('middle')).toEqual(['middle', 'Suspended', `${index}/3`, `s${index}`]);
  });

  it('stays suspended when the controller is restarted, and continues with the same Job', async () => {
    await namespace.untilEvent('middle', 'Suspended');
    await here.open('middle');
    await restart('later-still');
    const { status: before } = await namespace.get('middle');
    expect(before?.phase).toBe('Suspended');
    expect(await namespace.jobNames('middle')).toEqual(['middle-0-s0']);

    await namespace.setSuspend('middle', false);
    const { steps } = await namespace.untilCompleted('middle');
    expect(await namespace.jobNames('middle')).toEqual(['middle-0-s0', 'middle-1-s1', 'middle-2-s2']);
    expect(steps?.[0]?.jobUID).toBe(before?.steps?.[0]?.jobUID);
    expect(await events('middle')).toEqual(['Suspended', 'Resumed']);
  });

  it('continues when suspend is set and removed at once, and no Pod fails', async () => {
    await suspendWhileRunning('twice', 2);
    await namespace.untilObserved('twice', 2);
    await namespace.setSuspend('twice', false);
    expect(condition(await namespace.untilObserved('twice', 3), 'Suspended')?.reason).toBe('NotSuspended');
    await here.open('twice');
    await namespace.untilCompleted('twice');
    expect((await namespace.jobs('twice')).map(({ status: { failed = 0 } }) => failed)).toEqual([0, 0]);
    // Whether the step had stopped in between is a matter of moments; an event Resumed needs an event Suspended.
    const reasons = await events('twice');
    expect(reasons).toEqual(reasons.length === 0 ? [] : ['Suspended', 'Resumed']);
    if (!suspendsJobs) expect(reasons).toEqual([]);
  });

  it('fails when the step fails: at once, or after suspend is removed', async () => {
    await suspendWhileRunning('failing', 2, `${waitsOrStops('failing')}; exit 7`);
    if (suspendsJobs) await namespace.untilPhase('failing', 'Suspended');
    else await namespace.untilObserved('failing', 2);
    await here.open('failing');
    if (suspendsJobs) await namespace.setSuspend('failing', false);
    const { status } = await namespace.untilFinished('failing');
    expect(status).toMatchObject({ phase: 'Failed', steps: [{ exitCode: 7 }, { state: 'Skipped' }] });
  });

  it('is logged once as a warning, if the server cannot suspend Jobs', () => {
    expect(here.operator.count(UNSUPPORTED)).toBe(suspendsJobs ? 0 : 1);
  });
});

onServersWhere(suspendsJobs)('a Job that somebody else unsuspends again and again', () => {
  it('is suspended again with a backoff, and the status names the client that unsuspended it', async () => {
    await suspendWhileRunning('contested', 2);
    const stopping = new AbortController();
    const { signal } = stopping;
    const queue = (async () => {
      while (!signal.aborted) {
        await namespace.setJobSuspend('contested-0-s0', false);
        await sleep(200, signal);
      }
    })();
    const object = await namespace.until('contested', (one) =>
      (condition(one, 'Suspended')?.message ?? '').includes('someone else (field manager "queue")'),
    );
    expect(condition(object, 'Suspended')).toMatchObject({ status: 'False', reason: 'Suspending' });
    await sleep(5_000);
    stopping.abort();
    await queue;
    const [job] = await namespace.jobs('contested');
    expect(job?.metadata.annotations?.['batch.example.com/suspended']).toMatch(/^2 /);
    await here.open('contested');
    await namespace.setSuspend('contested', false);
    await namespace.untilCompleted('contested');
  });
});

describe('a sequence that is suspended between two steps', () => {
  it('does not start the next step, although nothing else prevents it, until suspend is removed', async () => {
    await namespace.apply('between', { steps: [step('s0'), withConfigMap(step('s1'), 'between')] });
    await namespace.until('between', (object) => object.status?.progress?.currentIndex === 1);
    await namespace.setSuspend('between', true);
    const object = await namespace.untilPhase('between', 'Suspended');
    expect(condition(object, 'Suspended')?.message).toBe('Suspended at step 1 (s1)');
    expect(condition(object, 'ResourcesUnavailable')?.status).toBe('False');

    await namespace.createObject(CONFIG_MAPS, { metadata: { name: 'between' }, data: { token: 'x' } });
    await restart('last');
    expect(await namespace.jobNames('between')).toEqual(['between-0-s0']);

    await namespace.setSuspend('between', false);
    expect((await namespace.untilCompleted('between')).startTime).toBe(object.status?.startTime);
    expect(await namespace.jobNames('between')).toEqual(['between-0-s0', 'between-1-s1']);
  });
});
