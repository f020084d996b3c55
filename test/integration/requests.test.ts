/** What the controller asks of the API server, counted: few writes, fewer reads. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { BYPASSED } from '../support/admission.ts';
import { CountedRequests } from '../support/counted-requests.ts';
import { everyMinute, Schedules } from '../support/scheduled.ts';
import { sequence, step } from '../support/sequences.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';

const STEPS = 4;

type Counts = Readonly<Record<string, number>>;

/** What every sequence costs. */
const PER_SEQUENCE = {
  'POST jobs 201': STEPS + 1, // one a step, and before the first a dry run for all of them
  'dry run': 1,
  'PATCH sequentialjobs/status 200': STEPS + 1, // one a step, and the end
  'POST events 201': 2 * STEPS + 2, // a start and an end for each step and for the sequence
};

/** The spec of an object that no webhook has seen is recorded; a finalizer that comes with the object is no sign of a webhook. */
const RECORD = { 'POST controllerrevisions 201': 1 };

/** All requests but those that ask why a Pod is late: at most one a step. */
function takeWithoutReasons(requests: CountedRequests): Counts {
  const { 'GET events 200': reads = 0, ...others } = requests.take();
  expect(reads).toBeLessThanOrEqual(STEPS);
  return others;
}

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
    expect(takeWithoutReasons(requests)).toEqual(expected);
  });
});

describe('the preflight of a sequence', () => {
  const requests = new CountedRequests();
  const { namespace } = withInProcessController('preflight-requests', { open: () => requests.connect() });
  const REFUSED = { ...step('refused'), securityContext: { privileged: true, allowPrivilegeEscalation: false } };
  const CLAIM = {
    metadata: { name: 'work' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  };

  beforeAll(async () => requests.untilWatching());

  it.each<{ name: string; what: string; spec: SequentialJobSpec; expected: Counts }>([
    {
      name: 'settings',
      what: 'is one dry run more for the steps with other settings',
      spec: sequence(STEPS, {}, {}, { 1: { job: { backoffLimit: 1 } }, 2: { job: { backoffLimit: 1 } } }),
      expected: { ...PER_SEQUENCE, 'dry run': 2, 'POST jobs 201': STEPS + 2 },
    },
    {
      name: 'claim',
      what: 'is one dry run more for a claim, which is then created',
      spec: sequence(STEPS, {}, { volumeClaimTemplates: [CLAIM] }),
      expected: { ...PER_SEQUENCE, 'dry run': 2, 'POST persistentvolumeclaims 201': 2 },
    },
    {
      name: 'refused',
      what: 'asks about all steps, the refused one and the others; the refusal is one status write and one Event',
      spec: { steps: [...sequence(STEPS).steps, REFUSED] },
      expected: {
        'dry run': 3,
        'POST jobs 422': 2,
        'POST jobs 201': 1,
        'PATCH sequentialjobs/status 200': 1,
        'POST events 201': 1,
      },
    },
  ])('$what', async ({ name, spec, expected }) => {
    await namespace.apply(name, spec);
    await namespace.untilFinished(name);
    await requests.until('POST events 201', expected['POST events 201'] ?? 0);
    expect(takeWithoutReasons(requests)).toEqual(expected);
  });
});

/** One status write more, with how the steps have ended, before the first step of `finally`. */
const WITH_FINALLY = {
  ...PER_SEQUENCE,
  'PATCH sequentialjobs/status 200': PER_SEQUENCE['PATCH sequentialjobs/status 200'] + 1,
  'POST events 201': PER_SEQUENCE['POST events 201'] + 2, // FinallyStarted, FinallyCompleted
};

describe('the requests of a sequence with finally', () => {
  const requests = new CountedRequests();
  const { namespace } = withInProcessController('finally-requests', { open: () => requests.connect() });

  it('are those of so many steps, one status write and two Events', async () => {
    await requests.untilWatching();
    await namespace.apply('counted', { ...sequence(STEPS - 1, { 0: 'sleep 1' }), finally: [step('last')] });
    await namespace.untilFinished('counted');
    await requests.until('POST events 201', WITH_FINALLY['POST events 201']);
    expect(takeWithoutReasons(requests)).toEqual(WITH_FINALLY);
  });
});

/** What a run of a schedule costs beside its sequence. */
const PER_RUN = {
  'GET cronsequentialjobs 200': 1, // the template, which the cache lacks, of the version that was decided on
  'POST sequentialjobs 201': 1,
  'PATCH cronsequentialjobs/status 200': 3, // its intent, its creation, its end
  'POST events 201': PER_SEQUENCE['POST events 201'] + 2, // RunStarted, RunCompleted
};

describe('the requests of a schedule', () => {
  const requests = new CountedRequests();
  const clock = new VirtualClock();
  const { namespace } = withInProcessController('schedule-requests', {
    now: clock.now,
    open: () => requests.connect(),
  });
  const schedules = new Schedules(namespace, clock);

  it('are for each run one read, one creation, three status writes and two Events, beside those of the sequence', async () => {
    await requests.untilWatching();
    await schedules.apply('counted', everyMinute({}, sequence(STEPS)));
    await requests.until('POST events 201', 2); // Suspended, Resumed, after their status writes
    requests.take();
    await schedules.completeNext('counted');
    await requests.until('POST events 201', PER_RUN['POST events 201']);
    expect(takeWithoutReasons(requests)).toEqual({ ...PER_SEQUENCE, ...PER_RUN });
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
