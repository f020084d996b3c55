/** What the controller asks of the API server, counted: few writes, no reads. */
import { describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import { BYPASSED } from '../support/admission.ts';
import { CountedRequests } from '../support/counted-requests.ts';
import { sequence } from '../support/sequences.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const STEPS = 4;

/** What every sequence costs. */
const PER_SEQUENCE = {
  'POST jobs 201': STEPS + 1, // one a step, and before the first a dry run for all of them
  'dry run': 1,
  'PATCH sequentialjobs/status 200': STEPS + 1, // one a step, and the end
  'POST events 201': 2 * STEPS + 2, // a start and an end for each step and for the sequence
};

/** The spec of an object that no webhook has seen is recorded; a finalizer that comes with the object is no sign of a webhook. */
const RECORD = { 'POST controllerrevisions 201': 1 };

describe.each([
  ['with admission, which adds the finalizer', {}, {}, PER_SEQUENCE],
  ['that bypassed admission', BYPASSED, {}, { ...PER_SEQUENCE, ...RECORD, 'PATCH sequentialjobs 200': 1 }],
  [
    'that bypassed admission, with our finalizer',
    BYPASSED,
    { finalizers: [FINALIZER] },
    { ...PER_SEQUENCE, ...RECORD },
  ],
])('the requests of a sequence %s', (_where, labels, metadata, expected) => {
  const requests = new CountedRequests();
  const { namespace } = withInProcessController('requests', { labels, open: () => requests.connect() });

  it('are one dry run, one Job and one status write per step, and the Events', async () => {
    await requests.untilWatching();
    await namespace.apply('counted', sequence(STEPS, { 0: 'sleep 1' }), metadata);
    await namespace.untilFinished('counted');
    await requests.until('POST events 201', PER_SEQUENCE['POST events 201']);
    // A Pod that comes late costs a request why.
    const { 'GET events 200': reads = 0, ...others } = requests.take();
    expect(reads).toBeLessThanOrEqual(STEPS);
    expect(others).toEqual(expected);
  });
});

describe('a finished sequence', () => {
  const { namespace } = withInProcessController('tracked', {});

  // The API server of 1.20 cannot read int-or-string in the definition, and tracks only the uppermost fields anyway.
  it('has its status tracked without the fields of its steps and conditions', async () => {
    await namespace.apply('tracked', sequence(STEPS));
    const { metadata } = await namespace.untilFinished('tracked');
    const { managedFields = [] } = metadata as { managedFields?: readonly { readonly fieldsV1?: object }[] };
    const tracked = managedFields.map(({ fieldsV1 }) => JSON.stringify(fieldsV1));
    expect(tracked).toContainEqual(expect.stringContaining('f:status'));
    expect(tracked.filter((fields) => /"k:\{\\"(?:index|type)/.test(fields))).toEqual([]);
  });
});

describe('the requests of a sequence that fails', () => {
  const requests = new CountedRequests();
  const { namespace } = withInProcessController('failed-requests', { open: () => requests.connect() });

  /** Beside at most one list of the Pods of the Job that failed. */
  async function expectRequests(jobs: number, events: number): Promise<void> {
    await requests.until('POST events 201', events);
    const { 'GET pods 200': lists = 0, ...others } = requests.take();
    expect(lists).toBeLessThanOrEqual(1);
    expect(others).toEqual({
      'dry run': 1,
      'POST jobs 201': jobs + 1,
      'PATCH sequentialjobs/status 200': 3,
      'POST events 201': events,
    });
  }

  it('are those of its steps, and the status writes for the first start, the second start and the failure', async () => {
    await requests.untilWatching();
    await namespace.apply('counted', sequence(3, { 0: 'sleep 1', 1: 'echo gone; exit 3' }));
    await namespace.untilFinished('counted');
    await expectRequests(2, 6);
  });

  it('and is resumed are those of the step that runs again; the resume is recorded before a Job is created', async () => {
    await namespace.resume('counted', 1);
    await namespace.until('counted', ({ status }) => status?.phase === 'Failed' && status.resumes === 1);
    await expectRequests(1, 4);
  });
});
