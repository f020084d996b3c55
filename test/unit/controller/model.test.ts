/**
 * Random worlds: Jobs that succeed, fail or are deleted, watches that lag, requests that fail before or after they
 * were carried out, processes that die. Whatever happens, in whatever order: each step gets one Job, one after the
 * other, and when the world calms down the status says what was.
 */
import assert from 'node:assert/strict';
import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { EventRecorder } from '../../../controller/events.ts';
import { reconcile, type ReconcilerDeps } from '../../../controller/reconcile.ts';
import { toObservedJob, toSequentialJob } from '../../../controller/transform.ts';
import { type ObservedJob, outcomeOf, sequentialJobOwner } from '../../../shared/api/job.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { Cache } from '../../../shared/kube/cache.ts';
import { isApiError } from '../../../shared/kube/errors.ts';
import { FakeApi, fault, jobPath } from '../../support/fake-api.ts';
import { completed, container, failed, jobCondition, NAMESPACE, NOW_MS, sequentialJob } from '../../support/objects.ts';

const KEY = `${NAMESPACE}/etl`;
const CODES = ['ServerError', 'Timeout', 'Conflict', 'Unreachable'] as const;

class World {
  readonly api = new FakeApi();
  readonly #outcomes: readonly boolean[];
  #deps: ReconcilerDeps;
  #created = 0;
  #nowMs = NOW_MS;
  /** A Job that its step's record names was deleted before it ended. */
  lost = false;

  constructor(outcomes: readonly boolean[]) {
    this.#outcomes = outcomes;
    const { finalizers: _, ...metadata } = sequentialJob().metadata;
    const containers = outcomes.map((_, i) => container(`s${i}`));
    this.api.putSequentialJob({ ...sequentialJob(), metadata, spec: { containers } });
    this.#deps = this.#process();
    this.syncAll();
  }

  #process(): ReconcilerDeps {
    const events: Pick<EventRecorder, 'emit'> = { emit: () => undefined };
    return {
      client: this.api.client,
      sequentialJobs: new Cache<SequentialJob>(),
      jobs: new Cache<ObservedJob>((job) => sequentialJobOwner(job)?.uid),
      events: events as EventRecorder,
      doubtful: new Set<string>(),
      now: () => (this.#nowMs += 1000),
    };
  }

  get object(): SequentialJob {
    const object = this.api.sequentialJob(NAMESPACE, 'etl');
    if (object === undefined) throw new Error('the object is gone');
    return object;
  }

  job(index: number): ObservedJob | undefined {
    const found = this.api.get(jobPath(NAMESPACE, `etl-${index}-s${index}`));
    return found === undefined ? undefined : toObservedJob(found);
  }

  /** The process dies; the next one lists everything. */
  crash(): void {
    this.#deps = this.#process();
    this.syncAll();
  }

  syncAll(): void {
    this.syncObject();
    this.syncJobs();
  }

  syncObject(): void {
    this.#deps.sequentialJobs.observe(toSequentialJob(this.object));
  }

