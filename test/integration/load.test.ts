/** Fifty sequences at once: all complete, each in its own order. */
import { expect, it } from '@jest/globals';
import { expectOneAfterAnother } from '../support/job-order.ts';
import { sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const SEQUENCES = 50;
const STEPS = 3;

const here = withController('load');
const { namespace } = here;

it(`completes ${SEQUENCES} sequences of ${STEPS} steps that start at once`, async () => {
  const names = Array.from({ length: SEQUENCES }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => namespace.apply(name, sequence(STEPS))));
  const objects = await Promise.all(names.map((name) => namespace.untilFinished(name, 240)));
  expect(objects.filter(({ status }) => status?.phase !== 'Completed')).toEqual([]);
  const jobs = await namespace.jobs();
  expect(jobs).toHaveLength(SEQUENCES * STEPS);
  for (const { metadata, status } of objects) {
    const own = jobs.filter((job) => job.metadata.ownerReferences?.[0]?.uid === metadata.uid);
    expect(own.map((job) => job.metadata.uid)).toEqual(status?.steps?.map((step) => step.jobUID));
    expectOneAfterAnother(own);
  }
  expect(here.operator.output).not.toContain('reconcile failed');
}, 300_000);
