/**
 * No two containers of a sequence run at once, also where Pods take their grace period: the containers themselves write down
 * when they ran. All scenarios run side by side, first with a controller that lives and then with one that is killed.
 *
 * Kubernetes before 1.29 replaces a Pod that is being deleted while it still runs. There two attempts of one step may overlap;
 * two steps, or a failed attempt and what a resume starts, never do.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { SequentialJob, StepSettings } from '../../shared/api/types.ts';
import { collectionPath } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { PODS } from '../support/cluster.ts';
import { ContainerRuns, overlaps, overlapsOfJobs, type Run } from '../support/container-runs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { condition } from '../support/cluster.ts';
import { withRealPods } from '../support/real-pods.ts';
import { serverOfTests } from '../support/server-features.ts';

const server = await serverOfTests();

/** How long a container that has been told to stop runs on, once everything is done that could start another. */
const SLOW_END_S = 20;
/** The same, counted from when the controller that was killed is back. */
const SLOW_END_AFTER_KILL_S = 8;

interface Scenario {
  readonly says: string;
  /** Of the first step. */
  readonly settings?: StepSettings;
  /** What is done while the container of the first step runs; Kubernetes then tells it to stop. */
  readonly disrupt: (name: string) => Promise<void>;
  /** What is done while that container ends. */
  readonly meanwhile?: (name: string) => Promise<void>;
  /** The container is not told to stop: it runs until it succeeds. */
  readonly isLeftAlone?: true;
  /** What is done when the container may stop. */
  readonly afterwards?: (name: string) => Promise<void>;
  /** Of which Jobs there were containers, without the name of the sequence, by their start. */
  readonly jobs: readonly string[];
  /** The Job controller of this server may start the second attempt of the first step before the first has ended. */
  readonly attemptsMayOverlap?: boolean;
}

const cluster = withRealPods('overlap');
const { namespace } = cluster;
const runs = new ContainerRuns(temporaryFolder());

const patch = async (name: string, spec: object): Promise<unknown> => namespace.patch(name, { spec });

/** As `kubectl drain` does it. */
async function evict(name: string): Promise<void> {
  const { metadata } = await cluster.untilPodRuns(name);
  await namespace.client.request({
    method: 'POST',
    path: `${collectionPath(PODS, namespace.name)}/${metadata.name}/eviction`,
    body: {
      apiVersion: server.minor >= 22 ? 'policy/v1' : 'policy/v1beta1',
      kind: 'Eviction',
      metadata: { name: metadata.name, namespace: namespace.name },
    },
  });
}

async function deletePod(name: string): Promise<void> {
  const { metadata } = await cluster.untilPodRuns(name);
  await cluster.kubectl('delete', 'pod', metadata.name, '--wait=false');
}

async function deleteJob(name: string, cascade: 'background' | 'orphan'): Promise<void> {
  await cluster.kubectl('delete', 'job', `${name}-0-s0`, `--cascade=${cascade}`, '--wait=false');
  await namespace.untilPhase(name, 'Failed');
}

/** A server of 1.31 or newer says that a Job has failed when its Pods have ended, an older one before that. */
async function runOutOfTime(name: string): Promise<void> {
  await patch(name, { activeDeadlineSeconds: 1 });
  if (!server.announcesEnds) await namespace.untilPhase(name, 'Failed');
}

/** Has the container of the first step told to stop: by the suspension, or by hand where the server cannot suspend Jobs. */
async function suspend(name: string): Promise<void> {
  await patch(name, { suspend: true });
  if (!server.suspendsJobs) await evict(name);
}

const letNewOnesSucceed = async (name: string): Promise<void> => runs.permit(name, 'may-succeed');

/** Only what has failed can be resumed. */
async function resume(name: string): Promise<void> {
  await namespace.untilPhase(name, 'Failed');
  await letNewOnesSucceed(name);
  await patch(name, { resume: 1, activeDeadlineSeconds: 600 });
}

