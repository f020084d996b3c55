/** What users do with sequences that have steps in `finally`, how those end, and with which requests of the controller. */
import type { FinallyStep, SequentialJobSpec, Step } from '../../../shared/api/types.ts';
import { needs, sequence, step, waitsFor, waitsOrStops } from '../../support/sequences.ts';
import type { Server } from '../../support/server-features.ts';
import type { Actor } from './actor.ts';
import type { Scenario } from './scenario.ts';

const JOB = ['JobStarted', 'JobCompleted'] as const;
const STARTED = ['SequenceStarted', ...JOB] as const;
const FAILED = ['JobStarted', 'JobFailed', 'FinallyStarted'] as const;
const COMPLETED = ['FinallyCompleted', 'SequenceCompleted'] as const;
const FAILED_AT_LAST = ['FinallyCompleted', 'SequenceFailed'] as const;

const DRY_RUN = 'POST jobs (dry run)';
const STATUS = 'PATCH sequentialjobs/status';

/** Steps f0, f1, … that run after any end and succeed, but for what is said of some. */
const finallySteps = (
  ...settings: readonly (Partial<FinallyStep> & { readonly script?: string })[]
): readonly FinallyStep[] => settings.map(({ script, ...more }, i) => Object.assign(step(`f${i}`, script), more));

const ALWAYS = { finally: finallySteps({}) };

const runs =
  (spec: SequentialJobSpec) =>
  async (actor: Actor): Promise<void> => {
    await actor.apply(spec);
    await actor.untilFinished();
  };

/** No server lets it run, and validation leaves that to the server. */
const REFUSED = { securityContext: { privileged: true, allowPrivilegeEscalation: false } };

function withLast(spec: SequentialJobSpec, more: Partial<Step>): SequentialJobSpec {
  return { ...spec, steps: spec.steps.map((one, i) => (i === spec.steps.length - 1 ? { ...one, ...more } : one)) };
}

/** The first of two steps of finally is suspended, or runs on to its end where the server does not suspend Jobs. */
function suspension({ suspendsJobs }: Server): Scenario {
  const jobs = ['0-s0', 'finally-0-f0', 'finally-1-f1'];
  return {
    name: 'a suspension while a step of finally runs, and its end',
    once: suspendsJobs ? [] : ['PATCH jobs'],
    play: async (actor) => {
      const script = suspendsJobs ? waitsOrStops(actor.name) : waitsFor(actor.name);
      await actor.applyGated(sequence(1, {}, { finally: finallySteps({ script }, {}) }));
      await actor.until(({ finally: last }) => last?.[0]?.state === 'Running');
      if (suspendsJobs) await actor.untilActive(1);
      const { metadata } = await actor.namespace.get(actor.name);
      await actor.patch({ suspend: true });
      if (suspendsJobs) {
        await actor.until(({ phase }) => phase === 'Suspended');
        await actor.open();
      } else {
        await actor.until(({ observedGeneration = 0 }) => observedGeneration > (metadata.generation ?? 0));
        await actor.open();
        await actor.until(({ phase }) => phase === 'Suspended');
      }
      await actor.patch({ suspend: false });
      await actor.untilFinished();
    },
    requests: { 'POST jobs': 3, 'PATCH jobs': suspendsJobs ? 2 : 1, [STATUS]: suspendsJobs ? 8 : 7 },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0'],
      finally: ['0 Succeeded 0', '1 Succeeded 0'],
      jobs,
      pods: suspendsJobs ? ['0-s0', 'finally-0-f0', 'finally-0-f0', 'finally-1-f1'] : jobs,
      told: jobs.slice(1).map(() => 'Succeeded'),
      events: [...STARTED, 'FinallyStarted', 'Suspended', 'Resumed', ...JOB, ...JOB, ...COMPLETED],
    },
  };
}

