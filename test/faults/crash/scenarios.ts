/** What users do with sequences, how those end, and with which requests of the controller. */
import type { SequentialJobSpec } from '../../../shared/api/types.ts';
import { CONFIG_MAPS } from '../../../shared/kube/resources.ts';
import { eventually } from '../../support/eventually.ts';
import {
  FOREVER,
  handsOn,
  needs,
  sequence,
  step,
  waitsFor,
  waitsOrStops,
  withConfigMap,
  withResults,
} from '../../support/sequences.ts';
import type { Server } from '../../support/server-features.ts';
import type { Actor } from './actor.ts';
import { finallyScenariosOn } from './finally-scenarios.ts';
import { type Ending, type Scenario, without } from './scenario.ts';

const JOB = ['JobStarted', 'JobCompleted'] as const;
const STARTED = ['SequenceStarted', ...JOB] as const;
const FAILED = ['JobStarted', 'JobFailed', 'SequenceFailed'] as const;
const HALFWAY = [...STARTED, 'JobStarted'] as const;

const STATUS = 'PATCH sequentialjobs/status';

/** No node has this label. */
const UNPLACED = { spec: { containers: [], nodeSelector: { 'tests.example.com/no': 'node' } } };

/** A scenario with what most have: one dry run, and as many requests for events as there are events. */
function withDefaults(scenario: Scenario): Scenario {
  const events = without(scenario.ending.events, scenario.prepared ?? []);
  const groups = Map.groupBy(events, (reason) => `POST events ${reason}`);
  const counts = Object.fromEntries([...groups].map(([kind, list]) => [kind, list.length]));
  return { ...scenario, requests: { 'POST jobs (dry run)': 1, ...scenario.requests, ...counts } };
}

/** All steps succeed, each with one Job. */
const completed = (steps: number, events: readonly string[]): Ending => ({
  phase: 'Completed',
  steps: Array.from({ length: steps }, (_, i) => `${i} Succeeded 0`),
  jobs: Array.from({ length: steps }, (_, i) => `${i}-s${i}`),
  events: [...events, 'SequenceCompleted'],
});

const failed = (steps: readonly string[], jobs: readonly string[], events: readonly string[]): Ending => ({
  phase: 'Failed',
  steps,
  jobs,
  events,
});

const runs =
  (spec: SequentialJobSpec) =>
  async (actor: Actor): Promise<void> => {
    await actor.apply(spec);
    await actor.untilFinished();
  };

/** Where the server suspends Jobs, the Pod is deleted, and another one is created when the Job continues. */
function suspension({ suspendsJobs }: Server): Scenario {
  const ending = completed(2, [...STARTED, 'Suspended', 'Resumed', ...JOB]);
  return {
    name: 'a suspension while a step runs, and its end',
    // Once the controller finds out that the server (before 1.22) does not suspend Jobs.
    once: suspendsJobs ? [] : ['PATCH jobs'],
    play: async (actor) => {
      await actor.applyGated(sequence(2, { 0: suspendsJobs ? waitsOrStops(actor.name) : waitsFor(actor.name) }));
      await actor.untilRunning(0);
      if (suspendsJobs) await actor.untilActive();
      await actor.patch({ suspend: true });
      if (suspendsJobs) {
        await actor.until(({ phase }) => phase === 'Suspended');
        await actor.namespace.untilNoPods(actor.name);
        await actor.open();
      } else {
        await actor.until(({ observedGeneration }) => observedGeneration === 2);
        await actor.open();
        await actor.until(({ phase }) => phase === 'Suspended');
      }
      await actor.patch({ suspend: false });
      await actor.untilFinished();
    },
    // One status write says that the step still runs, another that it no longer does.
    requests: { 'POST jobs': 2, 'PATCH jobs': suspendsJobs ? 2 : 1, [STATUS]: suspendsJobs ? 6 : 5 },
    ending: suspendsJobs ? { ...ending, pods: ['0-s0', '0-s0', '1-s1'] } : ending,
  };
}

