/**
 * Suspend and go on, at every moment. Where the server suspends Jobs (1.22 and newer), a step that runs is suspended with the
 * sequence; on an older server it comes to its end.
 */
import { describe, expect, it } from '@jest/globals';
import { getCondition } from '../../shared/conditions.ts';
import { CONFIG_MAPS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { setSuspend } from '../support/suspend-job.ts';
import { gated, sequence, step, waitsFor, waitsOrStops, withConfigMap } from '../support/sequences.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const { suspendsJobs } = await serverOfTests();
const here = withController('suspend');

const LET_GO = { spec: { suspend: false } };
const CANNOT = 'the API server does not support suspended Jobs';

/** Lets a sequence of two steps go as soon as its suspension in the first was seen: it completes, and no Pod failed. */
async function expectToGoOn(name: string): Promise<void> {
  await here.namespace.until(name, ({ status }) => status?.observedGeneration === 2);
  await here.namespace.patch(name, LET_GO);
  const { status } = await here.namespace.until(name, (object) => object.status?.observedGeneration === 3);
  expect(getCondition(status?.conditions, 'Suspended')?.reason).toBe('NotSuspended');
  await here.open(name);
  const end = await here.namespace.untilFinished(name);
  expect(end.status?.phase).toBe('Completed');
  expect((await here.namespace.jobs(name)).map(({ status: { failed = 0 } }) => failed)).toEqual([0, 0]);
}

describe('a sequence that is suspended from the start', () => {
  it('does not start, and says so', async () => {
    await here.namespace.apply('early', sequence(2, {}, { suspend: true }));
    const { status } = await here.namespace.untilPhase('early', 'Suspended');
    expect(status?.startTime).toBeUndefined();
    expect(status?.steps).toEqual([]);
    expect(getCondition(status?.conditions, 'Suspended')).toMatchObject({
      status: 'True',
      reason: 'Suspended',
      message: 'Suspended before it started',
      observedGeneration: 1,
    });
    expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({
      status: 'False',
      reason: 'Suspended',
      message: 'Suspended before it started',
    });
    expect(await here.namespace.jobNames('early')).toEqual([]);
    const columns = await here.namespace.columns('early');
    expect(columns.slice(0, 4)).toEqual(['early', 'Suspended', '0/2', 's0']);
  });

  it('takes any other spec still', async () => {
    const containers = [step('a'), step('b'), step('c')];
    await here.namespace.patch('early', { spec: { containers, backoffLimit: 1 } });
    const { status } = await here.namespace.until('early', (object) => object.status?.observedGeneration === 2);
    expect(status).toMatchObject({ phase: 'Suspended', progress: { currentStep: 'a', summary: '0/3' } });
  });

  it('stays so when the controller is started again, and tells of it once', async () => {
    await here.namespace.untilEvent('early', 'Suspended');
    await here.crash();
    await here.restart();
    await here.namespace.patch('early', { metadata: { labels: { seen: 'yes' } } });
    // One that comes later is finished first: the controller has looked at both.
    await here.namespace.apply('later', sequence(1));
    await here.namespace.untilFinished('later');
    expect((await here.namespace.get('early')).status?.phase).toBe('Suspended');
    expect(await here.namespace.recordedEvents('early')).toEqual([['Suspended', 'Suspended before it started', 1]]);
  });

  it('runs when it is let go while no controller is there', async () => {
    await here.crash();
    await here.namespace.patch('early', LET_GO);
    await here.restart();
    const { status } = await here.namespace.untilFinished('early');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '3/3' } });
    expect(getCondition(status?.conditions, 'Suspended')).toMatchObject({ status: 'False', reason: 'NotSuspended' });
    expect(await here.namespace.jobNames('early')).toEqual(['early-0-a', 'early-1-b', 'early-2-c']);
    await here.namespace.untilEvent('early', 'SequenceCompleted');
    const story = await here.namespace.recordedEvents('early', 'Suspended', 'Resumed', 'SequenceStarted');
    expect(story).toEqual([
      ['Suspended', 'Suspended before it started', 1],
      ['Resumed', 'No longer suspended', 1],
      ['SequenceStarted', 'Started the sequence of 3 steps', 1],
    ]);
  });
});

