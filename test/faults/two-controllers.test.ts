/**
 * Two controllers that act at once: a leader that wakes up when another one leads, requests of it that arrive long after,
 * two that were never told of each other, and hand-overs under load. A step starts once in all of it.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect } from '@jest/globals';
import { kubeconfig } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { failsOnce, sequence } from '../support/sequences.ts';
import { shared } from '../support/share.ts';
import { expectSound, fault, inOrder, report, seconds, withFlakyWatch } from '../support/flaky-watch.ts';
import type { ProxyRequest } from '../support/api-server-proxy.ts';

/** A Lease expires 15 s after the last renewal was seen; a candidate looks every 2.4 s; the rest is a busy machine's. */
const TAKEOVER_S = 40;

const here = withFlakyWatch('two');

/** A candidate for the Lease of this test. */
const candidate = (config: string): Operator => Operator.candidate(config, here.namespace.name);

/** A leader behind the proxy, and one that stands by, without. The controller that every test gets makes room for them. */
async function pair(): Promise<{ readonly leader: Operator; readonly standby: Operator }> {
  await here.operator.end('SIGTERM');
  const leader = candidate(here.proxy.kubeconfig);
  await leader.untilSays('controller started', 60);
  const standby = candidate(kubeconfig());
  await standby.untilSays('standing by');
  return { leader, standby };
}

interface Held {
  /** What was held back, as `verb resource`. */
  readonly what: readonly string[];
  /** Sends on what was held back; from then on everything passes. */
  release(): void;
}

/** Holds back the requests that fit, until they are released. */
function hold(fits: (asked: ProxyRequest) => boolean): Held {
  const what: string[] = [];
  const gate = Promise.withResolvers<undefined>();
  here.proxy.treat = (asked) => {
    if (!fits(asked)) return undefined;
    what.push(`${asked.verb} ${asked.resource}`);
    return gate.promise;
  };
  return {
    what,
    release: () => {
      here.proxy.clear();
      gate.resolve(undefined);
    },
  };
}

/** The leader is stopped with its requests on the way; resolves when the other one leads and works. */
async function replace(leader: Operator, standby: Operator): Promise<void> {
  leader.signal('SIGSTOP');
  const since = performance.now();
  await standby.untilSays('controller started', TAKEOVER_S);
  report(`another leads after ${seconds(performance.now() - since)}`);
}

/** The old leader wakes up, sees what has become of its requests, and finds that it leads no more. */
async function wake(leader: Operator): Promise<void> {
  leader.signal('SIGCONT');
  await leader.untilSays('lost leadership');
  await leader.untilSays('standing by');
  expect(leader.output).not.toContain('internal error');
}

describe('a leader that is frozen, and continues while another one leads,', () => {
  fault(
    'starts nothing twice with requests that arrive late',
    async () => {
      const { leader, standby } = await pair();
      const { namespace, history } = here;
      await namespace.apply('record', here.gatedSteps(3));
      await namespace.apply('going', here.gatedSteps(1));
      await Promise.all(['record', 'going'].map((name) => namespace.untilRunning(name, 0)));
      // The first Job of a sequence, the Job that follows, the deletion of a Job.
      const held = hold(({ verb, resource }) => resource === 'batch/jobs' && (verb === 'create' || verb === 'delete'));
      await namespace.delete('going');
      await namespace.apply('first', sequence(2));
      await here.open(0);
      await eventually('what is held back', () => held.what.length >= 3);
      await replace(leader, standby);
      // The new one takes all of them further before the old requests arrive.
      await here.open(1);
      await eventually('the second step', () => history.events('record').includes('s1 completed'));
      await namespace.untilFinished('first');
      await namespace.untilGone('going');
      held.release();
      await wake(leader);
      await here.open(2);
      expect(held.what.toSorted()).toEqual(['create batch/jobs', 'create batch/jobs', 'delete batch/jobs']);
      await expectSound(here, 'record', 3);
      await expectSound(here, 'first', 2);
    },
    { seconds: 180 },
  );

  fault(
    'overwrites no status and takes no finalizer off with requests that arrive late',
    async () => {
      const { leader, standby } = await pair();
      const { namespace } = here;
      await namespace.apply('status', here.gatedSteps(2));
      await namespace.apply('going', sequence(1));
      await namespace.untilRunning('status', 0);
      await namespace.untilFinished('going');
      const held = hold(({ verb, resource }) => verb === 'patch' && resource.startsWith('batch.example.com/'));
      await namespace.delete('going');
      await here.open(0);
      await namespace.apply('begun', sequence(2));
      await eventually('what is held back', () => held.what.length >= 3);
      await replace(leader, standby);
      await here.open(1);
      await namespace.untilGone('going');
      await namespace.apply('going', sequence(1));
      const names = ['status', 'begun', 'going'];
      const before = await Promise.all(names.map((name) => namespace.untilFinished(name)));
      held.release();
      await wake(leader);
      const resource = 'patch batch.example.com/sequentialjobs';
      expect(held.what.toSorted()).toEqual([resource, `${resource}/status`, `${resource}/status`]);
      // The younger of the same name keeps its finalizer, too: nothing has changed at all.
      expect(await Promise.all(names.map((name) => namespace.get(name)))).toEqual(before);
      await expectSound(here, 'status', 2);
      await expectSound(here, 'begun', 2);
    },
    { slow: true, seconds: 180 },
  );

  fault(
    'leaves no Job behind where the sequence has gone meanwhile',
    async () => {
      const { leader, standby } = await pair();
      const { namespace } = here;
      const held = hold(({ verb, resource }) => verb === 'create' && resource === 'batch/jobs');
      await namespace.apply('gone', sequence(1));
      await eventually('what is held back', () => held.what.length === 1);
      await replace(leader, standby);
      await namespace.untilFinished('gone');
      await namespace.delete('gone');
      await namespace.untilGone('gone');
      held.release();
      await wake(leader);
      // The garbage collector takes what was made for an owner that does not exist any more.
      await namespace.untilNoJobs();
    },
    { slow: true, seconds: 180 },
  );
});