/** The Pod that the deadline ends takes a second to end, and finally waits for it. */
function deadline({ announcesEnds }: Server): Scenario {
  const slow = 'trap "sleep 1; exit 143" TERM; sleep 600 & wait $!';
  return {
    name: 'finally after a deadline that passes',
    // Before 1.31 the Job has failed while its Pod still runs: the controller asks for the Pod, and its watch shows the end.
    ...(announcesEnds ? { isBlind: true } : {}),
    play: runs(sequence(2, { 0: slow }, { activeDeadlineSeconds: 2, finally: finallySteps({ script: 'sleep 3' }) })),
    requests: { 'POST jobs': 2, 'PATCH jobs': 1, [STATUS]: 4, 'LIST pods': 1 },
    ending: {
      phase: 'Failed',
      steps: ['0 Failed', '1 Skipped'],
      finally: ['0 Succeeded 0'],
      jobs: ['0-s0', 'finally-0-f0'],
      told: ['Failed s0 DeadlineExceeded'],
      events: ['SequenceStarted', ...FAILED, ...JOB, ...FAILED_AT_LAST],
    },
  };
}

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'finally after a success',
    play: runs(sequence(2, {}, { finally: finallySteps({}, { when: 'Failed' }, { when: 'Succeeded' }) })),
    requests: { 'POST jobs': 4, [STATUS]: 6 },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0', '1 Succeeded 0'],
      finally: ['0 Succeeded 0', '1 Skipped', '2 Succeeded 0'],
      jobs: ['0-s0', '1-s1', 'finally-0-f0', 'finally-2-f2'],
      told: ['Succeeded', 'Succeeded'],
      events: [...STARTED, ...JOB, 'FinallyStarted', ...JOB, ...JOB, ...COMPLETED],
    },
  },
  {
    name: 'finally after a failure',
    isBlind: true,
    play: runs(
      sequence(
        3,
        { 1: 'echo broken; exit 3' },
        { finally: finallySteps({ when: 'Succeeded' }, { when: 'Failed' }, {}) },
      ),
    ),
    requests: { 'POST jobs': 4, [STATUS]: 6, 'LIST pods': 1 },
    ending: {
      phase: 'Failed',
      steps: ['0 Succeeded 0', '1 Failed 3 broken', '2 Skipped'],
      finally: ['0 Skipped', '1 Succeeded 0', '2 Succeeded 0'],
      jobs: ['0-s0', '1-s1', 'finally-1-f1', 'finally-2-f2'],
      told: ['Failed s1 BackoffLimitExceeded', 'Failed s1 BackoffLimitExceeded'],
      events: [...STARTED, ...FAILED, ...JOB, ...JOB, ...FAILED_AT_LAST],
    },
  },
  {
    name: 'a resume after finally alone has failed',
    isBlind: true,
    play: async (actor) => {
      await actor.applyGated(sequence(1, {}, { finally: finallySteps({ script: needs(actor.name) }, {}) }));
      await actor.until(({ phase }) => phase === 'Failed');
      await actor.open();
      await actor.patch({ resume: 1 });
      await actor.until(({ phase }) => phase === 'Completed');
    },
    requests: { 'POST jobs': 5, [STATUS]: 10, 'LIST pods': 1 },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0'],
      finally: ['0 Succeeded 0', '1 Succeeded 0'],
      jobs: ['0-s0', 'finally-0-f0', 'finally-1-f1', 'finally-0-f0-r1', 'finally-1-f1-r1'],
      told: ['Succeeded', 'Succeeded', 'Succeeded', 'Succeeded'],
      events: [
        ...STARTED,
        'FinallyStarted',
        'JobStarted',
        'JobFailed',
        ...JOB,
        ...FAILED_AT_LAST,
        'Resumed',
        'FinallyStarted',
        ...JOB,
        ...JOB,
        ...COMPLETED,
      ],
    },
  },
  {
    name: 'finally after a Job was rejected, and once more when the spec is mended',
    play: async (actor) => {
      const spec = sequence(3, { 0: waitsFor(actor.name) }, { ...ALWAYS, updatePolicy: 'FutureSteps' });
      await actor.applyGated(spec);
      await actor.untilRunning(0);
      await actor.changeGated(withLast(spec, REFUSED));
      await actor.open();
      await actor.until(({ phase }) => phase === 'Failed');
      await actor.changeGated(spec);
      await actor.until(({ phase }) => phase === 'Completed');
    },
    requests: { [DRY_RUN]: 5, 'POST jobs': 5, [STATUS]: 11, 'PATCH events': 1 },
    ending: {
      phase: 'Completed',
      resumes: 1,
      steps: ['0 Succeeded 0', '1 Succeeded 0', '2 Succeeded 0'],
      finally: ['0 Succeeded 0'],
      jobs: ['0-s0', 'finally-0-f0', '1-s1-r1', '2-s2-r1', 'finally-0-f0-r1'],
      told: ['Failed s1 JobRejected', 'Succeeded'],
      twice: ['SpecChanged'],
      events: [
        'SpecChanged',
        ...STARTED,
        'FinallyStarted',
        ...JOB,
        ...FAILED_AT_LAST,
        ...JOB,
        ...JOB,
        'FinallyStarted',
        ...JOB,
        ...COMPLETED,
      ],
    },
  },
];

/** The scenarios, as they go on this server. */
export const finallyScenariosOn = (server: Server): readonly Scenario[] => [
  ...SCENARIOS,
  deadline(server),
  suspension(server),
];
