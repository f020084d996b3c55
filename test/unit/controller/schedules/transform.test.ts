import { expect, it } from '@jest/globals';
import { toCachedSchedule } from '../../../../controller/schedules/transform.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { at } from '../../../support/objects.ts';
import { cronSequentialJob } from '../../../support/schedules.ts';

const { sequentialJobTemplate: _, ...POLICY } = cronSequentialJob({
  spec: { timeZone: 'Europe/Berlin', startingDeadlineSeconds: 60, concurrencyPolicy: 'Forbid', suspend: true },
}).spec;

it('keeps what decisions read: names, versions, the policy and the status', () => {
  const status = { activeRuns: 1, active: [{ name: 'a', scheduledTime: at(0) }] };
  const raw = cronSequentialJob({ spec: POLICY, status, metadata: { deletionTimestamp: at(1) } });
  expect(toCachedSchedule(deepFreeze(raw))).toEqual({ ...raw, spec: POLICY });
});

it('drops the template and the metadata that a tenant can make large', () => {
  const large = {
    labels: { a: 'x' },
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': 'x'.repeat(200_000) },
    managedFields: [{ manager: 'kubectl' }],
    ownerReferences: [],
    finalizers: ['x/y'],
  };
  const raw = deepFreeze({ ...cronSequentialJob(), metadata: { ...cronSequentialJob().metadata, ...large } });
  expect(JSON.stringify(toCachedSchedule(raw)).length).toBeLessThan(400);
  expect(toCachedSchedule(raw)).toEqual({ ...cronSequentialJob(), spec: { schedule: '* * * * *' } });
});
