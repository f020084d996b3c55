/** The events of a sequence: all of them once, but for what a crash excuses. */
import { expect } from '@jest/globals';
import { REPEATING_EVENTS } from '../../../shared/api/reasons.ts';
import type { RawEvent } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { Actor } from './actor.ts';
import { type Ending, without } from './scenario.ts';
import type { Point } from './stage.ts';

/** The one event that a fault may add. */
const TROUBLE = 'ReconciliationFailed';

/** A status write brings three events at most: the ends of a step of finally, of finally and of the sequence. */
const MOST_IN_A_WRITE = 3;

/** How long those events are waited for that are not excused, in seconds: 429 asks for a pause, a lost answer takes 3 s. */
const WRITTEN_S = 30;
/** And then those that are, which come within milliseconds if they come. */
const LATE_S = 2;

/**
 * How many events the injection excuses: none where the controller does not die. Where it does, those of its last status write,
 * which wait in memory, and those of another write that is under way in that moment: no answer to it is heard any more.
 */
export function excused(point: Point | undefined): number {
  return point?.injection.kills === true ? 2 * MOST_IN_A_WRITE : 0;
}

/** Resolves with the number of events that were lost; fails where more were than is excused, or where one was written twice. */
export async function expectEvents(
  actor: Actor,
  { events: wanted, twice = [] }: Ending,
  point: Point | undefined,
): Promise<number> {
  const found = await settled(actor, wanted, excused(point));
  const most = (reason: string): number =>
    (twice.includes(reason) ? 2 : 1) + (mayBeCountedTwice(reason, point) ? 1 : 0);
  expect(found.filter(({ reason, count }) => count > most(reason))).toEqual([]);
  const reasons = found.map(({ reason }) => reason);
  const isDead = point === undefined || point.injection.kills;
  const added = without(reasons, wanted);
  expect(isDead ? added : without(added, [TROUBLE])).toEqual([]);
  const lost = without(wanted, reasons);
  if (lost.length > excused(point)) throw new Error(`events are lost: ${lost.join(', ')}`);
  return lost.length;
}

/** An event that may repeat is written again where the answer is lost, and counts both. */
const mayBeCountedTwice = (reason: string, point: Point | undefined): boolean =>
  REPEATING_EVENTS.has(reason) && point?.kind === `POST events ${reason}`;

/** The events, once all that are wanted are there, or once it is plain that they won't come. */
async function settled(actor: Actor, wanted: readonly string[], lossLimit: number): Promise<readonly RawEvent[]> {
  const look = async (): Promise<readonly RawEvent[]> => actor.stage.namespace.events(actor.name);
  const missing = (found: readonly RawEvent[]): number => {
    const reasons = found.map(({ reason }) => reason);
    return without(wanted, reasons).length;
  };
  try {
    await eventually('most events', async () => missing(await look()) <= lossLimit, WRITTEN_S);
    await eventually('all events', async () => missing(await look()) === 0, LATE_S);
  } catch {
    // What is missing, the caller says.
  }
  return look();
}
