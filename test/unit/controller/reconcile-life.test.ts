/**
 * The whole life of a sequence against a fake API server: the requests and events when all goes well, and the same end
 * when any one request fails, whether it was carried out or not, in a process that lives on or dies.
 */
import { describe, expect, it } from '@jest/globals';
import { toObservedJob } from '../../../controller/transform.ts';
import { type ObservedJob, outcomeOf } from '../../../shared/api/job.ts';
import { toTimestamp } from '../../../shared/api/time.ts';
import type { Phase, SequentialJob, SequentialJobSpec, SequentialJobStatus } from '../../../shared/api/types.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import { isApiError } from '../../../shared/kube/errors.ts';
import {
  describeFault,
  describeRequest,
  FakeApi,
  fault,
  jobPath,
  sequentialJobPath,
  type Stored,
} from '../../support/fake-api.ts';
import {
  at,
  completed,
  container,
  failed,
  jobCondition,
  NAMESPACE,
  NOW_MS,
  sequentialJob,
} from '../../support/objects.ts';
import { failedPodOf, terminated } from '../../support/pods.ts';
import { Process } from '../../support/process.ts';

/** One of each class: no response, a response that does not tell what was done, and a refusal. */
const FAULTS = [
  fault('Unreachable'),
  fault('Unreachable', true),
  fault('ServerError'),
  fault('ServerError', true),
  fault('Conflict'),
];

const EXTRACT = 'etl-0-extract';
const TRANSFORM = 'etl-1-transform';
const LOAD = 'etl-2-load';

const STATUS = 'PATCH sequentialjobs/status';
/** Before the first step, and again after a resume: whether the API server takes the Jobs of all steps to come. */
const PREFLIGHT = 'POST jobs (dry run)';
/** A Job, and the status that records it. */
const START = ['POST jobs', STATUS] as const;
const PATCH_JOB = 'PATCH jobs';
const LOOK = 'GET pods';
const WHOLE = 'GET sequentialjobs';

/** Everything outside the controller. */
class Outside {
  readonly api = new FakeApi();
  nowMs = NOW_MS;

  pass(seconds: number): void {
    this.nowMs += seconds * 1000;
    this.api.now = toTimestamp(this.nowMs);
  }

  get object(): SequentialJob | undefined {
    return this.api.sequentialJob(NAMESPACE, 'etl');
  }

  edit(change: Partial<SequentialJobSpec>): void {
    this.api.edit(NAMESPACE, 'etl', change);
  }

  job(name: string, status: ObservedJob['status']): void {
    this.api.setJobStatus(jobPath(NAMESPACE, name), status);
  }

  /** One Pod of the Job ran out of memory; the watch has not brought it yet. */
  fails(name: string): void {
    this.job(name, { ...failed(), failed: 1 });
    const { metadata } = this.api.get(jobPath(NAMESPACE, name)) as Stored;
    const pod = failedPodOf(metadata, terminated(137, { reason: 'OOMKilled', message: 'heap full' }));
    this.api.put(`/api/v1/namespaces/${NAMESPACE}/pods/${name}-x7k2p`, pod as never);
  }

  /** Jobs that have not ended, in the moment in which another one is to be made. */
  overlaps(request: ApiRequest): readonly string[] {
    if (describeRequest(request) !== 'POST jobs') return [];
    const { name } = (request.body as ObservedJob).metadata;
    const others = this.api.jobs().filter(({ metadata }) => metadata.name !== name);
    return others
      .filter((job) => outcomeOf(toObservedJob(job)).type === 'running')
      .map(({ metadata }) => metadata.name);
  }

