/** What is kept of a request of unknown outcome, and when it is told after all. */
import { describe, expect, it } from '@jest/globals';
import { UncertainWrites, type TrackedWrite } from '../../../controller/uncertain-writes.ts';
import { EVENT } from '../../../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { sequentialJob } from '../../support/objects.ts';

const KEY = 'team-a/etl';
const LOST = new ApiError('Unreachable', 'other side closed', { isUncertainWrite: true });

const status = (phase: 'Running' | 'Failed'): SequentialJobStatus => ({ phase, observedGeneration: 1 });

function unheard(written: SequentialJobStatus | undefined): TrackedWrite {
  const message = 'Started the sequence of 3 steps';
  const event = { type: 'Normal', reason: EVENT.sequenceStarted, message } as const;
  return { object: sequentialJob(), status: written, events: [event] };
}

describe('a request that failed', () => {
  it.each<readonly [string, unknown, boolean]>([
    ['a write of unknown outcome', LOST, true],
    [
      'a write that was refused, a read, or a request that was never sent',
      new ApiError('Unreachable', 'it was so'),
      false,
    ],
    ['a programming error', new TypeError('it was so'), false],
  ])('is remembered if it was %s', (_, error, isKept) => {
    const uncertainWrites = new UncertainWrites();
    const one = unheard(status('Running'));
    uncertainWrites.record(KEY, error, one);
    expect(uncertainWrites.mustReread(KEY)).toBe(isKept);
    expect(uncertainWrites.takeApplied(KEY, sequentialJob({ status: status('Running') }))).toBe(
      isKept ? one : undefined,
    );
  });

  it('does not affect another object', () => {
    const uncertainWrites = new UncertainWrites();
    uncertainWrites.record(KEY, LOST);
    expect([uncertainWrites.mustReread(KEY), uncertainWrites.mustReread('team-b/etl')]).toEqual([true, false]);
  });

  it('is checked once', () => {
    const uncertainWrites = new UncertainWrites();
    uncertainWrites.record(KEY, LOST);
    uncertainWrites.wasReread(KEY);
    expect(uncertainWrites.mustReread(KEY)).toBe(false);
  });
});

const stored = sequentialJob({ status: status('Running') });
const namesake = sequentialJob({ metadata: { uid: 'another' }, status: status('Running') });

describe('a write whose response was lost', () => {
  it.each<[string, SequentialJobStatus | undefined, SequentialJob | undefined, boolean]>([
    ['was carried out where the stored status is what it wrote', status('Running'), stored, true],
    ['was not where the stored status is another', status('Failed'), stored, false],
    ['was not where the object is not the same any more', status('Running'), namesake, false],
    ['was not, as far as anybody knows, where the object is gone', status('Running'), undefined, false],
    ['that let go of the object was carried out where that is gone', undefined, undefined, true],
    ['that let go of the object was carried out where a namesake is there', undefined, namesake, true],
    ['that let go of the object was not where that is still there', undefined, stored, false],
  ])('%s', (_, written, now, isDone) => {
    const uncertainWrites = new UncertainWrites();
    const one = unheard(written);
    uncertainWrites.record(KEY, LOST, one);
    expect(uncertainWrites.takeApplied(KEY, now)).toBe(isDone ? one : undefined);
  });

  it('emits its Events once', () => {
    const uncertainWrites = new UncertainWrites();
    uncertainWrites.record(KEY, LOST, unheard(status('Running')));
    uncertainWrites.takeApplied(KEY, stored);
    expect(uncertainWrites.takeApplied(KEY, stored)).toBeUndefined();
  });

  it('may take effect after the check', () => {
    const uncertainWrites = new UncertainWrites();
    const one = unheard(status('Running'));
    uncertainWrites.record(KEY, LOST, one);
    uncertainWrites.wasReread(KEY);
    expect(uncertainWrites.takeApplied(KEY, sequentialJob())).toBeUndefined();
    expect(uncertainWrites.takeApplied(KEY, stored)).toBe(one);
  });

  it('emits no Events if a later write took effect', () => {
    const uncertainWrites = new UncertainWrites();
    uncertainWrites.record(KEY, LOST, unheard(status('Running')));
    uncertainWrites.supersede(KEY);
    expect(uncertainWrites.takeApplied(KEY, stored)).toBeUndefined();
  });

  it('is found among several', () => {
    const uncertainWrites = new UncertainWrites();
    const second = unheard(status('Running'));
    uncertainWrites.record(KEY, LOST, unheard(status('Failed')));
    uncertainWrites.record(KEY, LOST, second);
    expect(uncertainWrites.takeApplied(KEY, stored)).toBe(second);
  });
});
