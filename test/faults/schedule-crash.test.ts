/**
 * Every request that a controller sends for a schedule goes wrong once, in every way: the controller dies before it or after
 * it, or lives on and the answer is bad or lost. There is one run for each time, and the schedule ends as if nothing had been.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller } from '../../controller/manager.ts';
import type { SchedulePolicy } from '../../shared/api/schedule.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import type { ApiClient, ApiRequest } from '../../shared/kube/client.ts';
import { ApiError } from '../../shared/kube/errors.ts';
import { withLeaderFence } from '../../shared/kube/leader-fence.ts';
import { markUncertainWrite } from '../../shared/kube/uncertain-write.ts';
import { createLog } from '../../shared/log.ts';
import { connect } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { describeRequest } from '../support/fake-api.ts';
import { intercept } from '../support/intercept.ts';
import { Namespace } from '../support/namespace.ts';
import { everyMinute, isIdle, RunHistory, Schedules } from '../support/scheduled.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { isChosen } from '../support/share.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const LIMIT_MS = 180_000;
const NAME = 'nightly';

/** What happens to a request; `*` stands for it. */
interface Injection {
  readonly says: string;
  readonly kills?: true;
  /** Only writes may fail so. */
  readonly onlyWrites?: true;
  readonly isCarriedOut?: true;
  readonly error: ApiError;
}

const ABORTED = new ApiError('Aborted', 'the controller is dead');
const BROKEN = new ApiError('ServerError', 'etcdserver: request timed out', { status: 500 });
const SILENCE = new ApiError('Timeout', 'no answer');
const BUSY = new ApiError('TooManyRequests', 'please try again later', { status: 429, retryAfterMs: 1_000 });
const CONFLICT = new ApiError('Conflict', 'the object has been modified', { status: 409 });

const INJECTIONS: readonly Injection[] = [
  { says: 'kills the controller before * is sent', kills: true, error: ABORTED },
  { says: 'kills the controller before the answer to *', kills: true, isCarriedOut: true, error: ABORTED },
  { says: 'answers 500 to *', error: BROKEN },
  { says: 'carries out * and answers 500', onlyWrites: true, isCarriedOut: true, error: BROKEN },
  { says: 'never answers *', error: SILENCE },
  { says: 'answers 429 to *', error: BUSY },
  { says: 'answers 409 to *', onlyWrites: true, error: CONFLICT },
];

/** The one request that goes wrong. */
interface Point {
  readonly kind: string;
  /** The how-manieth of its kind, from 1. */
  readonly number: number;
  readonly injection: Injection;
}

/** A schedule in a namespace of its own, with a controller that may die and is then followed by another one. */
class Trial {
  readonly clock = new VirtualClock();
  readonly namespace: Namespace;
  readonly schedules: Schedules;
  readonly counts = new Map<string, number>();
  isMet = false;
  isCounting = false;
  readonly #point: Point | undefined;
  readonly #clients: ApiClient[] = [];
  #controller: Controller | undefined;
  #fence = new AbortController();

  constructor(client: ApiClient, point: Point | undefined) {
    this.namespace = new Namespace(client, 'schedule-crash');
    this.schedules = new Schedules(this.namespace, this.clock);
    this.#point = point;
  }

  async start(): Promise<void> {
    const own = connect();
    this.#clients.push(own);
    this.#fence = new AbortController();
    const { signal } = this.#fence;
    const fenced = withLeaderFence(own, { mayAct: () => !signal.aborted, signal });
    this.#controller = new Controller({
      client: intercept(fenced, async (request, send) => this.#handle(request, send)),
      log: createLog({ level: 'silent', format: 'json' }),
      namespace: this.namespace.name,
      workers: 4,
      now: this.clock.now,
    });
    await this.#controller.start();
  }

  async close(): Promise<void> {
    await this.#controller?.stop();
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #handle(request: ApiRequest, send: () => Promise<unknown>): Promise<unknown> {
    const isAboutSchedule =
      /\/(cron)?sequentialjobs/.test(request.path) && !/limit/.test(JSON.stringify(request.query));
    const kind = describeRequest(request);
    // The status and the finalizer of a run are its own sequence's.
    if (!this.isCounting || !isAboutSchedule || kind.startsWith('PATCH sequentialjobs')) return send();
    const number = (this.counts.get(kind) ?? 0) + 1;
    this.counts.set(kind, number);
    if (this.isMet || this.#point?.kind !== kind || this.#point.number !== number) return send();
    this.isMet = true;
    const { kills, isCarriedOut, error } = this.#point.injection;
    if (isCarriedOut === true) await send();
    if (kills === true) this.#die();
    throw markUncertainWrite(request, error);
  }

  /** From now on nothing leaves the controller, as from a process that is gone; another one is started. */
  #die(): void {
    const dead = this.#controller;
    this.#fence.abort();
    dead?.abort();
    void dead?.stop();
    void this.start();
  }
}

interface Scenario {
  readonly name: string;
  readonly policy: Partial<SchedulePolicy>;
  readonly run: SequentialJobSpec;
  /** Plays two times of the schedule; resolves with the names of their runs. */
  readonly play: (trial: Trial) => Promise<readonly string[]>;
  /** How many of each kind a controller sends when all goes well. */
  readonly requests: Readonly<Record<string, number>>;
  readonly check: (trial: Trial, history: RunHistory, runs: readonly string[]) => Promise<void>;
}

