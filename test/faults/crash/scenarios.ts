/** What users do with sequences, how those end, and with which requests of the controller. */
import { CONFIG_MAPS } from '../../../shared/kube/resources.ts';
import { eventually } from '../../support/eventually.ts';
import type { Server } from '../../support/server-features.ts';
import { FOREVER, needs, sequence, step, waitsFor, waitsOrStops, withConfigMap } from '../../support/sequences.ts';
import type { Actor } from './actor.ts';

export interface Ending {
  /** Undefined: the object is gone, and all that was its. */
  readonly phase?: 'Completed' | 'Failed';
  /** `<index> <state> <exit code>`. */
  readonly steps: readonly string[];
  /** All Jobs that were ever made, in order; what follows the sequence's name and a dash. */
  readonly jobs: readonly string[];
  /** The Jobs of all Pods that were ever made, in their order; default: each Job has one. */
  readonly pods?: readonly string[];
  /** Reasons, each as often as it is told. */
  readonly events: readonly string[];
}

export interface Scenario {
  readonly name: string;
  /** Nobody was asked about the object when it was created. */
  readonly isBypassed?: true;
  /** The watch of Pods shows nothing, so that how a Pod failed has to be asked for: else chance decides. */
  readonly isBlind?: true;
  /** Requests that a controller sends for the first sequence only that needs them. */
  readonly once?: readonly string[];
  /** Before anything is counted or treated. After it the controller is started anew. */
  readonly prepare?: (actor: Actor) => Promise<void>;
  /** What has been told by then. */
  readonly prepared?: readonly string[];
  /** Resolves when the sequence has come to its end. */
  readonly play: (actor: Actor) => Promise<void>;
  /** How many of each kind the controller sends when all goes well. */
  readonly requests: Readonly<Record<string, number>>;
  readonly ending: Ending;
}

const JOB = ['JobStarted', 'JobCompleted'] as const;
const STARTED = ['SequenceStarted', ...JOB] as const;
const FAILED = ['JobStarted', 'JobFailed', 'SequenceFailed'] as const;

const HALFWAY = [...STARTED, 'JobStarted'] as const;

/** The events of a scenario as requests. */
function written({ prepared = [], ending }: Part): Readonly<Record<string, number>> {
  const groups = Map.groupBy(without(ending.events, prepared), (reason) => `POST events ${reason}`);
  return Object.fromEntries([...groups].map(([kind, list]) => [kind, list.length]));
}

/** What of a list is left without these, each of them once. */
export function without(list: readonly string[], others: readonly string[]): readonly string[] {
  const left = [...list];
  for (const other of others) {
    const index = left.indexOf(other);
    if (index !== -1) left.splice(index, 1);
  }
  return left;
}

interface Part extends Omit<Scenario, 'requests'> {
  /** Beside the events. */
  readonly requests: Readonly<Record<string, number>>;
}

const withEvents = (part: Part): Scenario => ({
  ...part,
  requests: { ...part.requests, ...written(part) },
});

const STATUS = 'PATCH sequentialjobs/status';
/** One before the first step, and one more after a resume or a restart. */
const PREFLIGHT = 'POST jobs (dry run)';

const SUSPENDED_AND_LET_GO = 'a suspension while a step runs, and its end';

/** The Job is suspended: its Pod goes, and another one comes when it is let go. */
const SUSPENSION: Part = {
  name: SUSPENDED_AND_LET_GO,
  play: async (actor) => {
    await actor.apply(actor.gated(sequence(2, { 0: waitsOrStops(actor.name) })));
    await actor.untilRunning(0);
    await actor.untilActive();
    await actor.patch({ suspend: true });
    await actor.until(({ phase }) => phase === 'Suspended');
    await actor.untilNoPods();
    await actor.open();
    await actor.patch({ suspend: false });
    await actor.untilFinished();
  },
  // One status write says that the step still runs, another that it does no longer.
  requests: { [PREFLIGHT]: 1, 'POST jobs': 2, 'PATCH jobs': 2, [STATUS]: 6 },
  ending: {
    phase: 'Completed',
    steps: ['0 Succeeded 0', '1 Succeeded 0'],
    jobs: ['0-s0', '1-s1'],
    pods: ['0-s0', '0-s0', '1-s1'],
    events: [...STARTED, 'Suspended', 'Resumed', ...JOB, 'SequenceCompleted'],
  },
};

