/** Fifty sequences at once: all complete, each in its own order. */
import { expect, it } from '@jest/globals';
import { withController } from '../support/with-controller.ts';
import { sequence } from '../support/sequences.ts';

const SEQUENCES = 50;
const STEPS = 3;

const here = withController('load');

it(`completes ${SEQUENCES} sequences of ${STEPS} steps that start at once`, async () => {
  const names = Array.from({ length: SEQUENCES }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => here.namespace.apply(name, sequence(STEPS))));
  const objects = await Promise.all(names.map((name) => here.namespace.untilFinished(name, 240)));
  expect(objects.filter(({ status }) => status?.phase !== 'Completed')).toEqual([]);
  const jobs = await here.namespace.jobs();
  expect(jobs).toHaveLength(SEQUENCES * STEPS);
  for (const { metadata, status } of objects) {
    const own = jobs.filter((job) => job.metadata.ownerReferences?.[0]?.uid === metadata.uid);
    expect(own.map((job) => job.metadata.uid)).toEqual(status?.steps?.map((step) => step.jobUID));
    for (const [i, job] of own.entries()) {
      const ended = own[i - 1]?.status.completionTime;
      if (ended !== undefined) {
        expect(Date.parse(job.metadata.creationTimestamp)).toBeGreaterThanOrEqual(Date.parse(ended));
      }
    }
  }
  expect(here.operator.output).not.toContain('reconcile failed');
}, 300_000);
