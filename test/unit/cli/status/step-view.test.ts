/** A step as people see it: its state and its segments, from its record and its Pods. */
import { describe, expect, it } from '@jest/globals';
import { type StepInput, type Surroundings, toStepView } from '../../../../cli/status/step-view.ts';
import { toStepPod } from '../../../../cli/status/step-pod.ts';
import { hasEnded, toSequenceView } from '../../../../cli/status/sequence-view.ts';
import { container, NOW_MS } from '../../../support/objects.ts';
import { done, podOf, running, SHOWN } from '../../../support/shown-sequences.ts';

const AROUND: Surroundings = {
  isCurrent: true,
  waiting: undefined,
  isSuspended: false,
  isStopping: false,
  hasEnded: false,
  pods: [],
  now: NOW_MS,
};
const WAITING = { since: NOW_MS - 20_000, reason: 'SecretNotFound' };

const view = (status: StepInput['status'], around: Partial<Surroundings> = {}): ReturnType<typeof toStepView> =>
  toStepView(
    { list: 'steps', index: 1, step: container('transform'), status, defaults: undefined },
    { ...AROUND, ...around },
  );

const STARTED = running(1, -100);
const FAILED_POD = podOf(1, { created: -100, from: -90, to: -50, exitCode: 3 });

describe('the state of a step', () => {
  it.each([
    ['without a record, later than the current one', undefined, { isCurrent: false }, 'Pending'],
    ['without a record, next', undefined, {}, 'Pending'],
    ['that something keeps from starting', undefined, { waiting: WAITING }, 'Waiting'],
    ['that is next in a suspended sequence', undefined, { isSuspended: true }, 'Suspended'],
    ['without a record in a sequence that has ended', undefined, { hasEnded: true }, 'Not run'],
    ['that has no Pod yet', STARTED, {}, 'Starting'],
    ['whose Pod has not started its container', STARTED, { pods: [podOf(1, { created: -90 })] }, 'Starting'],
    ['whose container runs', STARTED, { pods: [podOf(1, { created: -90, from: -80 })] }, 'Running'],
    ['whose Pods may not be listed', STARTED, { pods: undefined }, 'Running'],
    ['with a second attempt', running(1, -100, { attempts: 2 }), { pods: undefined }, 'Retrying'],
    ['whose Pod has failed', STARTED, { pods: [FAILED_POD] }, 'Retrying'],
    ['whose record has an exit code', running(1, -100, { exitCode: 3 }), {}, 'Retrying'],
    ['whose Pod cannot be scheduled', STARTED, { waiting: WAITING }, 'Waiting'],
    ['that is suspended', STARTED, { isSuspended: true }, 'Suspended'],
    ['that is to stop', STARTED, { isStopping: true, pods: [FAILED_POD] }, 'Stopping'],
    ['that has succeeded', done(1, -100, -20), {}, 'Succeeded'],
    ['that was skipped', done(1, -100, -20, { state: 'Skipped' }), {}, 'Skipped'],
  ] as const)('%s', (_sentence, status, around, expected) => {
    expect(view(status, around).state).toBe(expected);
  });
});

it('a step without retries is not tried again while its Job does not say yet that it has failed', () => {
  const defaults = { backoffLimit: 0 };
  const input = { list: 'steps', index: 1, step: container('transform'), status: STARTED, defaults } as const;
  expect(toStepView(input, { ...AROUND, pods: [FAILED_POD] }).state).toBe('Running');
});

describe('the segments of a step', () => {
  const of = (status: StepInput['status'], around: Partial<Surroundings> = {}): readonly string[] =>
    view(status, around).segments.map(
      ({ kind, from, to }) => `${kind} ${(from - NOW_MS) / 1000}..${(to - NOW_MS) / 1000}`,
    );

  it.each([
    ['it waits for a Secret', undefined, { waiting: WAITING }, ['waiting -20..0']],
    ['it has no Pod yet', STARTED, {}, ['waiting -100..0']],
    [
      'its Pod runs',
      STARTED,
      { pods: [podOf(1, { created: -95, from: -80 })] },
      ['waiting -100..-80', 'running -80..0'],
    ],
    [
      'it is tried again',
      STARTED,
      { pods: [FAILED_POD, podOf(1, { created: -45, from: -30 })] },
      ['waiting -100..-90', 'failed -90..-50', 'waiting -50..-30', 'running -30..0'],
    ],
    [
      'it waits for the next attempt',
      STARTED,
      { pods: [FAILED_POD] },
      ['waiting -100..-90', 'failed -90..-50', 'waiting -50..0'],
    ],
    ['its Pod is deleted, because it is to stop', STARTED, { isStopping: true }, ['running -100..0']],
    ['it has succeeded and its Pods are gone', done(1, -100, -20), {}, ['running -100..-20']],
    ['it has failed and its Pods are gone', done(1, -100, -20, { state: 'Failed' }), {}, ['failed -100..-20']],
    [
      'the Pod of its last attempt is gone',
      done(1, -100, -20, { attempts: 2, state: 'Failed' }),
      { pods: [FAILED_POD] },
      ['waiting -100..-90', 'failed -90..-50', 'failed -50..-20'],
    ],
    [
      'the Pod of its first attempt is gone',
      done(1, -100, -20, { attempts: 2 }),
      { pods: [podOf(1, { created: -60, from: -50, to: -20 })] },
      ['failed -100..-50', 'running -50..-20'],
    ],
    ['a Pod of another Job runs', STARTED, { pods: [podOf(2, { created: -95, from: -80 })] }, ['waiting -100..0']],
  ] as const)('while %s', (_sentence, status, around, expected) => {
    expect(of(status, around)).toEqual(expected);
  });
});

it.each([
  ['nothing', undefined],
  ['no object', 7],
  ['a Pod without labels', { metadata: { name: 'x', uid: 'y' } }],
  [
    'a Pod whose status is of wrong types',
    {
      metadata: { labels: { 'batch.example.com/step-index': '-1', 'batch.example.com/step-name': 's' } },
      status: { containerStatuses: 7 },
    },
  ],
])('%s is of no step', (_sentence, raw) => {
  expect(toStepPod(raw)).toBeUndefined();
});

it('a sequence has ended when it has completed, or failed without a resume', () => {
  const ended = Object.entries(SHOWN).filter(([, { object, pods }]) => hasEnded(toSequenceView(object, pods, NOW_MS)));
  expect(ended.map(([what]) => what)).toEqual([
    'a failed sequence',
    'a failed sequence whose Pods are gone',
    'a completed sequence',
    'names and texts that are long, wide or hostile',
  ]);
});
