/** Two operators and one Lease: one leads and the other stands by, whatever happens to the leader. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isApiError } from '../../shared/kube/errors.ts';
import { type Lease, LeaseStore, toMicroTime } from '../../shared/kube/leader-election/leases.ts';
import { LEASES, objectPath } from '../../shared/kube/resources.ts';
import { kubeconfig } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { Operator } from '../support/operator.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { sequence } from '../support/sequences.ts';
import { withNamespace } from '../support/with-controller.ts';

const NAME = 'sequentialjob-controller';
/** The Lease expires 15 s after its last renewal was seen, which may be 2.4 s after it was made; the rest is a busy machine's. */
const EXPIRY_MS = 21_000;
/** A candidate looks every 2 to 2.4 s. */
const RELEASED_MS = 6_000;

const { client, namespace } = withNamespace('leadership');
const candidate = (): Operator => Operator.candidate(kubeconfig(), namespace.name);

async function lease(): Promise<Lease['spec']> {
  const path = objectPath(LEASES, namespace.name, NAME);
  return (await client.request<Lease>({ method: 'GET', path })).spec;
}

describe('two operators', () => {
  let leader: Operator;
  let standby: Operator;

  beforeEach(async () => {
    leader = candidate();
    await leader.untilSays('controller started', 60);
    standby = candidate();
    await standby.untilSays('standing by');
  });

  afterEach(async () => {
    await Operator.endAll();
    await namespace.deleteObject(LEASES, NAME);
  });

  /** Resolves when the standby leads, with how long that took in milliseconds. */
  async function takeover(since = performance.now()): Promise<number> {
    await standby.untilSays('became leader', 60);
    return performance.now() - since;
  }

  /** Starts a sequence and resolves when its second step runs. */
  async function start(name: string, steps: number): Promise<void> {
    const scripts = Object.fromEntries(Array.from({ length: steps - 1 }, (_, i) => [i + 1, 'sleep 2']));
    await namespace.apply(name, sequence(steps, scripts));
    await namespace.untilRunning(name, 1);
  }

  /** The sequence completes, with one Job for each step, and no event is written twice. */
  async function expectOnce(name: string, steps: number, uids: SeenJobUIDs): Promise<void> {
    await namespace.untilCompleted(name);
    const names = Array.from({ length: steps }, (_, i) => `${name}-${i}-s${i}`);
    expect(await uids.stop()).toEqual(Object.fromEntries(names.map((each) => [each, 1])));
    const events = (await namespace.recordedEvents(name)).map(([reason, message]) => `${reason}: ${message}`);
    expect(events).toEqual([...new Set(events)]);
  }

  it('only one of them reconciles, and the Lease names the leader', async () => {
    expect(leader.says('became leader')).toBe(true);
    expect(standby.says('became leader')).toBe(false);
    expect(standby.says('controller started')).toBe(false);
    const spec = await lease();
    const microTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(spec).toEqual({
      holderIdentity: expect.stringMatching(/_[0-9a-f-]{36}$/),
      leaseDurationSeconds: 15,
      acquireTime: microTime,
      renewTime: microTime,
      leaseTransitions: 0,
    });
    expect(standby.says(`"leader":"${spec?.holderIdentity}"`)).toBe(true);
  });

  it('complete a sequence whose leader is killed while a step runs', async () => {
    await using uids = new SeenJobUIDs(namespace, 'killed');
    await start('killed', 3);
    await leader.end('SIGKILL');
    expect(await takeover()).toBeLessThan(EXPIRY_MS);
    await expectOnce('killed', 3, uids);
    expect(await lease()).toMatchObject({ leaseTransitions: 1 });
  });

  it('the leader changes at once on SIGTERM', async () => {
    await using uids = new SeenJobUIDs(namespace, 'terminated');
    await start('terminated', 3);
    const since = performance.now();
    expect(await leader.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(leader.says('released the Lease')).toBe(true);
    expect(await takeover(since)).toBeLessThan(RELEASED_MS);
    await expectOnce('terminated', 3, uids);
  });

  it('complete a sequence whose leader is frozen and continues later', async () => {
    await using uids = new SeenJobUIDs(namespace, 'frozen');
    await start('frozen', 6);
    leader.signal('SIGSTOP');
    expect(await takeover()).toBeLessThan(EXPIRY_MS);
    const other = (await lease())?.holderIdentity;
    await namespace.until('frozen', ({ status }) => status?.steps?.[2]?.state === 'Running');
    leader.signal('SIGCONT');
    await leader.untilSays('lost leadership');
    await leader.untilSays(`"leader":"${other}"`);
    await expectOnce('frozen', 6, uids);
    expect((await lease())?.holderIdentity).toBe(other);
    // It is still a candidate.
    await standby.end('SIGTERM');
    await eventually('the first leads again', () => leader.count('became leader') === 2, 30);
    await eventually('and works', () => leader.count('controller started') === 2, 30);
  });
});

describe('a Lease on the API server', () => {
  const limits = { timeoutMs: 5_000, signal: new AbortController().signal };
  const spec = { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: toMicroTime(0), leaseTransitions: 0 };
  const code = async (request: Promise<unknown>): Promise<string> =>
    request.then(
      () => 'done',
      (error: unknown) => (isApiError(error) ? error.code : 'no ApiError'),
    );

  it('accepts one of two concurrent writes, and a late write does not create it again', async () => {
    const store = new LeaseStore(client, namespace.name, 'guarded');
    const released = { ...spec, holderIdentity: '', leaseDurationSeconds: 1 };
    expect(await store.read(limits)).toBeUndefined();
    const first = await store.create(spec, limits);
    expect(await code(store.create(spec, limits))).toBe('AlreadyExists');
    const second = await store.replace(first, released, limits);
    expect(await code(store.replace(first, spec, limits))).toBe('Conflict');
    expect((await store.read(limits))?.spec).toEqual(released);
    await namespace.deleteObject(LEASES, 'guarded');
    expect(['Conflict', 'NotFound']).toContain(await code(store.replace(second, spec, limits)));
    expect(await store.read(limits)).toBeUndefined();
  });
});
