/** ttlSecondsAfterFinished: the object and its Jobs go that long after the end, however it ended. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { eventually } from '../support/eventually.ts';
import { withController } from '../support/with-controller.ts';
import { sequence } from '../support/sequences.ts';

const here = withController('ttl');

/** So much later than its time may an object go, in seconds: its Jobs and Pods go first, on a machine that others use too. */
const LATE = 8;

const endOf = ({ status }: SequentialJob): number => Date.parse(status?.completionTime ?? '') / 1000;

/** Resolves when so many seconds have passed since the end: the one thing that no request can tell. */
async function passed(object: SequentialJob, seconds: number): Promise<void> {
  await eventually(`${seconds} s after the end`, () => Date.now() / 1000 >= endOf(object) + seconds);
}

/** Not before its time, which is cut to whole seconds, and not much later; and its Jobs before it. */
async function expectGoneAfter(object: SequentialJob, seconds: number): Promise<void> {
  const { name } = object.metadata;
  await here.namespace.untilGone(name);
  const kept = Date.now() / 1000 - endOf(object);
  expect(kept).toBeGreaterThanOrEqual(seconds);
  expect(kept).toBeLessThanOrEqual(seconds + LATE);
  expect(await here.namespace.jobNames(name)).toEqual([]);
}

const ttl = (seconds: number | null): object => ({ spec: { ttlSecondsAfterFinished: seconds } });

describe('a sequence with a time to live', () => {
  it('is kept for that time after it has completed', async () => {
    await here.namespace.apply('completing', sequence(2, {}, { ttlSecondsAfterFinished: 3 }));
    const ended = await here.namespace.untilPhase('completing', 'Completed');
    expect(await here.namespace.jobNames('completing')).toHaveLength(2);
    await expectGoneAfter(ended, 3);
    await eventually('no Pods', async () => (await here.namespace.podNames()).length === 0);
  });

  it('is kept for that time after it has failed', async () => {
    await here.namespace.apply('failing', sequence(2, { 1: 'exit 1' }, { ttlSecondsAfterFinished: 2 }));
    await expectGoneAfter(await here.namespace.untilPhase('failing', 'Failed'), 2);
    expect((await here.namespace.recordedEvents('failing')).map(([reason]) => reason)).toContain('SequenceFailed');
  });

  it('of 0 goes at once, and its events tell how it went', async () => {
    await here.namespace.apply('brief', sequence(2, {}, { ttlSecondsAfterFinished: 0 }));
    await here.namespace.untilGone('brief', 30);
    expect(await here.namespace.jobNames('brief')).toEqual([]);
    await here.namespace.untilEvent('brief', 'CleanedUp');
    const story = (await here.namespace.recordedEvents('brief')).map(([reason]) => reason);
    expect(story.slice(-2)).toEqual(['SequenceCompleted', 'CleanedUp']);
    expect(story.filter((reason) => reason === 'CleanedUp')).toHaveLength(1);
  });
});

describe('with a controller that dies', () => {
  it('the time is kept by the next one', async () => {
    await here.namespace.apply('inherited', sequence(1, {}, { ttlSecondsAfterFinished: 6 }));
    const ended = await here.namespace.untilFinished('inherited');
    await here.crash();
    await here.restart();
    await here.namespace.get('inherited');
    await expectGoneAfter(ended, 6);
  });

  it('the time that has passed meanwhile is made up for at once', async () => {
    await here.namespace.apply('overdue', sequence(1, {}, { ttlSecondsAfterFinished: 3 }));
    const ended = await here.namespace.untilFinished('overdue');
    await here.crash();
    await passed(ended, 4);
    await here.namespace.get('overdue');
    await here.restart();
    await expectGoneAfter(ended, 4);
  });
});

describe('a time to live that is changed while it runs', () => {
  let shortened: SequentialJob;
  let removed: SequentialJob;
  let prolonged: SequentialJob;

  beforeAll(async () => {
    await here.namespace.apply('shortened', sequence(1, {}, { ttlSecondsAfterFinished: 600 }));
    await here.namespace.apply('removed', sequence(1, {}, { ttlSecondsAfterFinished: 4 }));
    await here.namespace.apply('prolonged', sequence(1, {}, { ttlSecondsAfterFinished: 4 }));
    shortened = await here.namespace.untilFinished('shortened');
    removed = await here.namespace.untilFinished('removed');
    prolonged = await here.namespace.untilFinished('prolonged');
    await here.namespace.patch('removed', ttl(null));
    await here.namespace.patch('prolonged', ttl(9));
  });

  it('counts from the end all the same', async () => {
    await here.namespace.patch('shortened', ttl(2));
    await expectGoneAfter(shortened, 2);
  });

  it('keeps the object longer when it grows, and for good when it is taken away', async () => {
    await expectGoneAfter(prolonged, 9);
    await passed(removed, 9);
    const { status } = await here.namespace.get('removed');
    expect(status).toMatchObject({ phase: 'Completed', completionTime: removed.status?.completionTime });
    expect(await here.namespace.jobNames('removed')).toEqual(['removed-0-s0']);
  });

  it('can be given to what has ended long since', async () => {
    await here.namespace.patch('removed', ttl(1));
    await here.namespace.untilGone('removed', 10);
  });
});