  /** The watch of Jobs catches up, deletions included. */
  syncJobs(): void {
    const jobs = this.api.jobs().map(toObservedJob);
    const there = new Set(jobs.map(({ metadata }) => metadata.uid));
    for (const known of this.#deps.jobs.values()) if (!there.has(known.metadata.uid)) this.#deps.jobs.remove(known);
    for (const job of jobs) this.#deps.jobs.observe(job);
  }

  /** The Job controller's part: a Job goes on by one stage. */
  advance(): void {
    for (const [index, succeeds] of this.#outcomes.entries()) {
      const job = this.job(index);
      if (job === undefined || outcomeOf(job).type !== 'running') continue;
      const early = succeeds ? 'SuccessCriteriaMet' : 'FailureTarget';
      const isEnding = job.status.conditions?.some(({ type }) => type === early) === true;
      const end = succeeds ? completed(60) : failed(60);
      this.api.setJobStatus(
        jobPath(NAMESPACE, job.metadata.name),
        isEnding ? end : { active: 1, conditions: [jobCondition(early)] },
      );
    }
  }

  /** Somebody deletes the Job that the status says is running. */
  deleteRunning(): void {
    const running = this.object.status?.steps?.find(({ state }) => state === 'Running');
    const job = running === undefined ? undefined : this.job(running.index);
    if (job === undefined || running?.jobUID !== job.metadata.uid || outcomeOf(job).type !== 'running') return;
    this.api.remove(jobPath(NAMESPACE, job.metadata.name));
    this.lost = true;
  }

  failNext(skip: number, code: (typeof CODES)[number], after: boolean): void {
    const at = this.api.client.requests.length + skip;
    this.api.intercept = (_, number) => (number === at ? fault(code, after) : undefined);
  }

  async visit(): Promise<void> {
    try {
      await reconcile(KEY, this.#deps);
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
    this.#check();
  }

  /** After each visit: no step has a second Job, and none began before the one before it had completed. */
  #check(): void {
    const posts = this.api.done.filter((one) => one === 'POST jobs').length;
    const steps = this.object.status?.steps ?? [];
    assert.ok(posts - this.#created <= 1, 'two Jobs were created in one visit');
    if (posts > this.#created) {
      assert.ok(this.job(posts - 1) !== undefined, 'the Job that was created is not that of the next step');
      const before = posts > 1 ? this.job(posts - 2) : undefined;
      const isOver = posts === 1 || (before !== undefined && outcomeOf(before).type === 'succeeded');
      assert.ok(isOver, 'a step began before the one before it had completed');
    }
    assert.ok(steps.length <= posts, 'a step is recorded that has no Job');
    assert.ok(steps.filter(({ state }) => state === 'Running').length <= 1, 'two steps run');
    this.#created = posts;
  }

  get created(): number {
    return this.#created;
  }
}

type Move = (world: World) => void | Promise<void>;

const visit: Move = (world) => world.visit();
const move: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Move>(visit) },
  { weight: 4, arbitrary: fc.constant<Move>((world) => world.advance()) },
  { weight: 3, arbitrary: fc.constant<Move>((world) => world.syncJobs()) },
  { weight: 3, arbitrary: fc.constant<Move>((world) => world.syncObject()) },
  { weight: 2, arbitrary: fc.constant<Move>((world) => world.crash()) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(2), fc.constantFrom(...CODES), fc.boolean()).map(
      ([skip, code, after]): Move =>
        (world) =>
          world.failNext(skip, code, after),
    ),
  },
);
const deletion: fc.Arbitrary<Move> = fc.constant((world) => world.deleteRunning());

async function calm(world: World, steps: number): Promise<void> {
  world.api.intercept = () => undefined;
  for (let i = 0; i < 3 * steps + 6; i++) {
    world.advance();
    world.syncAll();
    await world.visit();
  }
}

async function play(outcomes: readonly boolean[], moves: readonly Move[]): Promise<World> {
  const world = new World(outcomes);
  for (const one of moves) await one(world);
  await calm(world, outcomes.length);
  return world;
}

const outcomes = fc.array(
  fc.boolean().map((fails) => !fails),
  { minLength: 1, maxLength: 5 },
);

it('each step gets one Job, in order, until one fails or all have completed', async () => {
  await fc.assert(
    fc.asyncProperty(outcomes, fc.array(move, { maxLength: 40 }), async (wanted, moves) => {
      const world = await play(wanted, moves);
      const failing = wanted.indexOf(false);
      const { status } = world.object;
      expect(status?.phase).toBe(failing === -1 ? 'Completed' : 'Failed');
      expect(world.created).toBe(failing === -1 ? wanted.length : failing + 1);
      expect(status?.steps?.map(({ state }) => state === 'Succeeded')).toEqual(wanted.slice(0, world.created));
    }),
    { numRuns: 300 },
  );
});

it('a Job that is deleted is not made a second time', async () => {
  const moves = fc.array(fc.oneof({ weight: 8, arbitrary: move }, { weight: 1, arbitrary: deletion }), {
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(outcomes, moves, async (wanted, some) => {
      const world = await play(wanted, some);
      const { status } = world.object;
      const failing = wanted.indexOf(false);
      if (!world.lost) expect(status?.phase).toBe(failing === -1 ? 'Completed' : 'Failed');
      else
        expect(status).toMatchObject({
          phase: 'Failed',
          progress: { failureReason: 'JobDeleted', failedIndex: world.created - 1 },
        });
    }),
    { numRuns: 300 },
  );
});
