/** What the controller asks of the API server, counted: few writes, no reads. */
import { describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import { BYPASSED } from '../support/admission.ts';
import { CountedRequests } from '../support/counted-requests.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';
import { sequence } from '../support/sequences.ts';

const STEPS = 4;

/** What every sequence costs. */
const PER_SEQUENCE = {
  'POST jobs 201': STEPS + 1, // one a step, and before the first a dry run for all of them
  'dry run': 1,
  'PATCH sequentialjobs/status 200': STEPS + 1, // one a step, and the end
  'POST events 201': 2 * STEPS + 2, // a start and an end for each step and for the sequence
};

/** The finalizer, and the record of a spec that no webhook has seen. */
const BROUGHT = { 'PATCH sequentialjobs 200': 1, 'POST controllerrevisions 201': 1 };

/** A finalizer that comes with the object is no sign of a webhook. */
const RECORDED = { 'POST controllerrevisions 201': 1 };

describe.each([
  ['with the webhook, which brings the finalizer', {}, {}, PER_SEQUENCE],
  ['without the webhook', BYPASSED, {}, { ...PER_SEQUENCE, ...BROUGHT }],
  [
    'without the webhook, and with its finalizer',
    BYPASSED,
    { finalizers: [FINALIZER] },
    { ...PER_SEQUENCE, ...RECORDED },
  ],
])('the requests of a sequence %s', (_where, labels, metadata, expected) => {
  const requests = new CountedRequests();
  const here = withInProcessController({ prefix: 'requests', labels, connect: () => requests.connect() });

  it('are one dry run, one Job and one status write a step, the events, and nothing else', async () => {
    await requests.untilWatching();
    await here.namespace.apply('counted', sequence(STEPS, { 0: 'sleep 1' }), metadata);
    await here.namespace.untilFinished('counted');
    await requests.until('POST events 201', PER_SEQUENCE['POST events 201']);
    // A Pod that comes late costs a question why.
    const { 'GET events 200': questions = 0, ...asked } = requests.take();
    expect(questions).toBeLessThanOrEqual(STEPS);
    expect(asked).toEqual(expected);
  });
});
