/** Another leader takes over in front of thousands of sequences: how long until it works (docs/adr/0009-leadership.md). */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sleep } from '../../shared/sleep.ts';
import { Operator } from '../support/operator.ts';
import { shared } from '../support/share.ts';
import { total } from '../support/metrics.ts';
import { report } from './report.ts';
import { SequenceRunner } from './sequence-runner.ts';
import { startLoadControlPlane, type LoadControlPlane } from './control-plane.ts';

const SEQUENCES = shared(10_000, 300);
const STEPS = 2;
/** From the Lease to the work. Generous: it takes a few seconds with all of them. */
const LISTS_BOUND_MS = 30_000;
/** A Lease expires 15 s after its last renewal was seen, a candidate looks every 2.4 s, the lists, and a busy machine. */
const TAKEOVER_S = 90;

let world: LoadControlPlane;
let runner: SequenceRunner;
let leader: Operator;

function candidate(): Operator {
  const election = ['--leader-elect', '--leader-election-namespace=kube-system', '--metrics-port=0'];
  return Operator.spawn(['run', '--role=controller', `--kubeconfig=${world.kubeconfig}`, ...election]);
}

/** When it said so, in Unix milliseconds, by its own log. */
function saidAt({ output }: Operator, message: string): number {
  const line = output.split('\n').find((one) => one.includes(`"msg":"${message}"`)) ?? '{}';
  return Date.parse((JSON.parse(line) as { readonly time?: string }).time ?? '');
}

async function residentMb(operator: Operator): Promise<number> {
  return total(await operator.metrics(), 'process_resident_memory_bytes') / 1e6;
}

beforeAll(async () => {
  world = await startLoadControlPlane();
  leader = candidate();
  await leader.untilSays('controller started', 60);
  runner = await SequenceRunner.create(world.connect(), 'handover', STEPS);
  await runner.createMany(SEQUENCES);
  await runner.untilCount(SEQUENCES);
}, 900_000);

afterAll(async () => {
  await Operator.endAll();
  await runner.stop();
  await world.end();
});

describe(`a hand-over with ${SEQUENCES} sequences of ${STEPS} steps on record`, () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'after %s the next one lists them all and works, and no step is started twice',
    async (how) => {
      const standby = candidate();
      await standby.untilSays('standing by', 60);
      await sleep(1_000);
      const memory = [await residentMb(leader), await residentMb(standby)].map((mb) => mb.toFixed(0));
      const since = Date.now();
      await leader.end(how);
      await standby.untilSays('controller started', TAKEOVER_S);
      const [led, works] = ['became leader', 'controller started'].map((message) => saidAt(standby, message));
      const listMs = (works ?? NaN) - (led ?? NaN);
      report(
        `${how}: leads after ${(led ?? NaN) - since} ms, works ${listMs} ms later; ` +
          `${memory.join(' MB as the leader, ')} MB on standby`,
      );
      expect(listMs).toBeLessThan(LISTS_BOUND_MS);
      leader = standby;
      await runner.runOne(`after-${how.toLowerCase()}`);
      expect(await runner.verdict()).toMatchObject({ notCompleted: 0, wrongSteps: 0 });
    },
    240_000,
  );
});
