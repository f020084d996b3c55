/** The model's newer Job controller writes what a real one was seen to write (1.36), in that order. */
import { expect, it } from '@jest/globals';
import { FakeApi, jobPath } from '../../support/fake-api.ts';
import { NAMESPACE, NOW_MS, observedJob } from '../../support/objects.ts';
import type { RawJob } from './model/cluster.ts';
import { NewerJobController } from './model/newer-job-controller.ts';
import type { Course } from './model/scenario.ts';

type Do = 'pods run' | 'jobs sync' | 'deleted' | 'evicted' | 'suspend' | 'let go' | 'time is up';

interface Case {
  readonly course?: Course;
  readonly spec?: Partial<RawJob['spec']>;
  readonly waitsForPods?: boolean;
  readonly does: readonly Do[];
  /** The status after each thing done, where it differs from the one before. */
  readonly writes: readonly string[];
}

const PATH = jobPath(NAMESPACE, observedJob(0).metadata.name);
const RUNNING: readonly Do[] = ['jobs sync', 'pods run'];
const ENDLESS: Course = { failures: 0, ends: false };

const CASES: Readonly<Record<string, Case>> = {
  'a Pod succeeds: SuccessCriteriaMet, and Complete once it is counted': {
    does: [...RUNNING, 'pods run', 'jobs sync', 'jobs sync'],
    writes: ['active', 'SuccessCriteriaMet', 'succeeded SuccessCriteriaMet Complete'],
  },
  'a Pod starts and terminates between two syncs: one status write reports both': {
    course: { failures: 1, ends: true },
    spec: { backoffLimit: 1 },
    does: ['jobs sync', 'pods run', 'pods run', 'jobs sync', 'jobs sync', 'jobs sync'],
    writes: ['active', '', 'failed', 'active failed'],
  },
  'the last Pod fails: FailureTarget, and Failed once it is counted': {
    course: { failures: 9, ends: true },
    spec: { backoffLimit: 0 },
    does: [...RUNNING, 'pods run', 'jobs sync', 'jobs sync'],
    writes: ['active', 'FailureTarget', 'failed FailureTarget Failed'],
  },
  'the deadline passes: FailureTarget, and Failed after the grace period of the Pod': {
    course: ENDLESS,
    spec: { activeDeadlineSeconds: 5 },
    does: [...RUNNING, 'time is up', 'jobs sync', 'jobs sync', 'pods run', 'pods run', 'jobs sync', 'jobs sync'],
    writes: [
      'active',
      'terminating FailureTarget',
      'terminating failed FailureTarget',
      'failed FailureTarget',
      'failed FailureTarget Failed',
    ],
  },
  'the deadline passes before 1.31: Failed at once, while the Pod terminates': {
    course: ENDLESS,
    spec: { activeDeadlineSeconds: 5 },
    waitsForPods: false,
    does: [...RUNNING, 'time is up', 'jobs sync', 'pods run', 'pods run', 'jobs sync'],
    writes: ['active', 'terminating failed Failed'],
  },
  'a Pod is deleted: it counts as failed, and is replaced while it terminates': {
    course: ENDLESS,
    does: [...RUNNING, 'deleted', 'jobs sync', 'jobs sync', 'jobs sync', 'pods run', 'pods run', 'jobs sync'],
    writes: ['active', 'terminating', 'terminating failed', 'active terminating failed', 'active failed'],
  },
  'a Pod is deleted with podReplacementPolicy: Failed: it is replaced after it has terminated': {
    course: ENDLESS,
    spec: { podReplacementPolicy: 'Failed' },
    does: [
      ...RUNNING,
      'deleted',
      'jobs sync',
      'jobs sync',
      'pods run',
      'pods run',
      'jobs sync',
      'jobs sync',
      'jobs sync',
    ],
    writes: ['active', 'terminating', '', 'failed', 'active failed'],
  },
  'the kubelet evicts a Pod: the Pod has failed': {
    course: ENDLESS,
    does: [...RUNNING, 'evicted', 'jobs sync', 'jobs sync', 'jobs sync'],
    writes: ['active', '', 'failed', 'active failed'],
  },
  'the Job is suspended: the Pod has its grace period and is not counted': {
    course: ENDLESS,
    does: [...RUNNING, 'suspend', 'jobs sync', 'pods run', 'pods run', 'jobs sync'],
    writes: ['active', 'terminating Suspended', 'Suspended'],
  },
  'the Job is unsuspended: the next Pod does not wait for the one that terminates': {
    course: ENDLESS,
    does: [...RUNNING, 'suspend', 'jobs sync', 'let go', 'jobs sync'],
    writes: ['active', 'terminating Suspended', 'active terminating'],
  },
};

class Stage {
  nowMs = NOW_MS;
  readonly api = new FakeApi();
  readonly cluster: NewerJobController;

  constructor({ course = { failures: 0, ends: true }, spec, waitsForPods = true }: Case) {
    this.cluster = new NewerJobController({
      api: this.api,
      now: () => this.nowMs,
      courseOf: () => course,
      onEnd: () => undefined,
      grace: 1,
      exitsCleanly: false,
      countsTerminating: true,
      waitsForPods,
    });
    this.api.putJob(observedJob(0, { status: {} }));
    this.#change(spec ?? {});
  }

  do(what: Do): void {
    if (what === 'pods run') this.cluster.runPods();
    else if (what === 'jobs sync') this.cluster.syncJobs();
    else if (what === 'suspend') this.#change({ suspend: true });
    else if (what === 'let go') this.#change({ suspend: false });
    else if (what === 'time is up') this.nowMs += 60_000;
    else this.cluster.disrupt(what);
  }

  /** What of the status is there, and is not zero or false. */
  status(): string {
    const { active, terminating, failed, succeeded, conditions = [] } = this.#job?.status ?? {};
    const counts = Object.entries({ active, terminating, failed, succeeded });
    const there = counts.flatMap(([name, count = 0]) => (count > 0 ? name : []));
    return [...there, ...conditions.flatMap(({ type, status }) => (status === 'True' ? type : []))].join(' ');
  }

  get #job(): RawJob | undefined {
    return this.api.get(PATH) as RawJob | undefined;
  }

  #change(spec: Partial<RawJob['spec']>): void {
    const job = this.#job;
    if (job !== undefined) this.api.put(PATH, { ...job, spec: { ...job.spec, ...spec } });
  }
}

it.each(Object.entries(CASES))('%s', (_, one) => {
  const stage = new Stage(one);
  const writes: string[] = [];
  for (const what of one.does) {
    stage.do(what);
    if (stage.status() !== (writes.at(-1) ?? '')) writes.push(stage.status());
  }
  expect(writes).toEqual(one.writes);
});
