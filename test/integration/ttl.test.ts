/** ttlSecondsAfterFinished: the object and its Jobs are deleted that long after the end, however it ended. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { eventually } from '../support/eventually.ts';
import { sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('ttl');
const { namespace } = here;

/** So much later than its time may an object be deleted, in seconds: its Jobs and Pods go first, on a busy machine. */
const LATE = 8;

const endOf = ({ status }: SequentialJob): number => Date.parse(status?.completionTime ?? '') / 1000;

/** Resolves when so many seconds have passed since the end. */
async function passed(object: SequentialJob, seconds: number): Promise<void> {
  await eventually(`${seconds} s after the end`, () => Date.now() / 1000 >= endOf(object) + seconds);
}

/** Not before its time, which is in whole seconds, and not much later than that or `due`; and its Jobs before it. */
async function expectGoneAfter(object: SequentialJob, seconds: number, due = seconds): Promise<void> {
  const { name } = object.metadata;
  await namespace.untilGone(name);
  const kept = Date.now() / 1000 - endOf(object);
  expect(kept).toBeGreaterThanOrEqual(seconds);
  expect(kept).toBeLessThanOrEqual(Math.max(seconds, due) + LATE);
  expect(await namespace.jobNames(name)).toEqual([]);
}

const ttl = (name: string, ttlSecondsAfterFinished: number | null): Promise<SequentialJob> =>
  namespace.patch(name, { spec: { ttlSecondsAfterFinished } });

/** Runs a sequence to its end. */
async function ended(name: string, ttlSecondsAfterFinished: number, script = 'true'): Promise<SequentialJob> {
  await namespace.apply(name, sequence(1, { 0: script }, { ttlSecondsAfterFinished }));
  return namespace.untilFinished(name);
}

describe('a sequence with ttlSecondsAfterFinished', () => {
  it.each([
    ['Completed', 'true'],
    ['Failed', 'exit 1'],
  ])('is kept for that time after it is %s', async (phase, script) => {
    const object = await ended(phase.toLowerCase(), 3, script);
    expect(object.status?.phase).toBe(phase);
    await expectGoneAfter(object, 3);
    await namespace.untilNoPods(object.metadata.name);
  });

  it('is deleted at once with a TTL of 0, after its last Event', async () => {
    await namespace.apply('brief', sequence(2, {}, { ttlSecondsAfterFinished: 0 }));
    await namespace.untilGone('brief', 30);
    expect(await namespace.jobNames('brief')).toEqual([]);
    await namespace.untilEvent('brief', 'CleanedUp');
    const reasons = (await namespace.recordedEvents('brief')).map(([reason]) => reason);
    expect(reasons.slice(-2)).toEqual(['SequenceCompleted', 'CleanedUp']);
    expect(reasons.filter((reason) => reason === 'CleanedUp')).toHaveLength(1);
  });

  it.each([
    ['has passed after a restart of the controller', 'inherited', 12, 0],
    ['has passed while no controller ran: the next one deletes it at once', 'overdue', 3, 4],
  ])('is deleted when its TTL %s', async (_when, name, seconds, away) => {
    const object = await ended(name, seconds);
    await here.crash();
    await passed(object, away);
    expect(await namespace.has(name)).toBe(true);
    await here.restart();
    await expectGoneAfter(object, Math.max(seconds, away), Date.now() / 1000 - endOf(object));
  });

  it('is deleted when a changed TTL, counted from its end, has passed, and is kept if the TTL is removed', async () => {
    const [shortened, prolonged, removed] = await Promise.all([
      ended('shortened', 600),
      ended('prolonged', 4),
      ended('removed', 4),
    ]);
    await Promise.all([ttl('removed', null), ttl('prolonged', 9), ttl('shortened', 2)]);
    await expectGoneAfter(shortened, 2);
    await expectGoneAfter(prolonged, 9);
    await passed(removed, 9);
    const { status } = await namespace.get('removed');
    expect(status).toMatchObject({ phase: 'Completed', completionTime: removed.status?.completionTime });
    expect(await namespace.jobNames('removed')).toEqual(['removed-0-s0']);
    await ttl('removed', 1);
    await namespace.untilGone('removed', 10);
  });
});
