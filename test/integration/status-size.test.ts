/** An object so close to etcd's limit that its whole status does not fit (API servers answer 500). */
import { describe, expect, it } from '@jest/globals';
import { isTooLarge } from '../../shared/kube/errors.ts';
import { sequence, step } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const { namespace } = withController('status-size');

const STEPS = 13;
const WORDS = 'w'.repeat(900);
const FAILS = `printf ${WORDS} > /dev/termination-log; exit 3`;

/** Labels are what an object may have any number of. */
const label = (number: number): string => `${'p'.repeat(63)}.${'q'.repeat(63)}.${'r'.repeat(60)}/n${number}`;
const labels = (from: number, to: number, value: string | null): object => ({
  metadata: { labels: Object.fromEntries(Array.from({ length: to - from }, (_, i) => [label(from + i), value])) },
});

async function isAccepted(name: string, patch: object): Promise<boolean> {
  return namespace.patch(name, patch).then(
    () => true,
    (error: unknown) => {
      if (isTooLarge(error)) return false;
      throw error;
    },
  );
}

/** Runs a sequence whose last step, which is never reached, is as large as a spec may be, with room for so many labels. */
async function run(name: string, room: number): Promise<readonly (string | undefined)[]> {
  const ofEach = <T>(value: T): Record<number, T> =>
    Object.fromEntries(Array.from({ length: STEPS }, (_, i) => [i, value]));
  const settings = { ...ofEach({ onFailure: 'Continue' as const }), [STEPS - 1]: {} };
  const { steps, ...spec } = sequence(STEPS, ofEach(FAILS), {}, settings);
  const large = { ...step('large'), args: ['x'.repeat(1_000_000)] };
  const annotations = { 'example.com/large': 'y'.repeat(250_000) };
  const whole = { ...spec, steps: [...steps, large], suspend: true };
  await namespace.apply(name, whole, { annotations });
  await namespace.untilPhase(name, 'Suspended');
  let count = 0;
  for (const more of [1000, 300, 100, 30, 10, 3, 1]) {
    while (await isAccepted(name, labels(count, count + more, 'v'.repeat(63)))) count += more;
  }
  await namespace.patch(name, labels(count - room, count, null));
  await namespace.setSuspend(name, false);
  const { status } = await namespace.untilFinished(name, 120);
  expect(status?.progress).toMatchObject({ failedIndex: STEPS - 1, failureReason: 'BackoffLimitExceeded' });
  expect(await namespace.jobNames(name)).toHaveLength(STEPS);
  return (status?.steps ?? []).filter(({ state }) => state === 'Failed').map(({ message }) => message);
}

describe('a sequence whose object has no room for its complete status', () => {
  it('completes without the messages of its steps, and one Event reports that', async () => {
    expect(await run('full', 40)).toEqual(Array.from({ length: STEPS }, () => undefined));
    expect((await namespace.untilEvent('full', 'StatusTooLarge')).count).toBe(1);
  }, 240_000);

  it('keeps the messages if they fit', async () => {
    expect(await run('roomy', 120)).toEqual(Array.from({ length: STEPS }, () => WORDS));
    expect(await namespace.recordedEvents('roomy', 'StatusTooLarge')).toEqual([]);
  }, 240_000);
});
