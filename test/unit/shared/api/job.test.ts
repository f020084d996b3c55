import { describe, expect, it } from '@jest/globals';
import {
  type JobCondition,
  type JobOutcome,
  outcomeOf,
  sequentialJobOwner,
  isFailing,
} from '../../../../shared/api/job.ts';
import type { OwnerReference } from '../../../../shared/api/types.ts';
import { at, completed, failed, jobCondition, observedJob, ownedBy } from '../../../support/objects.ts';

const RUNNING: JobOutcome = { type: 'running' };

describe('outcomeOf', () => {
  it.each<readonly [string, readonly JobCondition[] | undefined, JobOutcome]>([
    ['no conditions: the Job runs', undefined, RUNNING],
    ['SuccessCriteriaMet alone: its Pods may still run', [jobCondition('SuccessCriteriaMet')], RUNNING],
    ['FailureTarget alone: its Pods may still run', [jobCondition('FailureTarget')], RUNNING],
    ['Complete=False', [jobCondition('Complete', { status: 'False' })], RUNNING],
    ['Failed=Unknown', [jobCondition('Failed', { status: 'Unknown' })], RUNNING],
    ['Suspended', [jobCondition('Suspended')], RUNNING],
    ['Complete=True', [jobCondition('Complete')], { type: 'succeeded', at: at(30) }],
    [
      'Failed=True behind FailureTarget',
      [jobCondition('FailureTarget'), jobCondition('Failed', { reason: 'DeadlineExceeded', message: 'too late' })],
      { type: 'failed', at: at(30), reason: 'DeadlineExceeded', message: 'too late' },
    ],
    [
      'Failed=True without reason and message',
      [jobCondition('Failed')],
      { type: 'failed', at: at(30), reason: 'Failed', message: '' },
    ],
  ])('%s', (_says, conditions, expected) => {
    expect(outcomeOf(observedJob(0, { status: conditions === undefined ? {} : { conditions } }))).toEqual(expected);
  });

  it('prefers the completionTime of the Job to the time of the condition', () => {
    const status = { ...completed(30), completionTime: at(29) };
    expect(outcomeOf(observedJob(0, { status }))).toEqual({ type: 'succeeded', at: at(29) });
  });

  it('reads complete Jobs as the API server returns them', () => {
    expect(outcomeOf(observedJob(0)).type).toBe('running');
    expect(outcomeOf(observedJob(0, { status: completed() })).type).toBe('succeeded');
    expect(outcomeOf(observedJob(0, { status: failed() })).type).toBe('failed');
  });
});

describe('isFailing', () => {
  it.each<readonly [string, readonly JobCondition[] | undefined, boolean]>([
    ['no conditions', undefined, false],
    ['FailureTarget: the Job controller starts no more Pods', [jobCondition('FailureTarget')], true],
    ['FailureTarget=False', [jobCondition('FailureTarget', { status: 'False' })], false],
    ['SuccessCriteriaMet', [jobCondition('SuccessCriteriaMet')], false],
  ])('%s', (_says, conditions, expected) => {
    expect(isFailing(observedJob(0, { status: conditions === undefined ? {} : { conditions } }))).toBe(expected);
  });
});

describe('sequentialJobOwner', () => {
  const cronJob: OwnerReference = { ...ownedBy('cron'), apiVersion: 'batch/v1', kind: 'CronJob' };
  const mere: OwnerReference = { ...ownedBy(), controller: false };

  it.each<readonly [string, readonly OwnerReference[] | undefined, string | undefined]>([
    ['none', undefined, undefined],
    ['its SequentialJob', [ownedBy('u1')], 'u1'],
    ['a SequentialJob that owns but does not control it', [mere], undefined],
    ['an owner of another kind', [cronJob], undefined],
    ['an owner of the same kind in another group', [{ ...ownedBy(), apiVersion: 'jobs.example.org/v1' }], undefined],
    ['an owner of another version', [{ ...ownedBy('u1'), apiVersion: 'batch.example.com/v2' }], 'u1'],
    ['the controller among several owners', [mere, cronJob, ownedBy('u1')], 'u1'],
  ])('%s', (_says, ownerReferences, expected) => {
    const { metadata } = observedJob(0);
    const { ownerReferences: _, ...rest } = metadata;
    const job = {
      step: {},
      metadata: { ...rest, ...(ownerReferences === undefined ? {} : { ownerReferences }) },
      status: {},
    };
    expect(sequentialJobOwner(job)?.uid).toBe(expected);
  });
});
