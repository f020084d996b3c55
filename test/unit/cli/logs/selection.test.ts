/** Which logs are printed, in which order, and which are gone. */
import { describe, expect, it } from '@jest/globals';
import { goneLogs, hasStepEnded, logSources, stepNames } from '../../../../cli/logs/selection.ts';
import type { StepStatus } from '../../../../shared/api/types.ts';
import { container, sequentialJob } from '../../../support/objects.ts';
import { done, podOf, running } from '../../../support/shown-sequences.ts';

const EXTRACT = podOf(0, { created: -90, from: -90, to: -80 });
const FIRST = podOf(1, { created: -70, from: -65, to: -60, exitCode: 1 });
const SECOND = podOf(1, { created: -50, from: -45 });
const NOTIFY = { ...podOf(0, { created: -10, from: -9 }), list: 'finally' as const, step: 'notify', jobUID: 'notify' };

const objectWith = (...steps: readonly StepStatus[]): ReturnType<typeof sequentialJob> =>
  sequentialJob({ spec: { finally: [container('notify')] }, status: { steps } });
const RETRIED = objectWith(done(0, -90, -80), running(1, -70, { attempts: 2 }));

describe('the logs of', () => {
  it.each([
    [
      'Pods in any order: by step, then by attempt',
      [SECOND, NOTIFY, FIRST, EXTRACT],
      undefined,
      ['extract', 'transform', 'transform #2', 'notify'],
    ],
    ['one step', [EXTRACT, FIRST, SECOND], 'transform', ['transform', 'transform #2']],
    ['a step whose first Pod is gone', [SECOND], undefined, ['transform #2']],
    ['no Pods', [], undefined, []],
  ])('%s', (_sentence, pods, step, expected) => {
    expect(logSources(RETRIED, pods, step).map(({ label }) => label)).toEqual(expected);
  });
});

describe('the logs that are gone:', () => {
  const [ALL, SOME] = [
    'its Pods are gone, and its log with them',
    'the Pods of 1 of its 2 attempts are gone, and their logs with them',
  ];
  it.each([
    ['none while all Pods are there', objectWith(done(0, -90, -80)), [EXTRACT], []],
    ['those of a step without Pods', objectWith(done(0, -90, -80)), [], [`step 0 (extract): ${ALL}`]],
    [
      'those of some attempts',
      objectWith(done(1, -70, -40, { attempts: 2 })),
      [SECOND],
      [`step 1 (transform): ${SOME}`],
    ],
    ['none of a step that runs: its Pod may not have been seen yet', objectWith(running(0, -90)), [], []],
    ['none of a step that was skipped', objectWith(done(0, -90, -80, { state: 'Skipped' })), [], []],
  ])('%s', (_sentence, object, pods, expected) => {
    expect(goneLogs(object, pods, undefined).map(({ text }) => text)).toEqual(expected);
  });

  it('none of another step than the one that is asked for', () => {
    expect(goneLogs(objectWith(done(0, -90, -80)), [], 'transform')).toEqual([]);
  });
});

it('the steps of finally have names behind the others', () => {
  expect(stepNames(RETRIED)).toEqual(['extract', 'transform', 'load', 'notify']);
});

it.each([
  ['extract', true],
  ['transform', false],
  ['load', false],
])('whether %s has ended: %s', (step, expected) => {
  expect(hasStepEnded(RETRIED, step)).toBe(expected);
});
