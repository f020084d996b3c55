import { describe, expect, it } from '@jest/globals';
import { KIND } from '../../../../shared/api/group.ts';
import { scheduleOwner } from '../../../../shared/schedule/owner.ts';
import { buildRun, type RunOptions } from '../../../../shared/schedule/run.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { container } from '../../../support/objects.ts';
import { cronSequentialJob, ownedBySchedule, RUN, TIME } from '../../../support/schedules.ts';

const SPEC = { steps: [container('extract')], suspend: false };
const SCHEDULED: RunOptions = { name: RUN, scheduledTime: TIME };
const MANUAL: RunOptions = { name: 'by-hand', manual: true };
const withTemplate = (metadata: object) =>
  deepFreeze(cronSequentialJob({ spec: { sequentialJobTemplate: { metadata, spec: SPEC } } }));

describe('buildRun', () => {
  it('for a scheduled time gives a SequentialJob that the schedule controls, with the spec of the template', () => {
    expect(buildRun(withTemplate({ labels: { team: 'data' }, annotations: { note: 'x' } }), SCHEDULED)).toEqual({
      apiVersion: 'batch.example.com/v1beta1',
      kind: 'SequentialJob',
      metadata: {
        name: RUN,
        namespace: 'team-a',
        labels: { team: 'data', 'batch.example.com/cronsequentialjob': 'nightly' },
        annotations: { note: 'x', 'batch.example.com/scheduled-time': TIME },
        ownerReferences: [ownedBySchedule()],
      },
      spec: SPEC,
    });
  });

  it('by hand gives one that the schedule owns and does not control, as kubectl marks it', () => {
    const { metadata } = buildRun(withTemplate({ annotations: { note: 'x' } }), MANUAL);
    const { controller: _, blockOwnerDeletion: __, ...owner } = ownedBySchedule();
    expect(metadata).toEqual({
      name: 'by-hand',
      namespace: 'team-a',
      labels: { 'batch.example.com/cronsequentialjob': 'nightly' },
      annotations: { 'cronjob.kubernetes.io/instantiate': 'manual', note: 'x' },
      ownerReferences: [owner],
    });
  });

  it.each<readonly [string, object, RunOptions, object]>([
    [
      "our label and annotation replace the template's",
      {
        labels: { 'batch.example.com/cronsequentialjob': 'theirs' },
        annotations: { 'batch.example.com/scheduled-time': 'theirs' },
      },
      SCHEDULED,
      {
        labels: { 'batch.example.com/cronsequentialjob': 'nightly' },
        annotations: { 'batch.example.com/scheduled-time': TIME },
      },
    ],
    [
      "the template's annotation replaces kubectl's, as in kubectl",
      { annotations: { 'cronjob.kubernetes.io/instantiate': 'automatic' } },
      MANUAL,
      { annotations: { 'cronjob.kubernetes.io/instantiate': 'automatic' } },
    ],
  ])('%s', (_says, template, options, expected) => {
    expect(buildRun(withTemplate(template), options).metadata).toMatchObject(expected);
  });
});

describe('the schedule of a SequentialJob', () => {
  it.each<readonly [string, object, boolean]>([
    ['is its controller', {}, true],
    ['may have another version of the group', { apiVersion: 'batch.example.com/v2' }, true],
    ['is no owner that is not the controller', { controller: false }, false],
    ['is no object of another kind', { kind: KIND }, false],
    ['is no object of another group', { apiVersion: 'batch/v1' }, false],
    ['is no object of a group whose name only starts alike', { apiVersion: 'batch.example.com.evil/v1' }, false],
  ])('%s', (_says, more, isFound) => {
    const owner = { ...ownedBySchedule(), ...more };
    expect(scheduleOwner({ ownerReferences: [owner] })).toEqual(isFound ? owner : undefined);
  });

  it('is undefined without owner references', () => {
    expect(scheduleOwner({})).toBeUndefined();
  });
});