  /** The Job controller does what Jobs' specs say: it stops those that are suspended, and ends those out of time. */
  jobController(): void {
    for (const { metadata, spec } of this.api.jobs()) {
      const { suspend, activeDeadlineSeconds } = spec as { suspend?: boolean; activeDeadlineSeconds?: number };
      const why = { reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
      if (suspend === true) this.job(metadata.name, { terminating: 0, conditions: [jobCondition('Suspended')] });
      if (activeDeadlineSeconds === 0)
        this.job(metadata.name, { failed: 1, conditions: [jobCondition('Failed', why)] });
    }
  }
}

type Move = (outside: Outside) => void;

const nothing: Move = () => undefined;
const completes =
  (name: string): Move =>
  (outside) =>
    outside.job(name, completed());
const fails =
  (name: string): Move =>
  (outside) =>
    outside.fails(name);
const edit =
  (change: Partial<SequentialJobSpec>): Move =>
  (outside) =>
    outside.edit(change);
const after =
  (seconds: number, move: Move = nothing): Move =>
  (outside) => {
    outside.pass(seconds);
    move(outside);
  };

interface Life {
  readonly says: string;
  readonly spec?: Partial<SequentialJobSpec>;
  /** The server is one before 1.22. */
  readonly isOld?: true;
  /** No webhook has set the finalizer. */
  readonly withoutFinalizer?: true;
  /** What happens outside, one after the other; after each the sequence is reconciled. */
  readonly story: readonly Move[];
  readonly requests: readonly string[];
  readonly events: readonly string[];
  /** At the end; undefined: the object is gone. */
  readonly phase: Phase | undefined;
  readonly steps: readonly string[];
  readonly jobs: readonly string[];
  readonly status?: Partial<SequentialJobStatus>;
}

const ALL_DONE = [`0 Succeeded ${EXTRACT}`, `1 Succeeded ${TRANSFORM}`, `2 Succeeded ${LOAD}`];
const ALL_JOBS = [EXTRACT, TRANSFORM, LOAD];
const REST = [completes(EXTRACT), completes(TRANSFORM), completes(LOAD)];
const REST_REQUESTS = [...START, ...START, STATUS];
const REST_EVENTS = ['JobCompleted', 'JobStarted', 'JobCompleted', 'JobStarted', 'JobCompleted', 'SequenceCompleted'];
const STARTED = ['SequenceStarted', 'JobStarted'];
const FAILED = ['JobFailed', 'SequenceFailed'];

const OUT_OF_MEMORY = { exitCode: 137, reason: 'OOMKilled', message: 'heap full', attempts: 1 };

const LIVES: readonly Life[] = [
  {
    says: 'admission was bypassed: the controller records the spec and sets the finalizer, and three steps complete',
    withoutFinalizer: true,
    story: [nothing, ...REST],
    requests: ['POST controllerrevisions', 'PATCH sequentialjobs', PREFLIGHT, ...START, ...REST_REQUESTS],
    events: [...STARTED, ...REST_EVENTS],
    phase: 'Completed',
    steps: ALL_DONE,
    jobs: ALL_JOBS,
    status: { progress: expect.objectContaining({ summary: '3/3' }) as never },
  },
  {
    says: 'a step fails, and its failure is explained although the Pod watch lags',
    story: [nothing, completes(EXTRACT), fails(TRANSFORM)],
    requests: [PREFLIGHT, ...START, ...START, LOOK, STATUS],
    events: [...STARTED, 'JobCompleted', 'JobStarted', ...FAILED],
    phase: 'Failed',
    steps: [`0 Succeeded ${EXTRACT}`, `1 Failed ${TRANSFORM}`, '2 Skipped -'],
    jobs: [EXTRACT, TRANSFORM],
    status: { steps: [expect.anything(), expect.objectContaining(OUT_OF_MEMORY), expect.anything()] as never },
  },
  {
    says: 'a step with onFailure: Continue fails, and the next step starts',
    spec: {
      steps: [container('extract', { onFailure: 'Continue' }), container('transform'), container('load')],
    },
    story: [nothing, fails(EXTRACT), completes(TRANSFORM), completes(LOAD)],
    requests: [PREFLIGHT, ...START, LOOK, ...START, ...START, STATUS],
    events: [...STARTED, 'JobFailed', 'JobStarted', ...REST_EVENTS.slice(2)],
    phase: 'Completed',
    steps: [`0 Failed ${EXTRACT}`, ...ALL_DONE.slice(1)],
    jobs: ALL_JOBS,
  },
  {
    says: 'a failed step is resumed twice with new Job names, and the failed Jobs are kept',
    story: [
      nothing,
      completes(EXTRACT),
      fails(TRANSFORM),
      edit({ resume: 1 }),
      fails(`${TRANSFORM}-r1`),
      edit({ resume: 2 }),
      completes(`${TRANSFORM}-r2`),
      completes(`${LOAD}-r2`),
    ],
    // That it is resumed is on record before a Job is made.
    requests: [
      PREFLIGHT,
      ...START,
      ...START,
      LOOK,
      STATUS,
      STATUS,
      PREFLIGHT,
      ...START,
      LOOK,
      STATUS,
      STATUS,
      PREFLIGHT,
      ...START,
      ...START,
      STATUS,
    ],
    events: [
      ...STARTED,
      'JobCompleted',
      'JobStarted',
      ...FAILED,
      'Resumed',
      'JobStarted',
      ...FAILED,
      'Resumed',
      'JobStarted',
      ...REST_EVENTS.slice(2),
    ],
    phase: 'Completed',
    steps: [`0 Succeeded ${EXTRACT}`, `1 Succeeded ${TRANSFORM}-r2`, `2 Succeeded ${LOAD}-r2`],
    jobs: [EXTRACT, TRANSFORM, `${TRANSFORM}-r1`, `${TRANSFORM}-r2`, `${LOAD}-r2`],
    status: { resumes: 2 },
  },
  {
    says: 'resume is lowered, then raised to the value that was already handled: both are ignored; the next higher value resumes',
    story: [
      nothing,
      fails(EXTRACT),
      edit({ resume: 1 }),
      // Applied again from Git while the step runs, and when it has failed.
      edit({ resume: 0 }),
      fails(`${EXTRACT}-r1`),
      edit({ resume: 1 }),
      edit({ resume: 0 }),
      edit({ resume: 2 }),
      completes(`${EXTRACT}-r2`),
      edit({ resume: 0 }),
      completes(`${TRANSFORM}-r2`),
      completes(`${LOAD}-r2`),
      edit({ resume: 1 }),
    ],
    requests: [
      PREFLIGHT,
      ...START,
      LOOK,
      STATUS, // failed
      STATUS, // resumed
      PREFLIGHT,
      ...START,
      STATUS, // lowered: the generation, and nothing else
      LOOK,
      STATUS, // failed
      STATUS, // raised to what was acted on
      STATUS, // lowered
      STATUS, // resumed
      PREFLIGHT,
      ...START,
      ...START,
      STATUS, // lowered
      ...START,
      STATUS, // completed
      WHOLE, // of what has completed the spec is not kept
      STATUS, // raised to what was acted on
    ],
    events: [
      ...STARTED,
      ...FAILED,
      'Resumed',
      'JobStarted',
      ...FAILED,
      'Resumed',
      'JobStarted',
      'JobCompleted',
      'JobStarted',
      ...REST_EVENTS.slice(2),
    ],
    phase: 'Completed',
    steps: [`0 Succeeded ${EXTRACT}-r2`, `1 Succeeded ${TRANSFORM}-r2`, `2 Succeeded ${LOAD}-r2`],
    jobs: [EXTRACT, `${EXTRACT}-r1`, `${EXTRACT}-r2`, `${TRANSFORM}-r2`, `${LOAD}-r2`],
    status: { resumes: 2 },
  },
  {
    says: 'a sequence is suspended before its start, and then unsuspended',
    spec: { suspend: true },
    story: [nothing, after(60, edit({ suspend: false })), ...REST],
    requests: [STATUS, PREFLIGHT, ...START, ...REST_REQUESTS],
    events: ['Suspended', 'Resumed', ...STARTED, ...REST_EVENTS],
    phase: 'Completed',
    steps: ALL_DONE,
    jobs: ALL_JOBS,
    status: { startTime: at(60) },
  },
  {
    says: 'a sequence is suspended during a step: its Job is suspended, and unsuspended with the sequence',
    spec: { activeDeadlineSeconds: 600 },
    story: [
      nothing,
      (outside) => outside.job(EXTRACT, { active: 1, startTime: at(0) }),
      edit({ suspend: true }),
      (outside) => outside.jobController(),
      after(60, edit({ suspend: false })),
      (outside) => outside.job(EXTRACT, { active: 1, startTime: at(60) }),
      ...REST,
    ],
    requests: [PREFLIGHT, ...START, PATCH_JOB, STATUS, STATUS, PATCH_JOB, STATUS, ...REST_REQUESTS],
    events: [...STARTED, 'Suspended', 'Resumed', ...REST_EVENTS],
    phase: 'Completed',
    steps: ALL_DONE,
    jobs: ALL_JOBS,
    status: { startTime: at(0), activeStartTime: at(60) },
  },
  {
    says: 'a sequence is suspended during a step on a server that cannot suspend Jobs: the step finishes, and no step starts before the sequence is unsuspended',
    isOld: true,
    story: [
      nothing,
      edit({ suspend: true }),
      completes(EXTRACT),
      after(60, edit({ suspend: false })),
      ...REST.slice(1),
    ],
    requests: [PREFLIGHT, ...START, PATCH_JOB, STATUS, STATUS, ...START, ...START, STATUS],
    events: [...STARTED, 'JobCompleted', 'Suspended', 'Resumed', ...REST_EVENTS.slice(1)],
    phase: 'Completed',
    steps: ALL_DONE,
    jobs: ALL_JOBS,
    status: { activeStartTime: at(60) },
  },
  {
    says: 'the deadline passes during a step: the Job controller terminates the Job, and then the sequence fails',
    spec: { activeDeadlineSeconds: 100 },
    story: [nothing, completes(EXTRACT), after(100), (outside) => outside.jobController()],
    requests: [PREFLIGHT, ...START, ...START, PATCH_JOB, LOOK, STATUS],
    events: [...STARTED, 'JobCompleted', 'JobStarted', ...FAILED],
    phase: 'Failed',
    steps: [`0 Succeeded ${EXTRACT}`, `1 Failed ${TRANSFORM}`, '2 Skipped -'],
    jobs: [EXTRACT, TRANSFORM],
    status: { progress: expect.objectContaining({ failedIndex: 1, failureReason: 'DeadlineExceeded' }) as never },
  },
  {
    says: 'a completed sequence is deleted with its Jobs when ttlSecondsAfterFinished has passed',
    spec: { ttlSecondsAfterFinished: 10 },
    story: [
      nothing,
      ...REST,
      after(9),
      after(1),
      ({ api }) => ALL_JOBS.forEach((name) => api.remove(jobPath(NAMESPACE, name))),
    ],
    requests: [
      PREFLIGHT,
      ...START,
      ...REST_REQUESTS,
      'DELETE sequentialjobs',
      'DELETE jobs',
      'DELETE jobs',
      'DELETE jobs',
      'PATCH sequentialjobs',
    ],
    events: [...STARTED, ...REST_EVENTS, 'CleanedUp'],
    phase: undefined,
    steps: [],
    jobs: [],
  },
  {
    says: 'a Secret is missing at first, and the sequence starts when it has been created',
    spec: {
      steps: [
        container('extract', { envFrom: [{ secretRef: { name: 'db' } }] }),
        container('transform'),
        container('load'),
      ],
    },
    story: [
      nothing,
      after(5),
      after(5, ({ api }) => {
        const path = `/api/v1/namespaces/${NAMESPACE}/secrets/db`;
        api.put(path, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'db' } as never });
      }),
      ...REST,
    ],
    requests: [PREFLIGHT, 'GET secrets', STATUS, 'GET secrets', 'GET secrets', ...START, ...REST_REQUESTS],
    events: ['DependencyMissing', ...STARTED, ...REST_EVENTS],
    phase: 'Completed',
    steps: ALL_DONE,
    jobs: ALL_JOBS,
  },
  {
    says: 'a change that bypassed admission is rejected, and the recorded spec stays in effect',
    story: [nothing, edit({ job: { backoffLimit: 9 } }), ...REST],
    requests: [PREFLIGHT, ...START, 'POST controllerrevisions', STATUS, ...REST_REQUESTS],
    events: [...STARTED, 'SpecChanged', ...REST_EVENTS],
    phase: 'Completed',
    steps: ALL_DONE,
    jobs: ALL_JOBS,
  },
];

