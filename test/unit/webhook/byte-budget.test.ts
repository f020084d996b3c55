/** Whose body ends when there is no room for another. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type BodyReservation, ByteBudget, type Sender, SMALL_BYTES } from '../../../webhook/byte-budget.ts';

const KIB = 1024;
const LARGE = 300 * KIB;
/** Room for four large bodies, and four small ones beyond. */
const OPTIONS = { bytes: 4 * LARGE, smallBytes: 4 * SMALL_BYTES };

let now: number;
let room: ByteBudget;
let ended: string[];
beforeEach(() => {
  now = 0;
  ended = [];
  room = new ByteBudget({ ...OPTIONS, now: () => now });
});

const STRANGER: Sender = { address: 'pod', isTrusted: false };
const API_SERVER: Sender = { address: 'api server', isTrusted: true };

/** Begins a body of some size; undefined where there is no room for it. */
function begin(name: string, sender: Sender, bytes: number): BodyReservation | undefined {
  const hold = room.reserve(sender, () => ended.push(name));
  if (hold.acquire(bytes)) return hold;
  hold.release();
  return undefined;
}

const fill = (sender: Sender, bytes = LARGE, count = 4): readonly (BodyReservation | undefined)[] =>
  Array.from({ length: count }, (_, i) => begin(`${sender.address} ${i}`, sender, bytes));

describe('while bytes are available', () => {
  it('no body is evicted, and released bytes are available again', () => {
    const holds = fill(STRANGER);
    expect(holds).not.toContain(undefined);
    expect(begin('one more', STRANGER, LARGE)).toBeUndefined();
    holds[1]?.release();
    holds[1]?.release();
    expect(begin('in its place', STRANGER, LARGE)).toBeDefined();
    expect(begin('and one more', STRANGER, LARGE)).toBeUndefined();
    expect(ended).toEqual([]);
  });

  it('small bodies do not wait for bytes of the large ones', () => {
    fill(STRANGER);
    expect(fill(STRANGER, SMALL_BYTES)).not.toContain(undefined);
    expect(begin('one more', STRANGER, 1)).toBeUndefined();
  });

  it('a small body that grows large needs the budget for large bodies for all of its bytes', () => {
    fill(STRANGER, LARGE, 3);
    const growing = [begin('a', STRANGER, SMALL_BYTES), begin('b', STRANGER, SMALL_BYTES)];
    expect(growing[0]?.acquire(LARGE - SMALL_BYTES)).toBe(true);
    expect(growing[1]?.acquire(1)).toBe(false);
    growing[0]?.release();
    expect(growing[1]?.acquire(LARGE - SMALL_BYTES)).toBe(true);
  });
});

describe('while no bytes are available', () => {
  it.each<readonly [string, () => void, Sender, readonly string[]]>([
    [
      'a body of an untrusted connection is evicted for a trusted connection',
      () => fill(STRANGER),
      API_SERVER,
      ['pod 0'],
    ],
    [
      'a body of a trusted connection is not evicted for an untrusted connection',
      () => fill(API_SERVER),
      { address: 'other', isTrusted: false },
      [],
    ],
    [
      'a slow body of a trusted connection is evicted for an untrusted connection',
      () => {
        fill(API_SERVER);
        now += 1_000;
      },
      { address: 'other', isTrusted: false },
      ['api server 0'],
    ],
    [
      'a slow body of an untrusted connection is evicted before a slow body of a trusted connection',
      () => {
        fill(API_SERVER, LARGE, 2);
        fill(STRANGER, LARGE, 2);
        now += 1_000;
      },
      API_SERVER,
      ['pod 0'],
    ],
    [
      'a slow body is evicted before a body of an address with more bytes',
      () => {
        begin('slow', { address: 'other', isTrusted: false }, LARGE);
        now += 1_000;
        fill(STRANGER, LARGE, 3);
      },
      API_SERVER,
      ['slow'],
    ],
    [
      'a body of the address with the most bytes is evicted before an older body',
      () => {
        begin('older', { address: 'other', isTrusted: false }, LARGE);
        fill(STRANGER, LARGE, 3);
      },
      API_SERVER,
      ['pod 0'],
    ],
    [
      'a body of an untrusted connection is evicted for an untrusted one whose address has fewer bytes',
      () => fill(STRANGER),
      { address: 'other', isTrusted: false },
      ['pod 0'],
    ],
    [
      'a body of an untrusted connection is not evicted for one of the same address',
      () => fill(STRANGER),
      STRANGER,
      [],
    ],
    [
      'a body of a trusted connection is evicted for a trusted connection whose address has fewer bytes',
      () => fill({ address: 'pod', isTrusted: true }),
      API_SERVER,
      ['pod 0'],
    ],
  ])('%s', (_says, fillIt, sender, victims) => {
    fillIt();
    expect(begin('one more', sender, LARGE) !== undefined).toBe(victims.length > 0);
    expect(ended).toEqual(victims);
  });

  it('as many bodies are evicted as needed, and an evicted one can acquire no more bytes', () => {
    const holds = fill(STRANGER, 2 * LARGE, 2);
    expect(begin('one more', API_SERVER, 3 * LARGE)).toBeDefined();
    expect(ended).toEqual(['pod 0', 'pod 1']);
    expect(holds.map((hold) => hold?.acquire(1))).toEqual([false, false]);
  });

  it('a queued body is evicted for a trusted connection, and its callback is called', () => {
    const told: number[] = [];
    fill(STRANGER).forEach((hold, i) => hold?.queued(() => told.push(i)));
    expect(begin('one more', API_SERVER, LARGE)).toBeDefined();
    expect([told, ended]).toEqual([[0], []]);
  });

  it('a queued body does not count as slow', () => {
    for (const hold of fill(API_SERVER)) hold?.queued(() => ended.push('waiting'));
    now += 60_000;
    expect(begin('one more', STRANGER, LARGE)).toBeUndefined();
    expect(ended).toEqual([]);
  });

  it('a body that is being evaluated is not evicted', () => {
    for (const hold of fill(STRANGER)) hold?.evaluating();
    now += 60_000;
    expect(begin('one more', API_SERVER, LARGE)).toBeUndefined();
    expect(ended).toEqual([]);
  });

  it('a large body evicts large ones, and no small ones', () => {
    // Theirs is the address that holds most.
    fill({ address: 'small', isTrusted: false }, SMALL_BYTES, 2);
    for (const address of ['a', 'b', 'c', 'd']) begin(address, { address, isTrusted: false }, LARGE);
    now += 1_000;
    expect(begin('one more', API_SERVER, LARGE)).toBeDefined();
    expect(ended).toEqual(['a']);
  });

  it('a small body evicts a small one if they use the whole budget', () => {
    const all = (OPTIONS.bytes + OPTIONS.smallBytes) / SMALL_BYTES;
    fill(STRANGER, SMALL_BYTES, Math.ceil(all) - 1);
    expect(begin('a review', API_SERVER, SMALL_BYTES)).toBeDefined();
    expect(begin('another', API_SERVER, SMALL_BYTES)).toBeDefined();
    expect(ended).toContain('pod 0');
  });
});