onServersWhere(suspendsJobs)('a sequence that is suspended while a step runs, on a server that suspends Jobs', () => {
  const suspendWhileRunning = async (name: string, count: number, script = waitsOrStops(name)): Promise<void> => {
    await here.namespace.apply(name, gated(here.folder, sequence(count, { 0: script })));
    await here.namespace.untilRunning(name, 0);
    await here.namespace.patch(name, { spec: { suspend: true } });
  };

  it('suspends the Job of the step, whose Pod goes, and says so', async () => {
    await suspendWhileRunning('middle', 3);
    const { status } = await here.namespace.untilPhase('middle', 'Suspended');
    expect(status).toMatchObject({ state: { active: 0, succeeded: 0 }, steps: [{ index: 0, state: 'Running' }] });
    expect(status?.completionTime).toBeUndefined();
    const message = 'Suspended at step 0 (s0)';
    expect(getCondition(status?.conditions, 'Suspended')).toMatchObject({
      status: 'True',
      reason: 'Suspended',
      message,
    });
    expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({ reason: 'Suspended', message });
    const jobs = await here.namespace.jobs('middle');
    expect(jobs.map(({ metadata, spec }) => [metadata.name, spec.suspend])).toEqual([['middle-0-s0', true]]);
    await eventually('no Pod', async () => (await here.namespace.pods('middle')).length === 0);
    expect((await here.namespace.columns('middle')).slice(0, 4)).toEqual(['middle', 'Suspended', '0/3', 's0']);
  });

  it('stays so when the controller is started again, and goes on with the same Job', async () => {
    await here.namespace.untilEvent('middle', 'Suspended');
    await here.crash();
    await here.open('middle');
    await here.restart();
    await here.namespace.apply('later-still', sequence(1));
    await here.namespace.untilFinished('later-still');
    const { status: before } = await here.namespace.get('middle');
    expect(before?.phase).toBe('Suspended');
    expect(await here.namespace.podNames()).not.toContainEqual(expect.stringMatching(/^middle-/));

    await here.namespace.patch('middle', LET_GO);
    const { status } = await here.namespace.untilFinished('middle');
    expect(status?.phase).toBe('Completed');
    expect(await here.namespace.jobNames('middle')).toEqual(['middle-0-s0', 'middle-1-s1', 'middle-2-s2']);
    expect(status?.steps?.[0]?.jobUID).toBe(before?.steps?.[0]?.jobUID);
    expect(await here.namespace.recordedEvents('middle', 'Suspended', 'Resumed')).toEqual([
      ['Suspended', 'Suspended at step 0 (s0)', 1],
      ['Resumed', 'No longer suspended: continues at step 0 (s0)', 1],
    ]);
  });

  it('goes on when it is let go at once, without a failure', async () => {
    await suspendWhileRunning('twice', 2);
    await expectToGoOn('twice');
    // Whether it stood still in between is a matter of moments; that it goes on is told if that it stood still was told.
    const told = (await here.namespace.recordedEvents('twice', 'Suspended', 'Resumed')).map(([reason]) => reason);
    expect(told).toEqual(told.length === 0 ? [] : ['Suspended', 'Resumed']);
  });

  it('fails when the step does after it was let go', async () => {
    await suspendWhileRunning('failing', 2, `${waitsOrStops('failing')}; exit 7`);
    await here.namespace.untilPhase('failing', 'Suspended');
    await here.open('failing');
    await here.namespace.patch('failing', LET_GO);
    const { status } = await here.namespace.untilFinished('failing');
    expect(status).toMatchObject({ phase: 'Failed', steps: [{ exitCode: 7 }, { state: 'Skipped' }] });
  });

  it('backs off where somebody else lets the Job go on again and again, and says who', async () => {
    await suspendWhileRunning('contested', 2);
    const stopping = new AbortController();
    const { signal } = stopping;
    const queue = (async () => {
      while (!signal.aborted) {
        await setSuspend(here, 'contested-0-s0', false);
        await sleep(200, signal);
      }
    })();
    const { status } = await here.namespace.until('contested', (object) => {
      const { message = '' } = getCondition(object.status?.conditions, 'Suspended') ?? {};
      return message.includes('someone else (field manager "queue")');
    });
    expect(getCondition(status?.conditions, 'Suspended')).toMatchObject({ status: 'False', reason: 'Suspending' });
    await sleep(5_000);
    stopping.abort();
    await queue;
    const [job] = await here.namespace.jobs('contested');
    expect(job?.metadata.annotations?.['batch.example.com/suspended']).toMatch(/^2 /);
    await here.open('contested');
    await here.namespace.patch('contested', LET_GO);
    expect((await here.namespace.untilFinished('contested')).status?.phase).toBe('Completed');
  });

  it('has nothing in the log about a server that cannot', () => {
    expect(here.operator.count(CANNOT)).toBe(0);
  });
});