describe('two controllers without leader election in one namespace', () => {
  fault('run each step once, whatever happens to the sequences', async () => {
    const other = await Operator.start(kubeconfig(), here.namespace.name);
    const { namespace, history } = here;
    const count = shared(20, 5);
    const plain = Array.from({ length: count }, (_, i) => `plain-${i}`);
    await Promise.all(plain.map((name) => namespace.apply(name, sequence(3))));
    await namespace.apply('resumed', here.gated(sequence(2, { 0: failsOnce('resumed') })));
    await namespace.apply('suspended', here.gatedSteps(2));
    await namespace.untilRunning('suspended', 0);
    await namespace.patch('suspended', { spec: { suspend: true } });
    await namespace.until('resumed', ({ status }) => status?.phase === 'Failed');
    await namespace.patch('resumed', { spec: { resume: 1 } });
    await namespace.untilFinished('resumed');
    await namespace.patch('suspended', { spec: { suspend: false } });
    await here.open(0, 1);
    for (const name of plain) await expectSound(here, name, 3);
    await expectSound(here, 'suspended', 2);
    await namespace.until('resumed', ({ status }) => status?.phase === 'Completed');
    expect(history.events('resumed')).toEqual(['s0 started', 's0 failed', ...inOrder(2)]);
    await namespace.delete('resumed');
    await namespace.untilGone('resumed');
    for (const { output } of [here.operator, other]) {
      // Conflicts are no errors: each is seen as it is at the next reconcile.
      expect(output).not.toContain('internal error');
      expect(output).not.toContain('will retry');
    }
  });
});

describe('changes of leader', () => {
  fault(
    'under load lose no sequence and start no step twice',
    async () => {
      let { leader, standby } = await pair();
      const { namespace, history } = here;
      const names = Array.from({ length: shared(30, 10) }, () => `load-${randomBytes(3).toString('hex')}`);
      const scripts = Object.fromEntries(Array.from({ length: 4 }, (_, i) => [i, 'sleep 1']));
      await Promise.all(names.map((name) => namespace.apply(name, sequence(4, scripts))));
      const started = (): number => names.reduce((sum, name) => sum + history.events(name).length, 0);
      const all = names.length * inOrder(4).length;
      for (const [round, how] of (['SIGTERM', 'SIGKILL', 'SIGTERM'] as const).entries()) {
        await eventually('some work done', () => started() > (all * (round + 1)) / 6);
        await leader.end(how);
        leader = standby;
        await leader.untilSays('controller started', TAKEOVER_S);
        standby = candidate(kubeconfig());
        await standby.untilSays('standing by');
      }
      for (const name of names) await expectSound(here, name, 4);
      report(`${names.length} sequences of 4 steps through 3 hand-overs`);
    },
    { slow: true, seconds: 240 },
  );
});