/** No step mounts it: whether a Pod had to wait for its volume, and the status says so, is left to chance. */
const CLAIMS: SequentialJobSpec['volumeClaimTemplates'] = [
  {
    metadata: { name: 'work' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
  },
];

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'a run to success',
    play: runs(sequence(3)),
    requests: { 'POST jobs': 3, [STATUS]: 4 },
    ending: completed(3, [...STARTED, ...JOB, ...JOB]),
  },
  {
    name: 'a result that is handed on',
    // A step that reads anything else fails.
    play: runs({
      steps: [
        step('s0', handsOn('4711')),
        ...['s1', 's2'].map((name) => withResults(step(name, '[ "$s0" = 4711 ]'), 's0')),
      ],
      job: { backoffLimit: 0 },
    }),
    // The end of the first step has a status write of its own.
    requests: { 'POST jobs': 3, [STATUS]: 5 },
    ending: {
      ...completed(3, [...STARTED, ...JOB, ...JOB]),
      steps: ['0 Succeeded 0 4711', '1 Succeeded 0', '2 Succeeded 0'],
    },
  },
  {
    name: 'a run with a claim',
    play: runs(sequence(2, {}, { volumeClaimTemplates: CLAIMS })),
    requests: {
      'POST persistentvolumeclaims (dry run)': 1,
      'POST persistentvolumeclaims': 1,
      'POST jobs': 2,
      [STATUS]: 3,
    },
    ending: { ...completed(2, [...STARTED, ...JOB]), claims: 1 },
  },
  {
    name: 'a failure',
    isBlind: true,
    play: runs(sequence(3, { 1: 'echo broken; exit 3' })),
    requests: { 'POST jobs': 2, [STATUS]: 3, 'LIST pods': 1 },
    ending: failed(['0 Succeeded 0', '1 Failed 3 broken', '2 Skipped'], ['0-s0', '1-s1'], [...STARTED, ...FAILED]),
  },
  {
    name: 'a failure that is ignored',
    isBlind: true,
    play: runs(
      sequence(
        2,
        { 0: 'echo broken; exit 3' },
        { job: { backoffLimit: 6 } },
        { 0: { onFailure: 'Continue', job: { backoffLimit: 0 } } },
      ),
    ),
    // The Jobs have different limits: each has a dry run of its own.
    requests: { 'POST jobs (dry run)': 2, 'POST jobs': 2, [STATUS]: 3, 'LIST pods': 1 },
    ending: {
      ...completed(2, ['SequenceStarted', 'JobStarted', 'JobFailed', ...JOB]),
      steps: ['0 Failed 3 broken', '1 Succeeded 0'],
    },
  },
  {
    name: 'a deletion while a step runs',
    play: async (actor) => {
      await actor.apply(sequence(2, { 1: FOREVER }));
      await actor.untilRunning(1);
      await actor.namespace.delete(actor.name);
      await actor.untilGone();
    },
    requests: { 'POST jobs': 2, [STATUS]: 2, 'DELETE jobs': 2, 'PATCH sequentialjobs': 1 },
    ending: { steps: [], jobs: ['0-s0', '1-s1'], events: [...HALFWAY, 'CleanedUp'] },
  },
  {
    name: 'a resume of a failed sequence',
    isBlind: true,
    play: async (actor) => {
      await actor.applyGated(sequence(3, { 1: needs(actor.name) }));
      await actor.until(({ phase }) => phase === 'Failed');
      await actor.open();
      await actor.patch({ resume: 1 });
      await actor.until(({ phase }) => phase === 'Completed');
    },
    requests: { 'POST jobs (dry run)': 2, 'POST jobs': 4, [STATUS]: 7, 'LIST pods': 1 },
    ending: {
      ...completed(3, [...STARTED, ...FAILED, 'Resumed', ...JOB, ...JOB]),
      jobs: ['0-s0', '1-s1', '1-s1-r1', '2-s2-r1'],
    },
  },
  {
    name: 'a deadline that passes',
    isBlind: true,
    play: runs(sequence(2, { 0: FOREVER }, { activeDeadlineSeconds: 2 })),
    requests: { 'POST jobs': 1, 'PATCH jobs': 1, [STATUS]: 2, 'LIST pods': 1 },
    ending: failed(['0 Failed', '1 Skipped'], ['0-s0'], ['SequenceStarted', ...FAILED]),
  },
  {
    name: 'a step that no node takes, and its pending deadline',
    isBlind: true,
    play: runs(sequence(2, {}, { job: { backoffLimit: 0, pendingDeadlineSeconds: 2 }, template: UNPLACED })),
    // The Pods are listed before the Job is ended, and because it counts a failed Pod.
    requests: { 'POST jobs': 1, 'PATCH jobs': 1, [STATUS]: 2, 'LIST pods': 2 },
    ending: failed(['0 Failed', '1 Skipped'], ['0-s0'], ['SequenceStarted', ...FAILED]),
  },
  {
    name: 'an object that never comes, and the pending deadline of a step that may fail',
    play: async (actor) => {
      const missing = withConfigMap(step('s0'), `${actor.name}-never`);
      const job = { pendingDeadlineSeconds: 2 };
      await actor.apply({ steps: [{ ...missing, onFailure: 'Continue', job }, step('s1')] });
      await actor.untilFinished();
    },
    requests: { 'GET configmaps': 1, 'POST jobs': 1, [STATUS]: 4 },
    ending: {
      phase: 'Completed',
      steps: ['0 Failed', '1 Succeeded 0'],
      jobs: ['1-s1'],
      events: ['DependencyMissing', 'SequenceStarted', 'JobFailed', ...JOB, 'SequenceCompleted'],
    },
  },
  {
    name: 'a time to live',
    play: async (actor) => {
      await actor.apply(sequence(2, {}, { ttlSecondsAfterFinished: 1 }));
      await actor.untilGone();
    },
    requests: {
      'POST jobs': 2,
      [STATUS]: 3,
      'DELETE sequentialjobs': 1,
      'DELETE jobs': 2,
      'PATCH sequentialjobs': 1,
    },
    ending: {
      steps: [],
      jobs: ['0-s0', '1-s1'],
      events: [...STARTED, ...JOB, 'SequenceCompleted', 'CleanedUp'],
    },
  },
  {
    name: 'a run without the webhook that needs a ConfigMap',
    isBypassed: true,
    play: async (actor) => {
      const name = `${actor.name}-token`;
      await actor.namespace.createObject(CONFIG_MAPS, { metadata: { name }, data: { token: 'x' } });
      await actor.apply({ steps: [withConfigMap(step('s0'), name), step('s1')] });
      await actor.untilFinished();
    },
    requests: {
      'POST controllerrevisions': 1,
      'PATCH sequentialjobs': 1,
      'GET configmaps': 1,
      'POST jobs': 2,
      [STATUS]: 3,
    },
    ending: completed(2, [...STARTED, ...JOB]),
  },
  {
    name: 'a start in the middle of a sequence',
    prepared: HALFWAY,
    prepare: async (actor) => {
      await actor.applyGated(sequence(3, { 1: waitsFor(actor.name) }));
      await actor.untilRunning(1);
      await actor.untilEventCount(HALFWAY.length);
      await actor.stage.crash();
      await actor.open();
      await eventually('the end of its Job', async () => {
        const jobs = await actor.namespace.jobs(actor.name);
        return jobs[1]?.status.completionTime;
      });
    },
    play: async (actor) => actor.untilFinished(),
    requests: {
      'LIST sequentialjobs': 2,
      'LIST cronsequentialjobs': 1,
      'LIST jobs': 1,
      'LIST pods': 1,
      'WATCH sequentialjobs': 1,
      'WATCH cronsequentialjobs': 1,
      'WATCH jobs': 1,
      'WATCH pods': 1,
      'POST jobs': 1,
      [STATUS]: 2,
    },
    ending: completed(3, [...STARTED, ...JOB, ...JOB]),
  },
];

/** The scenarios, as they go on this server. */
export const scenariosOn = (server: Server): readonly Scenario[] =>
  [...SCENARIOS, suspension(server), ...finallyScenariosOn(server)].map(withDefaults);