const TWICE = ['0-s0', '0-s0', '1-s1'];
const RESUMED = ['0-s0', '0-s0-r1', '1-s1-r1'];

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  evicted: {
    says: 'the Pod of a step is evicted',
    disrupt: evict,
    meanwhile: letNewOnesSucceed,
    jobs: TWICE,
    attemptsMayOverlap: !server.knowsPodReplacementPolicy,
  },
  'pod-deleted': {
    says: 'the Pod of a step is deleted',
    disrupt: deletePod,
    meanwhile: letNewOnesSucceed,
    jobs: TWICE,
    attemptsMayOverlap: !server.knowsPodReplacementPolicy,
  },
  suspended: {
    says: 'a sequence is suspended, and suspended is what it says only when the container has ended',
    disrupt: suspend,
    meanwhile: letNewOnesSucceed,
    afterwards: async (name) => {
      const isSuspended = (one: SequentialJob): boolean => condition(one, 'Suspended')?.status === 'True';
      await namespace.until(name, isSuspended);
      expect((await runs.of(name)).filter(({ hasEnded }) => !hasEnded)).toEqual([]);
      await patch(name, { suspend: false });
    },
    jobs: TWICE,
    attemptsMayOverlap: !server.suspendsJobs,
  },
  unsuspended: {
    says: 'a sequence is suspended and goes on while its container ends',
    disrupt: suspend,
    meanwhile: async (name) => {
      await letNewOnesSucceed(name);
      await patch(name, { suspend: false });
    },
    jobs: TWICE,
    attemptsMayOverlap: !server.suspendsJobs,
  },
  'job-deleted': {
    says: 'the Job of a step is deleted and the sequence resumed',
    disrupt: async (name) => deleteJob(name, 'background'),
    meanwhile: resume,
    jobs: RESUMED,
  },
  'job-orphaned': {
    says: 'the Job of a step is deleted without its Pod, and the sequence resumed',
    disrupt: async (name) => deleteJob(name, 'orphan'),
    meanwhile: async (name) => void (await patch(name, { resume: 1 })),
    isLeftAlone: true,
    afterwards: letNewOnesSucceed,
    jobs: RESUMED,
  },
  overdue: {
    says: 'the time of the sequence is up and the sequence is resumed',
    disrupt: runOutOfTime,
    ...(server.announcesEnds ? { afterwards: resume } : { meanwhile: resume }),
    jobs: RESUMED,
  },
  'passed-over': {
    says: 'the time of a step is up that has onFailure: Continue',
    settings: { onFailure: 'Continue' },
    disrupt: async (name) => {
      const limit = '--patch={"spec":{"activeDeadlineSeconds":1}}';
      await cluster.kubectl('patch', 'job', `${name}-0-s0`, '--type=merge', limit);
    },
    meanwhile: letNewOnesSucceed,
    jobs: ['0-s0', '1-s1'],
  },
};

/** All scenarios side by side, stage by stage, under names of their own. One that fails does not keep the others from going on. */
class Batch {
  readonly #suffix: string;
  readonly #failures = new Map<string, unknown>();

  constructor(suffix: string) {
    this.#suffix = suffix;
  }

  nameOf(key: string): string {
    return `${key}-${this.#suffix}`;
  }

  async all(stage: (name: string, scenario: Scenario) => Promise<unknown>): Promise<void> {
    const one = async ([key, scenario]: readonly [string, Scenario]): Promise<void> => {
      if (this.#failures.has(key)) return;
      try {
        await stage(this.nameOf(key), scenario);
      } catch (error) {
        this.#failures.set(key, error);
      }
    };
    await Promise.all(Object.entries(SCENARIOS).map(one));
  }

  rethrow(key: string): void {
    if (this.#failures.has(key)) throw this.#failures.get(key);
  }
}

/** Lets the containers run on for so long, in which nothing that waits for their end may happen. */
async function runOn(name: string, seconds: number): Promise<void> {
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const object = await namespace.get(name);
    expect({ name, suspended: condition(object, 'Suspended')?.status }).not.toMatchObject({ suspended: 'True' });
    expect(object.status?.phase).not.toBe('Completed');
    await sleep(200);
  }
}

async function run(batch: Batch, isKilled: boolean): Promise<void> {
  await batch.all(async (name, { settings }) => {
    await namespace.apply(name, runs.spec(name, settings));
    await runs.untilStarted(name);
    await namespace.untilRunning(name, 0);
  });
  await batch.all(async (name, { disrupt, isLeftAlone }) => {
    await disrupt(name);
    if (isLeftAlone !== true) await runs.untilTold(name);
  });
  if (isKilled) await cluster.kill();
  await batch.all(async (name, { meanwhile }) => meanwhile?.(name));
  if (isKilled) await cluster.startAgain();
  await batch.all(async (name) => runOn(name, isKilled ? SLOW_END_AFTER_KILL_S : SLOW_END_S));
  await batch.all(async (name) => runs.permit(name, 'may-stop'));
  await batch.all(async (name, { afterwards }) => afterwards?.(name));
  await batch.all(async (name) => namespace.untilPhase(name, 'Completed'));
}

/** How long the slowest container took to end. */
const slowestEnd = (all: readonly Run[]): number => Math.max(...all.map(({ toldAt, to }) => to - (toldAt ?? to)));

describe.each([
  ['a controller that lives', false],
  ['a controller that is killed while containers end', true],
])('with %s, no two containers run at once', (_, isKilled) => {
  const batch = new Batch(isKilled ? 'killed' : 'lives');

  beforeAll(async () => run(batch, isKilled), 240_000);

  it.each(Object.entries(SCENARIOS).map(([key, { says }]) => [says, key]))('when %s', async (_says, key) => {
    batch.rethrow(key);
    const { jobs, isLeftAlone, attemptsMayOverlap } = SCENARIOS[key] as Scenario;
    const name = batch.nameOf(key);
    const { status } = await namespace.get(name);
    expect(status?.phase).toBe('Completed');

    const all = await runs.of(name);
    expect(all.map(({ job }) => job)).toEqual(jobs.map((one) => `${name}-${one}`));
    expect(all.every(({ hasEnded }) => hasEnded)).toBe(true);
    if (isLeftAlone !== true) expect(slowestEnd(all)).toBeGreaterThan(isKilled ? SLOW_END_AFTER_KILL_S : SLOW_END_S);
    expect(overlapsOfJobs(all)).toEqual([]);
    if (attemptsMayOverlap !== true) expect(overlaps(all)).toEqual([]);
  });
});