/** The step comes to its end. The controller finds out once that the server (before 1.22) does not suspend Jobs. */
const SUSPENSION_OF_OLD: Part = {
  name: SUSPENDED_AND_LET_GO,
  once: ['PATCH jobs'],
  play: async (actor) => {
    await actor.apply(actor.gated(sequence(2, { 0: waitsFor(actor.name) })));
    await actor.untilRunning(0);
    await actor.patch({ suspend: true });
    await actor.until(({ observedGeneration }) => observedGeneration === 2);
    await actor.open();
    await actor.until(({ phase }) => phase === 'Suspended');
    await actor.patch({ suspend: false });
    await actor.untilFinished();
  },
  requests: { [PREFLIGHT]: 1, 'POST jobs': 2, 'PATCH jobs': 1, [STATUS]: 5 },
  ending: {
    phase: 'Completed',
    steps: ['0 Succeeded 0', '1 Succeeded 0'],
    jobs: ['0-s0', '1-s1'],
    events: [...STARTED, 'Suspended', 'Resumed', ...JOB, 'SequenceCompleted'],
  },
};

const partsOn = ({ suspendsJobs }: Server): readonly Part[] => [
  {
    name: 'a run to success',
    play: async (actor) => {
      await actor.apply(sequence(3));
      await actor.untilFinished();
    },
    requests: { [PREFLIGHT]: 1, 'POST jobs': 3, [STATUS]: 4 },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0', '1 Succeeded 0', '2 Succeeded 0'],
      jobs: ['0-s0', '1-s1', '2-s2'],
      events: [...STARTED, ...JOB, ...JOB, 'SequenceCompleted'],
    },
  },
  {
    name: 'a failure',
    isBlind: true,
    play: async (actor) => {
      await actor.apply(sequence(3, { 1: 'echo broken; exit 3' }));
      await actor.untilFinished();
    },
    requests: { [PREFLIGHT]: 1, 'POST jobs': 2, [STATUS]: 3, 'LIST pods': 1 },
    ending: {
      phase: 'Failed',
      steps: ['0 Succeeded 0', '1 Failed 3 broken', '2 Skipped'],
      jobs: ['0-s0', '1-s1'],
      events: [...STARTED, ...FAILED],
    },
  },
  {
    name: 'a failure that is passed over',
    isBlind: true,
    play: async (actor) => {
      await actor.apply(
        sequence(2, { 0: 'echo broken; exit 3' }, { stepPolicies: [{ name: 's0', onFailure: 'Continue' }] }),
      );
      await actor.untilFinished();
    },
    requests: { [PREFLIGHT]: 1, 'POST jobs': 2, [STATUS]: 3, 'LIST pods': 1 },
    ending: {
      phase: 'Completed',
      steps: ['0 Failed 3 broken', '1 Succeeded 0'],
      jobs: ['0-s0', '1-s1'],
      events: ['SequenceStarted', 'JobStarted', 'JobFailed', ...JOB, 'SequenceCompleted'],
    },
  },
  {
    name: 'a deletion while a step runs',
    play: async (actor) => {
      await actor.apply(sequence(2, { 1: FOREVER }));
      await actor.untilRunning(1);
      await actor.stage.namespace.delete(actor.name);
      await actor.untilGone();
    },
    requests: { [PREFLIGHT]: 1, 'POST jobs': 2, [STATUS]: 2, 'DELETE jobs': 2, 'PATCH sequentialjobs': 1 },
    ending: { steps: [], jobs: ['0-s0', '1-s1'], events: [...STARTED, 'JobStarted', 'CleanedUp'] },
  },
  {
    name: 'a resume of a failed sequence',
    isBlind: true,
    play: async (actor) => {
      await actor.apply(actor.gated(sequence(3, { 1: needs(actor.name) })));
      await actor.until(({ phase }) => phase === 'Failed');
      await actor.open();
      await actor.patch({ resume: 1 });
      await actor.until(({ phase }) => phase === 'Completed');
    },
    requests: { [PREFLIGHT]: 2, 'POST jobs': 4, [STATUS]: 7, 'LIST pods': 1 },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0', '1 Succeeded 0', '2 Succeeded 0'],
      jobs: ['0-s0', '1-s1', '1-s1-r1', '2-s2-r1'],
      events: [...STARTED, ...FAILED, 'Resumed', ...JOB, ...JOB, 'SequenceCompleted'],
    },
  },
  suspendsJobs ? SUSPENSION : SUSPENSION_OF_OLD,
  {
    name: 'a deadline that passes',
    isBlind: true,
    play: async (actor) => {
      await actor.apply(sequence(2, { 0: FOREVER }, { activeDeadlineSeconds: 2 }));
      await actor.untilFinished();
    },
    requests: { [PREFLIGHT]: 1, 'POST jobs': 1, 'PATCH jobs': 1, [STATUS]: 2, 'LIST pods': 1 },
    ending: {
      phase: 'Failed',
      steps: ['0 Failed', '1 Skipped'],
      jobs: ['0-s0'],
      events: ['SequenceStarted', ...FAILED],
    },
  },
  {
    name: 'a time to live',
    play: async (actor) => {
      await actor.apply(sequence(2, {}, { ttlSecondsAfterFinished: 1 }));
      await actor.untilGone();
    },
    requests: {
      [PREFLIGHT]: 1,
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
    name: 'a run past the webhook that needs a ConfigMap',
    isBypassed: true,
    play: async (actor) => {
      const configMap = `${actor.name}-token`;
      await actor.stage.namespace.createObject(CONFIG_MAPS, { metadata: { name: configMap }, data: { token: 'x' } });
      await actor.apply({ containers: [withConfigMap(step('s0'), configMap), step('s1')] });
      await actor.untilFinished();
    },
    requests: {
      'POST controllerrevisions': 1,
      'PATCH sequentialjobs': 1,
      'GET configmaps': 1,
      [PREFLIGHT]: 1,
      'POST jobs': 2,
      [STATUS]: 3,
    },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0', '1 Succeeded 0'],
      jobs: ['0-s0', '1-s1'],
      events: [...STARTED, ...JOB, 'SequenceCompleted'],
    },
  },
  {
    name: 'a start in the middle of a sequence',
    prepared: HALFWAY,
    prepare: async (actor) => {
      await actor.apply(actor.gated(sequence(3, { 1: waitsFor(actor.name) })));
      await actor.untilRunning(1);
      await actor.untilEventCount(HALFWAY.length);
      await actor.stage.crash();
      await actor.open();
      await eventually('the end of its Job', async () => {
        const jobs = await actor.stage.namespace.jobs(actor.name);
        return jobs[1]?.status.completionTime;
      });
    },
    play: async (actor) => actor.untilFinished(),
    requests: {
      'LIST sequentialjobs': 2,
      'LIST jobs': 1,
      'LIST pods': 1,
      'WATCH sequentialjobs': 1,
      'WATCH jobs': 1,
      'WATCH pods': 1,
      [PREFLIGHT]: 1,
      'POST jobs': 1,
      [STATUS]: 2,
    },
    ending: {
      phase: 'Completed',
      steps: ['0 Succeeded 0', '1 Succeeded 0', '2 Succeeded 0'],
      jobs: ['0-s0', '1-s1', '2-s2'],
      events: [...STARTED, ...JOB, ...JOB, 'SequenceCompleted'],
    },
  },
];

/** The scenarios, as they go on this server. */
export const scenariosOn = (server: Server): readonly Scenario[] => partsOn(server).map(withEvents);
