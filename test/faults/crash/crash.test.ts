/**
 * Every request that the controller sends in the life of a sequence goes wrong once, in every way: the process dies before
 * it or after it, or it lives on and the answer is bad, late or cut. The sequence ends as if nothing had been.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildRelease, type Release } from '../../../bench/release.ts';
import type { ApiClient } from '../../../shared/kube/client.ts';
import { BYPASSED } from '../../support/admission.ts';
import { connect } from '../../support/cluster.ts';
import { Operator } from '../../support/operator.ts';
import { serverOfTests } from '../../support/server-features.ts';
import { isChosen, isDrawn } from '../../support/share.ts';
import { Actor, type Version } from './actor.ts';
import { History } from './history.ts';
import { INJECTIONS } from './injections.ts';
import { expectEnding } from './invariants.ts';
import type { Scenario } from './scenario.ts';
import { scenariosOn } from './scenarios.ts';
import { type Point, Stage, Trial } from './stage.ts';
import { InjectionSummary } from './injection-summary.ts';
import { expectEvents } from './event-log.ts';

/** A list that is never answered is given up after a minute. */
const LIMIT_MS = 180_000;

let folder: string;
let client: ApiClient;
let release: Release;
let history: History;
const summary = new InjectionSummary();
let actors = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-release-'));
  client = connect();
  history = new History(client);
  [release] = await Promise.all([buildRelease(folder), history.start()]);
});

afterAll(async () => {
  try {
    process.stderr.write(`\n${summary.table()}\n`);
  } finally {
    await Operator.endAll();
    await history.stop();
    await client.close();
    await rm(folder, { recursive: true, force: true });
  }
});

async function openStage({ isBypassed, isBlind }: Scenario): Promise<Stage> {
  const labels = isBypassed === true ? BYPASSED : {};
  return Stage.open({ client, release, labels, isBlind: isBlind === true });
}

/** What is to happen to a request, where anything is. */
interface Case {
  readonly says: string;
  readonly version: Version;
  readonly point: Point;
}

/** How many of the sequences are created and changed in v1alpha1. */
const V1ALPHA1_SHARE = 1 / 3;

const versionOf = (trial: string): Version => (isDrawn(`version of ${trial}`, V1ALPHA1_SHARE) ? 'v1alpha1' : 'v1beta1');

function casesOf({ name, requests }: Scenario): readonly Case[] {
  return Object.entries(requests)
    .flatMap(([kind, count]) => Array.from({ length: count }, (_, i) => ({ kind, number: i + 1 })))
    .flatMap(({ kind, number }) =>
      INJECTIONS.filter(({ suits }) => suits(kind)).map((injection) => ({
        says: injection.says(`${kind} #${number}`),
        point: { kind, number, injection },
      })),
    )
    .filter(({ says }) => isChosen(`${name}: ${says}`))
    .map(({ says, point }) => ({ says, point, version: versionOf(`${name}: ${says}`) }));
}

/** Needs its own controller: because it is killed, or because what is counted is sent for the first sequence only. */
function isAlone({ prepare, once = [] }: Scenario, { kind, injection }: Point): boolean {
  return injection.kills || prepare !== undefined || once.includes(kind);
}

interface Played {
  readonly trial: Trial;
  readonly eventsLost: number;
}

/** Plays the scenario on a stage to its end. Gives the trial, and how many events were lost. */
async function play(scenario: Scenario, stage: Stage, version: Version, point?: Point): Promise<Played> {
  const trial = new Trial(point);
  const actor = new Actor(stage, `s${(actors += 1)}`, version);
  try {
    await scenario.prepare?.(actor);
    stage.begin(trial, point !== undefined && !isAlone(scenario, point) ? actor.name : undefined);
    if (scenario.prepare !== undefined) stage.restart();
    await scenario.play(actor);
    await expectEnding(actor, scenario.ending, history);
    if (scenario.ending.phase !== undefined) await actor.expectAsWritten();
    const eventsLost = await expectEvents(actor, scenario.ending, point);
    if (point === undefined) expect(Object.fromEntries(trial.counts)).toEqual(scenario.requests);
    return { trial, eventsLost };
  } catch (error) {
    throw new Error(`${actor.name} in ${stage.namespace.name}: ${String(error)}\n${stage.logOf(actor.name)}`, {
      cause: error,
    });
  }
}

describe.each(scenariosOn(await serverOfTests()))('$name', (scenario) => {
  const cases = casesOf(scenario);
  let shared: Promise<Stage> | undefined;

  afterAll(async () => {
    await (await shared)?.close();
  });

  const plain = versionOf(scenario.name);
  it(`sends these requests without a fault, created in ${plain}`, async () => {
    const stage = await openStage(scenario);
    try {
      await expect(play(scenario, stage, plain)).resolves.toBeDefined();
    } finally {
      await stage.close();
    }
  });

  // Of a very small share there may be none.
  if (cases.length === 0) return;
  it.concurrent.each(cases)(
    'created in $version, comes to its end when the proxy $says',
    async ({ point, version }) => {
      const alone = isAlone(scenario, point);
      const started = performance.now();
      const stage = await (alone ? openStage(scenario) : (shared ??= openStage(scenario)));
      let outcome = { passed: false, eventsLost: 0 };
      try {
        const { trial, eventsLost } = await play(scenario, stage, version, point);
        expect(trial.isMet).toBe(true);
        expect(stage.isRunning).toBe(true);
        outcome = { passed: true, eventsLost };
      } finally {
        const seconds = (performance.now() - started) / 1000;
        summary.add(scenario.name, { ...outcome, restarted: point.injection.kills, seconds });
        if (alone) await stage.close();
      }
    },
    LIMIT_MS,
  );
});