const twice = async (next: () => Promise<string>): Promise<readonly string[]> => [await next(), await next()];

const SCENARIOS: readonly Scenario[] = [
  {
    name: 'two runs, of which the history keeps one',
    policy: { successfulJobsHistoryLimit: 1 },
    run: sequence(1),
    play: async ({ schedules }) => twice(async () => schedules.completeNext(NAME)),
    requests: {
      // The time, the UID and the end of each run.
      'PATCH cronsequentialjobs/status': 6,
      'GET cronsequentialjobs': 2,
      'POST sequentialjobs': 2,
      'DELETE sequentialjobs': 1,
    },
    check: async ({ schedules }, _, runs) => {
      await eventually('the deletion of the older run', async () => (await schedules.runs(NAME)).length === 1);
      expect(await schedules.runs(NAME)).toEqual(runs.slice(1));
      expect(isIdle((await schedules.get(NAME)).status ?? {})).toBe(true);
    },
  },
  {
    name: 'a run that is replaced',
    policy: { concurrencyPolicy: 'Replace' },
    run: sequence(1, { 0: FOREVER }),
    play: async ({ schedules, namespace }) =>
      twice(async () => {
        const run = await schedules.startNext(NAME);
        await namespace.untilRunning(run, 0);
        return run;
      }),
    requests: {
      // The time and the UID of each run, and that the second one waits.
      'PATCH cronsequentialjobs/status': 5,
      'GET cronsequentialjobs': 2,
      'GET sequentialjobs': 1,
      'POST sequentialjobs': 2,
      'DELETE sequentialjobs': 1,
    },
    check: async (_, history, [first = '']) => {
      const [old, young] = history.runs(NAME);
      expect(old?.deleted).toBeLessThan(young?.created ?? 0);
      const jobs = history.jobs(first);
      expect(jobs).toHaveLength(1);
      for (const { deleted } of jobs) expect(deleted).toBeLessThan(young?.created ?? 0);
      return Promise.resolve();
    },
  },
];

let client: ApiClient;
beforeAll(() => {
  client = connect();
});
afterAll(() => client.close());

async function play(scenario: Scenario, point?: Point): Promise<Trial> {
  const trial = new Trial(client, point);
  const { namespace, schedules } = trial;
  await namespace.create();
  await trial.start();
  await using history = await RunHistory.open(namespace);
  try {
    await schedules.apply(NAME, everyMinute(scenario.policy, scenario.run));
    trial.isCounting = true;
    const runs = await scenario.play(trial);
    await scenario.check(trial, history, runs);
    expect(history.runs(NAME).map(({ name }) => name)).toEqual(runs);
    await expectEvents(trial, runs, point?.injection.kills === true);
    trial.isCounting = false;
    await schedules.delete(NAME);
    await namespace.remove();
    return trial;
  } catch (error) {
    const runs = history.runs(NAME).map((run) => ({ run, jobs: history.jobs(run.name) }));
    throw new Error(`${String(error)}\nin ${namespace.name}: ${JSON.stringify(runs, undefined, 1)}`, { cause: error });
  } finally {
    await trial.close();
  }
}

/** Each start is told once; a process that dies between a write and its event loses the event. */
async function expectEvents({ namespace }: Trial, runs: readonly string[], mayLose: boolean): Promise<void> {
  const started = async (): Promise<readonly number[]> => {
    const events = await namespace.events(NAME, 'CronSequentialJob');
    const told = events.filter(({ reason }) => reason === 'RunStarted').map(({ message }) => message);
    return runs.map((run) => told.filter((message) => message.includes(`"${run}"`)).length);
  };
  if (!mayLose) await eventually('the event of each start', async () => !(await started()).includes(0));
  expect(Math.max(...(await started()))).toBeLessThanOrEqual(1);
}

function pointsOf({ name, requests }: Scenario): readonly (Point & { readonly says: string })[] {
  return Object.entries(requests)
    .flatMap(([kind, count]) => Array.from({ length: count }, (_, i) => ({ kind, number: i + 1 })))
    .flatMap(({ kind, number }) =>
      INJECTIONS.filter(({ onlyWrites }) => onlyWrites !== true || !kind.startsWith('GET')).map((injection) => ({
        kind,
        number,
        injection,
        says: injection.says.replace('*', `${kind} #${number}`),
      })),
    )
    .filter(({ says }) => isChosen(`${name}: ${says}`));
}

describe.each(SCENARIOS)('$name', (scenario) => {
  it('sends these requests without a fault', async () => {
    const { counts } = await play(scenario);
    expect(Object.fromEntries(counts)).toEqual(scenario.requests);
  });

  const points = pointsOf(scenario);
  // Of a very small share there may be none.
  if (points.length === 0) return;
  it.concurrent.each(points)(
    'has one run for each time when the connection $says',
    async (point) => {
      const trial = await play(scenario, point);
      expect(trial.isMet).toBe(true);
    },
    LIMIT_MS,
  );
});
