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
      'a write that was rejected, a read, or a request that was never sent',
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
    ['is applied if the stored status equals the written one', status('Running'), stored, true],
    ['is not applied if the stored status differs', status('Failed'), stored, false],
    ['is not applied if an object with another UID has the name', status('Running'), namesake, false],
    ['counts as not applied if the object no longer exists', status('Running'), undefined, false],
    ['is applied if it removed our finalizer and the object no longer exists', undefined, undefined, true],
    ['is applied if it removed our finalizer and an object with another UID has the name', undefined, namesake, true],
    ['is not applied if it should remove our finalizer and the object still exists', undefined, stored, false],
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

  it('may be applied after the check', () => {
    const uncertainWrites = new UncertainWrites();
    const one = unheard(status('Running'));
    uncertainWrites.record(KEY, LOST, one);
    uncertainWrites.wasReread(KEY);
    expect(uncertainWrites.takeApplied(KEY, sequentialJob())).toBeUndefined();
    expect(uncertainWrites.takeApplied(KEY, stored)).toBe(one);
  });

  it('emits no Events if a later write was applied', () => {
    const uncertainWrites = new UncertainWrites();
    uncertainWrites.record(KEY, LOST, unheard(status('Running')));
    uncertainWrites.supersede(KEY);
    expect(uncertainWrites.takeApplied(KEY, stored)).toBeUndefined();
  });

  it('is found among several writes', () => {
    const uncertainWrites = new UncertainWrites();
    const second = unheard(status('Running'));
    uncertainWrites.record(KEY, LOST, unheard(status('Failed')));
    uncertainWrites.record(KEY, LOST, second);
    expect(uncertainWrites.takeApplied(KEY, stored)).toBe(second);
  });
});