/** Lives through the story, and gives what was told. A process that dies is followed by another. */
async function live(life: Life, outside: Outside, dies: boolean): Promise<readonly string[]> {
  const { spec, story, isOld, withoutFinalizer } = life;
  const { api } = outside;
  const now = (): number => outside.nowMs;
  api.suspendsJobs = isOld !== true;
  const metadata = withoutFinalizer === true ? { finalizers: [] } : {};
  api.putSequentialJob(sequentialJob({ spec: spec ?? {}, metadata }));
  let process = new Process(api, now);
  for (const move of story) {
    move(outside);
    process.sync();
    try {
      await process.settleOnce();
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (dies) process = new Process(api, now);
      else process.sync();
      await process.settle();
    }
  }
  // What the watches bring of the last writes.
  process.sync();
  await process.settle();
  return process.events;
}

function expectEnd({ phase, steps, jobs, status }: Life, { api, object }: Outside): void {
  expect(api.jobs().map(({ metadata }) => metadata.name)).toEqual(jobs);
  expect(object?.status?.phase).toBe(phase);
  const written = object?.status?.steps ?? [];
  expect(written.map(({ index, state, jobName = '-' }) => `${index} ${state} ${jobName}`)).toEqual(steps);
  for (const { jobName, jobUID } of written) {
    if (jobName !== undefined) expect(api.get(jobPath(NAMESPACE, jobName))?.metadata.uid).toBe(jobUID);
  }
  if (status !== undefined) expect(object?.status).toMatchObject(status);
}

