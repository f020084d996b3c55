/** An object that fills etcd's limit, so that its status has no room (API server 1.20 and newer answer 500). */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob } from '../../shared/api/types.ts';
import { isTooLarge } from '../../shared/kube/errors.ts';
import { withController } from '../support/with-controller.ts';
import { sequence, step } from '../support/sequences.ts';

const here = withController('status-size');

const STEPS = 12;
const WORDS = 'w'.repeat(900);
const FAILS = `printf ${WORDS} > /dev/termination-log; exit 3`;

/** Labels are what an object may have any number of. */
const label = (number: number): string => `${'p'.repeat(63)}.${'q'.repeat(63)}.${'r'.repeat(60)}/n${number}`;
const labels = (from: number, to: number, value: string | null): object =>
  Object.fromEntries(Array.from({ length: to - from }, (_, i) => [label(from + i), value]));

/** Gives the object as many labels as there is room for, and then takes these many off. */
async function fill(name: string, room: number): Promise<void> {
  let count = 0;
  for (const more of [1000, 300, 100, 30, 10, 3, 1]) {
    while (await isTaken(name, labels(count, count + more, 'v'.repeat(63)))) count += more;
  }
  await here.namespace.patch(name, { metadata: { labels: labels(count - room, count, null) } });
}

async function isTaken(name: string, more: object): Promise<boolean> {
  try {
    await here.namespace.patch(name, { metadata: { labels: more } });
    return true;
  } catch (error) {
    if (isTooLarge(error)) return false;
    throw error;
  }
}

/** A sequence whose last step, which is never reached, is as large as a spec may be. */
async function start(name: string, room: number): Promise<void> {
  const { containers, ...spec } = sequence(
    STEPS + 1,
    Object.fromEntries(Array.from({ length: STEPS + 1 }, (_, i) => [i, FAILS])),
  );
  const stepPolicies = containers.slice(0, STEPS).map((one) => ({ name: one.name, onFailure: 'Continue' as const }));
  const large = { ...step('large'), args: ['x'.repeat(1_000_000)] };
  await here.namespace.apply(
    name,
    { ...spec, containers: [...containers, large], stepPolicies, suspend: true },
    { annotations: { 'example.com/large': 'y'.repeat(250_000) } },
  );
  await here.namespace.untilPhase(name, 'Suspended');
  await fill(name, room);
  await here.namespace.patch(name, { spec: { suspend: false } });
}

const messages = ({ status }: SequentialJob): readonly (string | undefined)[] =>
  (status?.steps ?? []).flatMap(({ state, message }) => (state === 'Failed' ? [message] : []));

describe('a sequence whose object has no room for its whole status', () => {
  it('runs to its end, without the messages of its steps, and says so once', async () => {
    await start('full', 40);
    const ended = await here.namespace.untilFinished('full', 120);
    expect(ended.status?.steps).toHaveLength(STEPS + 2);
    expect(messages(ended)).toEqual(Array.from({ length: STEPS + 1 }, () => undefined));
    expect(ended.status?.progress).toMatchObject({ failedIndex: STEPS, failureReason: 'BackoffLimitExceeded' });
    expect(await here.namespace.jobNames('full')).toHaveLength(STEPS + 1);
    const { message, count } = await here.namespace.untilEvent('full', 'StatusTooLarge');
    expect(message).toMatch(/messages and details of steps are left out/);
    expect(count).toBe(1);
  }, 240_000);

  it('keeps the messages where there is room', async () => {
    await start('roomy', 120);
    expect(messages(await here.namespace.untilFinished('roomy', 120))).toEqual(
      Array.from({ length: STEPS + 1 }, () => WORDS),
    );
    expect((await here.namespace.recordedEvents('roomy', 'StatusTooLarge')).length).toBe(0);
  }, 240_000);
});