onServersWhere(!suspendsJobs)('a sequence that is suspended while a step runs, on an older server', () => {
  it('says that it waits for the end of the step', async () => {
    await here.namespace.apply('middle', gated(here.folder, sequence(3, { 0: waitsFor('middle') })));
    await here.namespace.untilRunning('middle', 0);
    await here.namespace.patch('middle', { spec: { suspend: true } });
    const isSaid = 'Suspending: waiting for step 0 (s0) to stop';
    const { status } = await here.namespace.until('middle', (object) => object.status?.observedGeneration === 2);
    expect(status).toMatchObject({ phase: 'Running', state: { active: 1 } });
    expect(getCondition(status?.conditions, 'Suspended')).toMatchObject({
      status: 'False',
      reason: 'Suspending',
      message: isSaid,
    });
    expect(getCondition(status?.conditions, 'Progressing')).toMatchObject({ reason: 'Suspending', message: isSaid });
  });

  it('starts no step after that one', async () => {
    await here.open('middle');
    const { status } = await here.namespace.untilPhase('middle', 'Suspended');
    expect(status?.steps).toMatchObject([{ index: 0, state: 'Succeeded' }]);
    expect(status?.completionTime).toBeUndefined();
    expect(getCondition(status?.conditions, 'Suspended')).toMatchObject({
      status: 'True',
      reason: 'Suspended',
      message: 'Suspended at step 1 (s1)',
    });
    expect(await here.namespace.jobNames('middle')).toEqual(['middle-0-s0']);
    expect((await here.namespace.columns('middle')).slice(0, 4)).toEqual(['middle', 'Suspended', '1/3', 's1']);
  });

  it('stays so when the controller is started again, and goes on where it was', async () => {
    await here.namespace.untilEvent('middle', 'Suspended');
    await here.crash();
    await here.restart();
    await here.namespace.apply('later-still', sequence(1));
    await here.namespace.untilFinished('later-still');
    expect(await here.namespace.jobNames('middle')).toEqual(['middle-0-s0']);

    await here.namespace.patch('middle', LET_GO);
    const { status } = await here.namespace.untilFinished('middle');
    expect(status?.phase).toBe('Completed');
    expect(await here.namespace.jobNames('middle')).toEqual(['middle-0-s0', 'middle-1-s1', 'middle-2-s2']);
    expect(await here.namespace.recordedEvents('middle', 'Suspended', 'Resumed')).toEqual([
      ['Suspended', 'Suspended at step 1 (s1)', 1],
      ['Resumed', 'No longer suspended: continues at step 1 (s1)', 1],
    ]);
  });

  it('goes on as if nothing had been when it is let go before the step has ended', async () => {
    await here.namespace.apply('twice', gated(here.folder, sequence(2, { 0: waitsFor('twice') })));
    await here.namespace.untilRunning('twice', 0);
    await here.namespace.patch('twice', { spec: { suspend: true } });
    await expectToGoOn('twice');
    expect(await here.namespace.recordedEvents('twice', 'Suspended', 'Resumed')).toEqual([]);
  });

  it('fails all the same when the step does', async () => {
    const script = `${waitsFor('failing')}; exit 7`;
    await here.namespace.apply('failing', gated(here.folder, sequence(2, { 0: script })));
    await here.namespace.untilRunning('failing', 0);
    await here.namespace.patch('failing', { spec: { suspend: true } });
    await here.namespace.until('failing', ({ status }) => status?.observedGeneration === 2);
    await here.open('failing');
    const { status } = await here.namespace.untilFinished('failing');
    expect(status).toMatchObject({ phase: 'Failed', steps: [{ exitCode: 7 }, { state: 'Skipped' }] });
  });

  it('is told of in the log once, however many there are', () => {
    expect(here.operator.count(CANNOT)).toBe(1);
  });
});

describe('a sequence that is suspended between two steps', () => {
  it('stands still although the next step could start, until it is let go', async () => {
    await here.namespace.apply('between', { containers: [step('s0'), withConfigMap(step('s1'), 'between')] });
    await here.namespace.until('between', (object) => object.status?.progress?.currentIndex === 1);
    await here.namespace.patch('between', { spec: { suspend: true } });
    const { status } = await here.namespace.untilPhase('between', 'Suspended');
    expect(getCondition(status?.conditions, 'Suspended')?.message).toBe('Suspended at step 1 (s1)');
    expect(getCondition(status?.conditions, 'ResourcesUnavailable')?.status).toBe('False');

    await here.namespace.createObject(CONFIG_MAPS, { metadata: { name: 'between' }, data: { token: 'x' } });
    await here.restart();
    await here.namespace.apply('last', sequence(1));
    await here.namespace.untilFinished('last');
    expect(await here.namespace.jobNames('between')).toEqual(['between-0-s0']);

    await here.namespace.patch('between', LET_GO);
    const end = await here.namespace.untilFinished('between');
    expect(end.status).toMatchObject({ phase: 'Completed', startTime: status?.startTime });
    expect(await here.namespace.jobNames('between')).toEqual(['between-0-s0', 'between-1-s1']);
  });
});