/** Jobs made in the whole life: those that are there, and those that were deleted with it. */
const made = ({ jobs, requests }: Life): number =>
  jobs.length + requests.filter((request) => request === 'DELETE jobs').length;

describe.each(LIVES)('$says', (life) => {
  it('takes the fewest requests, in this order, and emits these Events', async () => {
    const outside = new Outside();
    const events = await live(life, outside, false);
    expect(outside.api.client.requests.map(describeRequest)).toEqual(life.requests);
    expect(events).toEqual(life.events);
    expectEnd(life, outside);
  });

  it('is finished afterwards: a new process changes nothing and emits no Events', async () => {
    const outside = new Outside();
    await live(life, outside, false);
    const before = outside.api.get(sequentialJobPath(NAMESPACE, 'etl'));
    const process = new Process(outside.api, () => outside.nowMs);
    await process.settleOnce();
    expect(process.events).toEqual([]);
    expect(outside.api.get(sequentialJobPath(NAMESPACE, 'etl'))).toEqual(before);
  });

  const cases = FAULTS.flatMap((planned) =>
    [false, true].flatMap((dies) =>
      life.requests.map((request, number) => ({
        says: `${number} (${request}) ${describeFault(planned)}${dies ? ', and the process dies' : ''}`,
        number,
        planned,
        dies,
      })),
    ),
  );

  it.each(cases)('reaches the same result if request $says', async ({ number, planned, dies }) => {
    const outside = new Outside();
    const overlaps: string[] = [];
    outside.api.intercept = (request, n) => {
      overlaps.push(...outside.overlaps(request));
      return n === number ? planned : undefined;
    };
    const events = await live(life, outside, dies);
    expectEnd(life, outside);
    // A process that dies takes along what it had not told yet.
    if (!dies) expect(events.filter((reason) => reason !== 'ReconciliationFailed')).toEqual(life.events);
    expect(overlaps).toEqual([]);
    expect(outside.api.client.requests.length).toBeGreaterThan(number);
    expect(outside.api.done.filter((one) => one === 'POST jobs')).toHaveLength(made(life));
  });
});
