import { describe, expect, it } from '@jest/globals';
import type { LeaseSpec } from '../../../../../shared/kube/leader-election/leases.ts';
import { Candidate } from './simulation/candidate.ts';
import { type Fate, type Machine, QUICK, World } from './simulation/world.ts';

const NULLS = {
  holderIdentity: null,
  leaseDurationSeconds: null,
  acquireTime: null,
  renewTime: null,
} as const;

const HOUR_MS = 3_600_000;
const LOST: Fate = { ...QUICK, lost: 'request' };

/** A holder that is no machine of this world: its record says what the test says. */
const foreign = (more: Partial<LeaseSpec> = {}): LeaseSpec => ({
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:00.000000Z',
  leaseTransitions: 3,
  ...more,
});

/** Requests of this machine meet this fate. */
const onlyFor =
  (machine: Machine, fate: Fate) =>
  (_: unknown, from: Machine): Fate =>
    from === machine ? fate : QUICK;

describe('a candidate', () => {
  it('creates the Lease if it does not exist', async () => {
    const world = new World();
    const a = new Candidate(world, 'a');
    await world.pass(100);
    expect(a.leads).toBe(true);
    expect(a.changes).toEqual([true]);
    expect(world.server.spec).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2001-09-09T01:46:40.010000Z',
      renewTime: '2001-09-09T01:46:40.010000Z',
      leaseTransitions: 0,
    });
    expect(a.lines.map(({ msg, lease }) => [msg, lease])).toEqual([
      ['attempting to acquire the Lease', 'ns/l'],
      ['became leader', 'ns/l'],
    ]);
  });

  it.each<readonly [string, LeaseSpec | null]>([
    ['it was released', foreign({ holderIdentity: '', leaseDurationSeconds: 1 })],
    ['it has no holder', { leaseTransitions: 3 }],
    ['all fields are null', foreign({ ...NULLS, leaseTransitions: 3 })],
  ])('acquires a free Lease at once: %s', async (_says, spec) => {
    const world = new World();
    world.server.put(spec);
    const a = new Candidate(world, 'a');
    await world.pass(100);
    expect(a.leads).toBe(true);
    expect(world.server.spec).toMatchObject({ holderIdentity: 'a', leaseTransitions: 4, leaseDurationSeconds: 15 });
  });

  it('keeps the other fields of the Lease', async () => {
    const world = new World();
    world.server.put({ holderIdentity: '', strategy: 'OldestEmulationVersion' } as LeaseSpec);
    const a = new Candidate(world, 'a');
    await world.pass(5_000);
    expect(a.leads).toBe(true);
    expect(world.server.spec).toMatchObject({ holderIdentity: 'a', strategy: 'OldestEmulationVersion' });
  });

  it.each<readonly [string, number]>([
    ['the same time', 0],
    ['an hour earlier', -HOUR_MS],
    ['an hour later', HOUR_MS],
  ])(
    'acquires the Lease 15 s after the last renewal that it saw, even if its own clock shows %s',
    async (_says, offsetMs) => {
      const world = new World();
      const a = new Candidate(world, 'a');
      await world.pass(30_000);
      const b = new Candidate(world, 'b', { offsetMs });
      await world.pass(60_000);
      expect([a.leads, b.leads, b.changes]).toEqual([true, false, []]);
      a.machine.kill();
      // The last renewal is up to 2.2 s old, and was seen up to 2.2 s later.
      await world.pass(12_500);
      expect(b.leads).toBe(false);
      await world.pass(5_000);
      expect(b.leads).toBe(true);
      expect(world.server.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
      expect(b.said('standing by')).toBe(1);
    },
  );

  it.each<readonly [string, Partial<LeaseSpec>, number]>([
    ['the leaseDurationSeconds of the Lease if they are longer', { leaseDurationSeconds: 40 }, 40_000],
    ['the leaseDurationSeconds of the Lease if they are shorter', { leaseDurationSeconds: 6 }, 6_000],
    ['15 s if the Lease has no duration', { leaseDurationSeconds: null }, 15_000],
    ['15 s if the Lease has no times', { acquireTime: null, renewTime: null, leaseTransitions: null }, 15_000],
  ])('before it acquires the Lease, waits %s', async (_says, more, ms) => {
    const world = new World();
    world.server.put(foreign(more));
    const a = new Candidate(world, 'a');
    await world.pass(ms - 500);
    expect(a.leads).toBe(false);
    await world.pass(1_000);
    expect(a.leads).toBe(true);
  });

  it('keeps waiting while any field of the Lease changes', async () => {
    const world = new World();
    const a = new Candidate(world, 'a');
    for (let i = 0; i < 10; i++) {
      world.server.put(
        foreign(i % 2 === 0 ? { leaseTransitions: i } : { renewTime: `2020-01-01T00:00:${i}0.000000Z` }),
      );
      await world.pass(14_000);
      expect(a.leads).toBe(false);
    }
    await world.pass(4_000);
    expect(a.leads).toBe(true);
  });

  it('stays a candidate if another one writes the Lease first', async () => {
    const world = new World();
    world.server.put(foreign({ holderIdentity: '' }));
    const a = new Candidate(world, 'a');
    const b = new Candidate(world, 'b');
    await world.pass(100);
    expect([a.leads, b.leads]).toEqual([true, false]);
    expect(b.said('lost the race for the Lease')).toBe(1);
    await world.pass(60_000);
    expect([a.changes, b.changes]).toEqual([[true], []]);
    // It is no trouble.
    expect(b.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });

  it('logs a missing permission once, and leads when it is granted', async () => {
    const world = new World();
    world.fate = () => ({ ...QUICK, error: 'Forbidden' });
    const a = new Candidate(world, 'a');
    await world.pass(120_000);
    expect(a.lines.filter(({ level }) => level === 'error')).toMatchObject([
      { msg: expect.stringContaining('needs get, create, update of leases.coordination.k8s.io'), namespace: 'ns' },
    ]);
    const asked = a.machine.client.requests.length;
    // Not more often than every 5 s, as soon as it has gone on for a while.
    expect(asked).toBeLessThan(26);
    expect(asked).toBeGreaterThan(11);
    world.fate = () => QUICK;
    await world.pass(10_500);
    expect(a.leads).toBe(true);
  });

  it('continues after an error', async () => {
    const world = new World();
    world.fate = ({ method }) => (method === 'POST' ? { ...QUICK, error: 'ServerError' } : QUICK);
    const a = new Candidate(world, 'a');
    await world.pass(30_000);
    expect(a.leads).toBe(false);
    world.fate = () => QUICK;
    await world.pass(11_000);
    expect(a.leads).toBe(true);
  });

  it('a programming error is never treated as a network error: it is logged as an error, and the election continues', async () => {
    const world = new World();
    let isBroken = true;
    world.fate = () => {
      if (isBroken) throw new TypeError('it is not a function');
      return QUICK;
    };
    const a = new Candidate(world, 'a');
    await world.pass(10_000);
    expect(a.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect(a.lines.find(({ level }) => level === 'error')).toMatchObject({
      msg: 'internal error: cannot acquire the Lease, will retry',
      err: { type: 'TypeError' },
    });
    isBroken = false;
    await world.pass(11_000);
    expect(a.leads).toBe(true);
  });

  it('ends its campaign when it is stopped', async () => {
    const world = new World();
    world.server.put(foreign());
    const a = new Candidate(world, 'a');
    await world.pass(1_000);
    a.stop();
    await world.pass(60_000);
    expect(a.leads).toBe(false);
    expect(world.server.written).toEqual([]);
  });
});

describe('a leader', () => {
  /** A world in which `a` leads and `b` stands by, just after a renewal of `a`. */
  async function led(): Promise<{ readonly world: World; readonly a: Candidate; readonly b: Candidate }> {
    const world = new World();
    const a = new Candidate(world, 'a');
    await world.pass(100);
    const b = new Candidate(world, 'b');
    await world.pass(3_000);
    const renewals = world.server.written.length;
    while (world.server.written.length === renewals) await world.pass(10);
    await world.pass(10);
    return { world, a, b };
  }

  it('renews every 2 to 2.4 s, by one request each', async () => {
    const { world, a, b } = await led();
    const { acquireTime, renewTime } = world.server.spec;
    const [written, asked] = [world.server.written.length, a.machine.client.requests.length];
    await world.pass(60_000);
    const renewals = world.server.written.length - written;
    expect(renewals).toBeGreaterThanOrEqual(25);
    expect(renewals).toBeLessThanOrEqual(30);
    expect(a.machine.client.requests).toHaveLength(asked + renewals);
    expect(world.server.spec).toMatchObject({ holderIdentity: 'a', acquireTime, leaseTransitions: 0 });
    expect(world.server.spec.renewTime).not.toBe(renewTime);
    expect([a.changes, b.changes]).toEqual([[true], []]);
  });

  it.each<readonly [string, Fate]>([
    ['responses are lost', { ...QUICK, lost: 'answer' }],
    ['requests are rejected', { ...QUICK, error: 'Forbidden' }],
  ])('stops 10 s after it sent its last successful renewal if %s', async (_says, fate) => {
    const { world, a, b } = await led();
    world.fate = onlyFor(a.machine, fate);
    await world.pass(9_900);
    expect(a.leads).toBe(true);
    await world.pass(100);
    expect(a.leads).toBe(false);
    expect(a.changes).toEqual([true, false]);
    expect(a.losses).toEqual(['the Lease could not be renewed within 10 s']);
    expect(b.leads).toBe(false);
  });

  it('retries within that time, and no request lasts longer than its leadership', async () => {
    const { world, a } = await led();
    const since = a.machine.client.requests.length;
    world.fate = onlyFor(a.machine, LOST);
    await world.pass(9_900);
    const limits = a.machine.client.requests.slice(since).map(({ timeoutMs }) => Math.round(Number(timeoutMs)));
    expect(limits).toEqual([5_000, 590]);
  });

  it('counts the time from sending the renewal, not from the response', async () => {
    const { world, a } = await led();
    world.fate = onlyFor(a.machine, { thereMs: 10, backMs: 4_000 });
    // Sent 2.2 s later, answered 4 s after that.
    await world.pass(6_300);
    world.fate = onlyFor(a.machine, LOST);
    await world.pass(2_200 + 10_000 - 6_300 - 100);
    expect(a.leads).toBe(true);
    await world.pass(200);
    expect(a.leads).toBe(false);
  });

  it('does not lead again because of a response that it reads too late after a freeze', async () => {
    const { world, a } = await led();
    // The first is given up after 5 s; the next, a read and a write, are sent at the last moment, and the write is
    // answered while nobody listens.
    world.fate = onlyFor(a.machine, LOST);
    await world.pass(9_350);
    world.fate = onlyFor(a.machine, { thereMs: 5, backMs: 200 });
    const asked = a.machine.client.requests.length;
    while (a.machine.client.requests.length < asked + 2) await world.pass(1);
    expect(a.machine.client.requests.at(-1)).toMatchObject({ method: 'PUT' });
    world.fate = onlyFor(a.machine, LOST);
    a.machine.freeze(1_000);
    await world.pass(2_000);
    expect(a.leads).toBe(false);
    expect(a.losses).toEqual(['the Lease could not be renewed within 10 s']);
  });

  it('recognizes after a freeze that its leadership has expired, before any timer runs', async () => {
    const { world, a, b } = await led();
    a.machine.freeze(30_000);
    const sent = a.machine.client.requests.length;
    await world.pass(29_990);
    expect([a.leads, b.leads]).toEqual([false, true]);
    // Its timers have not run yet.
    expect(a.changes).toEqual([true]);
    await world.pass(100);
    expect(a.changes).toEqual([true, false]);
    expect(a.machine.client.requests.slice(sent).map(({ method }) => method)).toEqual(['GET']);
    await world.pass(60_000);
    expect([a.changes, b.changes]).toEqual([[true, false], [true]]);
  });

  it('stops as soon as it sees that another candidate has the Lease', async () => {
    const { world, a } = await led();
    world.server.put(foreign());
    await world.pass(2_500);
    expect(a.changes).toEqual([true, false]);
    expect(a.losses).toEqual(['the Lease was taken by other']);
  });

  it('stops if another client has cleared the holder of the Lease', async () => {
    const { world, a, b } = await led();
    b.machine.kill();
    world.server.put({ ...world.server.spec, holderIdentity: '' });
    await world.pass(2_500);
    expect(a.losses).toEqual(['the Lease was released by another client']);
  });

  it('leads again if another client has deleted the Lease, because the other candidates wait', async () => {
    const { world, a, b } = await led();
    world.server.remove();
    await world.pass(60_000);
    expect(a.changes).toEqual([true, false, true]);
    expect(a.losses).toEqual(['the Lease was deleted']);
    expect(b.changes).toEqual([]);
  });

  it.each<readonly [string, Fate]>([
    ['', QUICK],
    [' before the response to its last renewal has arrived', { thereMs: 5, backMs: 400 }],
    [' while its last renewal is in flight', { thereMs: 400, backMs: 5 }],
  ])('lets the next candidate acquire the Lease at once when it stops%s', async (_says, fate) => {
    const { world, a, b } = await led();
    world.fate = onlyFor(a.machine, fate);
    const asked = a.machine.client.requests.length;
    while (a.machine.client.requests.length === asked) await world.pass(1);
    await world.pass(10);
    a.stop();
    await world.pass(1_400);
    expect(a.leads).toBe(false);
    expect(a.changes).toEqual([true, false]);
    expect(a.said('released the Lease')).toBe(1);
    const released = { holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 0 };
    expect(world.server.written).toContainEqual(expect.objectContaining(released));
    await world.pass(2_400);
    expect(b.leads).toBe(true);
    expect(world.server.spec).toMatchObject({ leaseTransitions: 1 });
  });

  it('stops leading when it starts to release the Lease, whether the release succeeds or not', async () => {
    const { world, a, b } = await led();
    world.fate = onlyFor(a.machine, LOST);
    a.stop();
    await world.pass(0);
    expect(a.leads).toBe(false);
    await world.pass(1_600);
    expect(a.said('failed to release the Lease')).toBe(1);
    await world.pass(16_000);
    expect(b.leads).toBe(true);
  });

  it('does not write the Lease when it stops if another candidate holds it', async () => {
    const { world, a } = await led();
    world.server.put(foreign());
    a.stop();
    await world.pass(100);
    expect(world.server.spec).toEqual(foreign());
    expect(a.said('released the Lease')).toBe(0);
  });
});
