/** Two operators over one Lease: one leads and the other stands by, whatever happens to the leader. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { type Lease, LeaseStore, toMicroTime } from '../../shared/kube/leader-election/leases.ts';
import { LEASES, objectPath } from '../../shared/kube/resources.ts';
import { connect, kubeconfig } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { SeenJobUIDs } from '../support/seen-job-uids.ts';
import { Operator } from '../support/operator.ts';
import { sequence } from '../support/sequences.ts';

const NAME = 'sequentialjob-controller';
/** The Lease is out 15 s after the last renewal was seen, which may be 2.4 s after it was made; the rest is a busy machine's. */
const EXPIRY_MS = 21_000;
/** A candidate looks every 2 to 2.4 s. */
const RELEASED_MS = 6_000;

let client: ApiClient;
let namespace: Namespace;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'leadership');
});

afterAll(async () => {
  const operator = await Operator.start(kubeconfig(), namespace.name);
  await namespace.remove();
  await operator.end('SIGTERM');
  await client.close();
});

function candidate(): Operator {
  return Operator.spawn([
    'run',
    '--role=controller',
    '--leader-elect',
    `--kubeconfig=${kubeconfig()}`,
    `--namespace=${namespace.name}`,
    `--leader-election-namespace=${namespace.name}`,
  ]);
}

/** Stops or continues the process; it does not end. */
const signal = (operator: Operator, name: 'SIGSTOP' | 'SIGCONT'): void => void operator.end(name);

async function lease(): Promise<Lease> {
  return client.request({ method: 'GET', path: objectPath(LEASES, namespace.name, NAME) });
}

async function holder(): Promise<string> {
  return (await lease()).spec?.holderIdentity ?? '';
}

describe('two operators', () => {
  let leader: Operator;
  let standby: Operator;

  beforeEach(async () => {
    leader = candidate();
    await leader.untilSays('controller started', 60);
    standby = candidate();
    await standby.untilSays('standing by');
  }, 90_000);

  afterEach(async () => {
    await Operator.endAll();
    await client.request({ method: 'DELETE', path: objectPath(LEASES, namespace.name, NAME) });
  });

  /** Resolves when the standby leads; says how long that took, in milliseconds. */
  async function takeover(since = performance.now()): Promise<number> {
    await standby.untilSays('became leader', 60);
    return performance.now() - since;
  }

  /** The sequence ran through, with one Job for each step, and nothing was told twice. */
  async function expectOnce(name: string, steps: number, uids: SeenJobUIDs): Promise<void> {
    const { status } = await namespace.untilFinished(name);
    expect(status).toMatchObject({ phase: 'Completed' });
    const names = Array.from({ length: steps }, (_, i) => `${name}-${i}-s${i}`);
    expect(await uids.stop()).toEqual(Object.fromEntries(names.map((each) => [each, 1])));
    const told = (await namespace.recordedEvents(name)).map(([reason, message]) => `${reason}: ${message}`);
    expect(told).toEqual([...new Set(told)]);
  }

  it('do not work both, and the Lease says who does', async () => {
    expect(leader.says('became leader')).toBe(true);
    expect(standby.says('became leader')).toBe(false);
    expect(standby.says('controller started')).toBe(false);
    expect((await lease()).spec).toEqual({
      holderIdentity: expect.stringMatching(/_[0-9a-f-]{36}$/),
      leaseDurationSeconds: 15,
      acquireTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      renewTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      leaseTransitions: 0,
    });
    expect(standby.says(`"leader":"${await holder()}"`)).toBe(true);
  });

  it('finish a sequence whose leader is killed in the middle', async () => {
    const uids = new SeenJobUIDs(namespace, 'killed');
    await namespace.apply('killed', sequence(3, { 1: 'sleep 2' }));
    await namespace.until('killed', ({ status }) => status?.steps?.[1]?.state === 'Running');
    await leader.end('SIGKILL');
    expect(await takeover()).toBeLessThan(EXPIRY_MS);
    await expectOnce('killed', 3, uids);
    expect((await lease()).spec).toMatchObject({ leaseTransitions: 1 });
  });

  it('hand over at once where the leader is told to end', async () => {
    const uids = new SeenJobUIDs(namespace, 'told');
    await namespace.apply('told', sequence(3, { 1: 'sleep 2' }));
    await namespace.until('told', ({ status }) => status?.steps?.[1]?.state === 'Running');
    const since = performance.now();
    expect(await leader.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(leader.says('released the Lease')).toBe(true);
    expect(await takeover(since)).toBeLessThan(RELEASED_MS);
    await expectOnce('told', 3, uids);
  });

  it('finish a sequence whose leader stood still and comes back', async () => {
    const uids = new SeenJobUIDs(namespace, 'frozen');
    const scripts = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [i, 'sleep 2']));
    await namespace.apply('frozen', sequence(6, scripts));
    await namespace.until('frozen', ({ status }) => status?.steps?.[1]?.state === 'Running');
    signal(leader, 'SIGSTOP');
    expect(await takeover()).toBeLessThan(EXPIRY_MS);
    const other = await holder();
    await namespace.until('frozen', ({ status }) => status?.steps?.[2]?.state === 'Running');
    signal(leader, 'SIGCONT');
    await leader.untilSays('lost leadership');
    await leader.untilSays(`"leader":"${other}"`);
    await expectOnce('frozen', 6, uids);
    expect(await holder()).toBe(other);
    // It has not left the race.
    await standby.end('SIGTERM');
    await eventually('the first leads again', () => leader.count('became leader') === 2, 30);
    await eventually('and works', () => leader.count('controller started') === 2, 30);
  });
});

describe('a Lease on the API server', () => {
  const limits = { timeoutMs: 5_000, signal: new AbortController().signal };
  const spec = { holderIdentity: 'a', leaseDurationSeconds: 15, renewTime: toMicroTime(0), leaseTransitions: 0 };
  const code = async (request: Promise<unknown>): Promise<string> => {
    try {
      await request;
      return 'done';
    } catch (error) {
      return isApiError(error) ? error.code : 'no ApiError';
    }
  };

  it('lets one write of two through, and is not brought back by one', async () => {
    const store = new LeaseStore(client, namespace.name, 'guarded');
    expect(await store.read(limits)).toBeUndefined();
    const first = await store.create(spec, limits);
    expect(await code(store.create(spec, limits))).toBe('AlreadyExists');
    const second = await store.replace(first, { ...spec, holderIdentity: '', leaseDurationSeconds: 1 }, limits);
    expect(await code(store.replace(first, spec, limits))).toBe('Conflict');
    expect((await store.read(limits))?.spec).toEqual({ ...spec, holderIdentity: '', leaseDurationSeconds: 1 });
    await client.request({ method: 'DELETE', path: objectPath(LEASES, namespace.name, 'guarded') });
    expect(['Conflict', 'NotFound']).toContain(await code(store.replace(second, spec, limits)));
    expect(await store.read(limits)).toBeUndefined();
  });
});
