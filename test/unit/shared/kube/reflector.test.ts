import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Cache, keyOf, type KubeObject } from '../../../../shared/kube/cache.ts';
import type { ApiRequest } from '../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { Reflector, type ReflectorOptions } from '../../../../shared/kube/reflector.ts';
import { FakeClient, FakeWatch } from '../../../support/fake-client.ts';

function thing(name: string, version: number | string, uid = `uid-${name}`): KubeObject {
  return { metadata: { name, uid, resourceVersion: String(version) } };
}

function page(version: number | string, items: readonly KubeObject[] | null, more?: string) {
  return { metadata: { resourceVersion: String(version), ...(more === undefined ? {} : { continue: more }) }, items };
}

/** What is answered to lists, one after the other; the last one answers all that follow. */
type List = object | ApiErrorCode;

const failed = (code: ApiErrorCode, retryAfterMs?: number): ApiError =>
  new ApiError(code, `it was ${code}`, { retryAfterMs });

function hung(request: ApiRequest): Promise<never> {
  return new Promise((_, reject) => {
    request.signal?.addEventListener('abort', () => reject(failed('Aborted')));
  });
}

describe('Reflector', () => {
  let lists: List[];
  /** What comes instead of the next watches. */
  let refusals: ApiErrorCode[];
  let watches: FakeWatch[];
  let cache: Cache<KubeObject>;
  let client: FakeClient;
  let errors: string[];
  /** Programming errors: at which object, or with which delay. */
  let faults: string[];
  let reconnects: number;
  let reflector: Reflector<KubeObject>;

  function make(options: Partial<ReflectorOptions<KubeObject>> = {}): Reflector<KubeObject> {
    return new Reflector<KubeObject>({
      client,
      path: '/things',
      cache,
      transform: (raw) => raw as KubeObject,
      onError: (error, retryMs) => errors.push(`${error.code} ${retryMs}`),
      onInternalError: (error, { object, retryMs }) =>
        faults.push(`${String(error)} ${object === undefined ? '' : keyOf(object)} ${retryMs ?? ''}`),
      onReconnect: () => reconnects++,
      random: () => 1,
      ...options,
    });
  }

  beforeEach(() => {
    jest.useFakeTimers();
    lists = [page(10, [thing('a', 5)])];
    refusals = [];
    watches = [];
    errors = [];
    faults = [];
    reconnects = 0;
    cache = new Cache<KubeObject>();
    client = new FakeClient({
      request: () => {
        const next = lists.length > 1 ? lists.shift() : lists[0];
        if (typeof next === 'string') throw failed(next);
        return next;
      },
      stream: ({ signal }) => {
        const refusal = refusals.shift();
        if (refusal !== undefined) throw failed(refusal);
        const watch = new FakeWatch(signal);
        watches.push(watch);
        return watch.body;
      },
    });
    reflector = make();
  });

  afterEach(async () => {
    await reflector.stop();
    jest.useRealTimers();
  });

  const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
  const watch = (): FakeWatch => {
    const last = watches.at(-1);
    if (last === undefined) throw new Error('there is no watch');
    return last;
  };
  const names = (): readonly string[] =>
    [...cache.values()].map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).sort();
  const from = (): readonly unknown[] => client.streams.map(({ query }) => query?.['resourceVersion']);
  const listed = (): number => client.requests.length;

  async function started(): Promise<void> {
    reflector.start();
    await pass();
  }

  it("lists, then watches from the list's resourceVersion", async () => {
    await started();
    expect(reflector.hasSynced).toBe(true);
    await reflector.synced;
    expect(names()).toEqual(['a@5']);
    // A quorum list: never for a version.
    expect(client.requests).toEqual([
      expect.objectContaining({ method: 'GET', path: '/things', query: { limit: 50, continue: undefined } }),
    ]);
    expect(client.streams).toMatchObject([
      {
        path: '/things',
        idleMs: 150_000,
        query: { watch: true, allowWatchBookmarks: true, resourceVersion: '10', timeoutSeconds: 600 },
      },
    ]);
  });

  it('sends its selectors with lists and watches, and uses the configured page size', async () => {
    reflector = make({ labelSelector: 'l', fieldSelector: 'f', pageSize: 7, idleMs: 99 });
    await started();
    expect(client.requests[0]?.query).toMatchObject({ labelSelector: 'l', fieldSelector: 'f', limit: 7 });
    expect(client.streams[0]).toMatchObject({ idleMs: 99, query: { labelSelector: 'l', fieldSelector: 'f' } });
  });

  it('omits objects that the transform rejects, and removes objects that it rejects later', async () => {
    const isOurs = ({ metadata }: KubeObject): boolean => !metadata.uid.endsWith('foreign');
    lists = [page(10, [thing('a', 5), thing('b', 6, 'foreign')]), page(20, [thing('a', 15, 'foreign')])];
    const kept = (raw: unknown): KubeObject | undefined =>
      isOurs(raw as KubeObject) ? (raw as KubeObject) : undefined;
    reflector = make({ transform: kept });
    await started();
    watch().send('ADDED', thing('c', 11, 'foreign'));
    watch().send('ADDED', thing('d', 12));
    await pass();
    expect(names()).toEqual(['a@5', 'd@12']);
    watch().send('DELETED', thing('c', 13, 'foreign'));
    watch().send('ERROR', { kind: 'Status', code: 410 });
    await pass(200);
    expect([names(), faults]).toEqual([[], []]);
  });

  it('reads all pages of a list', async () => {
    lists = [page(10, [thing('a', 5)], 'next'), page(10, [thing('b', 6)], ''), page(99, [])];
    await started();
    expect(names()).toEqual(['a@5', 'b@6']);
    expect(from()).toEqual(['10']);
  });

  describe('if etcd is compacted between two pages of a list', () => {
    let asked: unknown[];
    const expired = (token?: string): ApiError => new ApiError('Gone', 'it has expired', { continueToken: token });
    /** Answers lists by their tokens. */
    function lists(answer: (token: unknown) => unknown): void {
      asked = [];
      client = new FakeClient({
        request: ({ query }) => {
          asked.push(query?.['continue']);
          expect(query?.['limit']).toBeDefined();
          const next = answer(query?.['continue']);
          if (next instanceof ApiError) throw next;
          return next;
        },
        stream: ({ signal }) => {
          const watch = new FakeWatch(signal);
          watches.push(watch);
          return watch.body;
        },
      });
      reflector = make();
    }

    it('reads the rest at its newest state, with the continue token of the error, and watches from the resourceVersion of the first page', async () => {
      lists((token) => {
        if (token === undefined) return page(10, [thing('a', 5)], 'second');
        return token === 'second' ? expired('rest') : page(30, [thing('b', 25)]);
      });
      await started();
      expect(asked).toEqual([undefined, 'second', 'rest']);
      expect(names()).toEqual(['a@5', 'b@25']);
      expect(from()).toEqual(['10']);
      // What happened between the pages, the watch tells.
      watch().send('MODIFIED', thing('a', 20));
      watch().send('ADDED', thing('b', 25));
      watch().send('DELETED', thing('b', 31));
      await pass();
      expect(names()).toEqual(['a@20']);
    });

    it.each<readonly [string, string | undefined]>([
      ['is missing', undefined],
      ['has expired, too', 'rest'],
    ])('starts the list again, always with a limit, if the continue token for the rest %s', async (_, rest) => {
      let isQuick = false;
      lists((token) => {
        if (token === undefined) return page(10, [thing('a', 5)], isQuick ? undefined : 'second');
        return expired(rest);
      });
      await started();
      expect([reflector.hasSynced, errors]).toEqual([false, ['Gone 200']]);
      isQuick = true;
      await pass(200);
      expect(names()).toEqual(['a@5']);
      expect(asked.filter((token) => token === undefined)).toHaveLength(2);
    });
  });

  describe('with large objects', () => {
    const large = (name: string): KubeObject => ({ ...thing(name, 5), x: 'x'.repeat(1024 * 1024) }) as KubeObject;
    const all = Array.from({ length: 12 }, (_, i) => `o${String(i).padStart(2, '0')}`);

    it('abandons a page that is too large and continues with smaller pages: no object is read twice or omitted', async () => {
      const limits: unknown[] = [];
      client = new FakeClient({
        request: ({ query = {} }) => {
          limits.push(query['limit']);
          const at = Number(query['continue'] ?? 0);
          const end = at + Number(query['limit']);
          const more = end < all.length ? String(end) : undefined;
          return page(10, all.slice(at, end).map(large), more);
        },
        stream: ({ signal }) => new FakeWatch(signal).body,
      });
      const taken: string[] = [];
      reflector = make({
        transform: (raw) => {
          const { metadata } = raw as KubeObject;
          taken.push(metadata.name);
          return { metadata };
        },
      });
      await started();
      expect(limits).toEqual([50, 4, 3, 3, 3]);
      expect([...cache.values()].map(({ metadata }) => metadata.name)).toEqual(all);
      expect([faults, errors]).toEqual([[], []]);
    });
  });

  it('applies watch events: added, modified, deleted', async () => {
    await started();
    watch().send('ADDED', thing('b', 11));
    watch().send('MODIFIED', thing('a', 12));
    await pass();
    expect(names()).toEqual(['a@12', 'b@11']);
    watch().send('DELETED', thing('a', 13));
    await pass();
    expect(names()).toEqual(['b@11']);
  });

  it.each<readonly [string, (on: FakeWatch) => void, string]>([
    ['from the list, after a watch without events', () => undefined, '10'],
    [
      'from the resourceVersion of the last added or modified object',
      (on) => on.send('MODIFIED', thing('a', 42)),
      '42',
    ],
    ['from the resourceVersion of the last deleted object', (on) => on.send('DELETED', thing('a', 43)), '43'],
    ['from the resourceVersion of the last bookmark', (on) => on.send('BOOKMARK', thing('', 44)), '44'],
    [
      'from the newest resourceVersion, after repeated events',
      (on) => {
        on.send('MODIFIED', thing('a', 42));
        on.send('ADDED', thing('a', 41));
        on.send('DELETED', thing('b', 40));
      },
      '42',
    ],
  ])('reconnects without a new list: %s', async (_says, events, version) => {
    await started();
    events(watch());
    await pass(6000);
    watch().end();
    await pass();
    expect(from()).toEqual(['10', version]);
    expect(listed()).toBe(1);
    expect(errors).toEqual([]);
  });

  it('backs off if watches end right after their start', async () => {
    await started();
    watch().end();
    await pass(199);
    expect(client.streams).toHaveLength(1);
    await pass(1);
    expect(client.streams).toHaveLength(2);
    watch().end();
    await pass(399);
    expect(client.streams).toHaveLength(2);
    await pass(1);
    expect(client.streams).toHaveLength(3);
    expect(errors).toEqual([]);
  });

  it.each<readonly [string, (on: FakeWatch) => void]>([
    [
      '410 in the watch stream',
      (on) => on.send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }),
    ],
    ['a silent watch', (on) => on.fail(Object.assign(new Error('silent'), { code: 'UND_ERR_BODY_TIMEOUT' }))],
    ['an event that is not JSON', (on) => on.body.write('garbage\n')],
    ['an event without metadata', (on) => on.body.write('{"type":"MODIFIED","object":{}}\n')],
  ])('starts with a new list after %s', async (_says, break_) => {
    lists = [page(10, [thing('a', 5)]), page(50, [thing('b', 45)])];
    await started();
    break_(watch());
    await pass(200);
    expect(names()).toEqual(['b@45']);
    expect(from()).toEqual(['10', '50']);
    expect(errors).toHaveLength(1);
  });

  it.each<readonly [ApiErrorCode, number]>([
    ['Gone', 2],
    ['BadRequest', 2],
    ['Invalid', 2],
    ['Timeout', 1],
    ['ServerError', 1],
    ['TooManyRequests', 1],
    ['Unreachable', 1],
    ['Unauthorized', 1],
    ['Forbidden', 2],
  ])('if a watch is rejected with %s, the number of lists is %d', async (code, expected) => {
    refusals = [code];
    await started();
    await pass(200);
    expect(listed()).toBe(expected);
    expect(watches).toHaveLength(1);
  });

  it('resumes from the last resourceVersion after a broken connection', async () => {
    await started();
    watch().send('ADDED', thing('b', 11));
    await pass();
    watch().fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    await pass(200);
    expect(from()).toEqual(['10', '11']);
    expect(listed()).toBe(1);
    expect(errors).toEqual(['Unreachable 200']);
  });

  it.each<readonly [ApiErrorCode, readonly number[]]>([
    ['ServerError', [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]],
    ['Unreachable', [200, 400, 800, 1600, 3200, 5000, 5000]],
    ['Timeout', [200, 400, 800, 1600, 3200, 5000, 5000]],
  ])('retries lists that fail with %s, with exponential backoff up to a limit', async (code, delays) => {
    lists = [code];
    await started();
    for (const delay of delays) await pass(delay);
    expect(reflector.hasSynced).toBe(false);
    expect(errors.slice(0, delays.length)).toEqual(delays.map((ms) => `${code} ${ms}`));
    lists = [page(10, [thing('a', 5)])];
    await pass(30_000);
    expect(reflector.hasSynced).toBe(true);
  });

  it.each<readonly [ApiErrorCode, readonly string[]]>([
    ['Gone', ['Gone 200', 'Gone 400']],
    ['ServerError', ['ServerError 200', 'ServerError 400']],
  ])('recovers quickly after an outage if the server returns %s at first', async (code, said) => {
    await started();
    refusals = [...Array.from({ length: 8 }, () => 'Unreachable' as const), code, code];
    watch().fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    await pass(60_000);
    expect(errors.slice(-4)).toEqual(['Unreachable 5000', 'Unreachable 5000', ...said]);
    expect(watches).toHaveLength(2);
  });

  it.each<ApiErrorCode>(['Unreachable', 'Timeout'])(
    'resumes after a long outage without a new list: %s',
    async (code) => {
      await started();
      refusals = Array.from({ length: 12 }, () => code);
      watch().fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
      await pass(60_000);
      expect(Math.max(...errors.map((error) => Number(error.split(' ')[1])))).toBe(5000);
      expect([watches.length, listed()]).toEqual([2, 1]);
      expect(new Set(from())).toEqual(new Set(['10']));
    },
  );

  const cut = (): void => watch().fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
  const refused = (...codes: readonly ApiErrorCode[]): void => {
    refusals = [...codes];
    cut();
  };
  const silent = (): void => watch().fail(Object.assign(new Error('silent'), { code: 'UND_ERR_BODY_TIMEOUT' }));

  it.each<readonly [string, () => void, number]>([
    ['the server was unreachable', () => refused('Unreachable', 'ServerError'), 1],
    ['the watch timed out', silent, 1],
    ['the watch was closed', cut, 0],
    ['the watch expired', () => watch().send('ERROR', { kind: 'Status', code: 410 }), 0],
    ['the server was overloaded', () => refused('TooManyRequests'), 0],
  ])('reports a reconnect only if the server may have been unreachable: %s', async (_says, trouble, expected) => {
    await started();
    trouble();
    await pass();
    expect(reconnects).toBe(0);
    await pass(5000);
    expect(watches).toHaveLength(2);
    expect(reconnects).toBe(expected);
  });

  describe('a programming error is never treated as a network error', () => {
    const misreads = (raw: unknown): KubeObject => {
      const object = raw as KubeObject;
      if (object.metadata.name === 'odd') throw new TypeError('it is odd');
      return object;
    };

    it('for an object of a list: the other objects are processed, and the watch continues', async () => {
      lists = [page(10, [thing('a', 5), thing('odd', 6), thing('b', 7)])];
      reflector = make({ transform: misreads });
      await started();
      expect(names()).toEqual(['a@5', 'b@7']);
      expect(reflector.hasSynced).toBe(true);
      expect(watches).toHaveLength(1);
      expect([faults, errors]).toEqual([['TypeError: it is odd odd '], []]);
    });

    it('for an object of a watch event: it is skipped, the others are processed, and the watch continues', async () => {
      reflector = make({ transform: misreads });
      await started();
      watch().send('ADDED', thing('odd', 11));
      watch().send('ADDED', thing('b', 12));
      watch().send('MODIFIED', thing('odd', 13));
      await pass(6000);
      watch().end();
      await pass();
      expect(names()).toEqual(['a@5', 'b@12']);
      expect(from()).toEqual(['10', '13']);
      expect([faults.length, errors.length]).toEqual([2, 0]);
    });

    it('for a known object: it keeps its previous state until it is deleted', async () => {
      let isOdd = false;
      reflector = make({
        transform: (raw) => {
          if (isOdd) throw new TypeError('it is odd');
          return raw as KubeObject;
        },
      });
      lists = [page(10, [thing('a', 5), thing('b', 6)]), page(20, [thing('a', 15), thing('b', 16, 'uid-b2')])];
      await started();
      isOdd = true;
      watch().send('MODIFIED', thing('a', 12));
      await pass();
      expect(names()).toEqual(['a@5', 'b@6']);
      watch().send('ERROR', { kind: 'Status', code: 410 });
      await pass(200);
      // One of the same name is another object.
      expect(names()).toEqual(['a@5']);
      watch().send('DELETED', thing('a', 22));
      await pass();
      expect(names()).toEqual([]);
    });

    it('in a listener or an index function: other listeners are still notified', async () => {
      const told: string[] = [];
      const fail = (what: string): never => {
        throw new TypeError(what);
      };
      cache = new Cache<KubeObject>(
        () => fail('no index'),
        undefined,
        (error, object) => void faults.push(`${String(error)} ${keyOf(object)}`),
      );
      cache.subscribe(() => fail('no listener'));
      cache.subscribe(({ object }) => void told.push(keyOf(object)));
      reflector = make();
      await started();
      watch().send('ADDED', thing('b', 11));
      await pass(6000);
      expect([told, names(), watches.length]).toEqual([['a', 'b'], ['a@5', 'b@11'], 1]);
      const expected = ['index a', 'listener a', 'index b', 'listener b'].map((what) => `TypeError: no ${what}`);
      expect(new Set(faults)).toEqual(new Set(expected));
    });

    it('in the loop itself: logged as an internal error, and followed by a new list after the longest delay', async () => {
      let opened = 0;
      client = new FakeClient({
        request: () => page(10, [thing('a', 5)]),
        stream: ({ signal }) => {
          if (++opened === 1) throw new TypeError('undefined is not a function');
          return new FakeWatch(signal).body;
        },
      });
      reflector = make();
      await started();
      await pass(29_999);
      expect([listed(), opened]).toEqual([1, 1]);
      await pass(1);
      expect([listed(), opened]).toEqual([2, 2]);
      expect([faults, errors]).toEqual([['TypeError: undefined is not a function  30000'], []]);
    });

    it('a malformed response is an error of the server instead', async () => {
      lists = [{ kind: 'Status' }, page(10, [thing('a', 5)])];
      await started();
      await pass(200);
      expect(names()).toEqual(['a@5']);
      expect([faults, errors]).toEqual([[], ['Unexpected 200']]);
    });
  });

  it('resets the backoff after a watch that lasted', async () => {
    refusals = ['Unreachable', 'Unreachable', 'Unreachable'];
    await started();
    await pass(200 + 400 + 800);
    await pass(5000);
    watch().fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' }));
    await pass();
    expect(errors).toEqual(['Unreachable 200', 'Unreachable 400', 'Unreachable 800', 'Unreachable 200']);
  });

  it.each<readonly [string, (on: FakeWatch) => void, string]>([
    ['is closed', (on) => on.fail(Object.assign(new Error('cut'), { code: 'ECONNRESET' })), 'Unreachable 200'],
    ['ends', (on) => on.end(), ''],
  ])('resets the backoff after a watch that delivered an event and %s', async (_says, end, said) => {
    refusals = ['Unreachable', 'Unreachable', 'Unreachable'];
    await started();
    await pass(200 + 400 + 800);
    for (let version = 11; version < 20; version++) {
      watch().send('MODIFIED', thing('a', version));
      await pass();
      end(watch());
      await pass(200);
    }
    expect(from().slice(3)).toEqual(['10', '11', '12', '13', '14', '15', '16', '17', '18', '19']);
    expect(new Set(errors.slice(3))).toEqual(new Set(said === '' ? [] : [said]));
  });

  it('waits as long as the Retry-After of the server', async () => {
    let calls = 0;
    client = new FakeClient({
      request: (request) => {
        calls++;
        if (calls === 1) throw failed('TooManyRequests', 7000);
        return hung(request);
      },
    });
    reflector = make();
    await started();
    expect(errors).toEqual(['TooManyRequests 7000']);
    await pass(6999);
    expect(calls).toBe(1);
    await pass(1);
    expect(calls).toBe(2);
  });

  it('removes objects that a new list lacks, but not those written after the list was read', async () => {
    lists = [page(10, [thing('a', 5), thing('b', 6)]), page(20, [thing('b', 6)])];
    await started();
    cache.assume(thing('c', 25));
    watch().send('ERROR', { kind: 'Status', code: 410 });
    await pass(200);
    expect(names()).toEqual(['b@6', 'c@25']);
  });

  it('a new list takes no memory for objects that have not changed', async () => {
    lists = [
      page(10, [thing('a', 5)]),
      'Gone',
      page(20, [thing('z', 3)], 'more'),
      page(20, [thing('a', 5), thing('b', 6)]),
    ];
    const transform = jest.fn((raw: unknown) => ({ ...(raw as KubeObject) }));
    reflector = make({ transform });
    await started();
    const before = cache.get('a');
    watch().send('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    await pass(1_000);
    expect(names()).toEqual(['a@5', 'b@6', 'z@3']);
    expect(cache.get('a')).toBe(before);
    expect(transform.mock.calls.map(([raw]) => (raw as KubeObject).metadata.name)).toEqual(['a', 'z', 'b']);
  });

  it('after a reset of the history, an object of the same version is another state', async () => {
    lists = [
      page(100, [thing('a', 5), thing('b', 7)]),
      page(20, [thing('z', 3)], 'more'),
      page(20, [{ ...thing('a', 5), state: 'new' } as KubeObject]),
    ];
    await started();
    watch().send('ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    await pass(1_000);
    expect(cache.get('a')).toMatchObject({ state: 'new' });
  });

  it('accepts an older resourceVersion of a list: etcd was restored from a backup', async () => {
    lists = [page(100, [thing('a', 95)]), page(50, [thing('a', 45)]), page(60, [thing('a', 55)])];
    await started();
    watch().send('ERROR', { kind: 'Status', code: 410 });
    await pass(200);
    expect(names()).toEqual(['a@45']);
    // The list after that counts from the new history, so it is no rewinding: an own write is kept.
    cache.assume(thing('c', 70));
    watch().send('ERROR', { kind: 'Status', code: 410 });
    await pass(400);
    expect(names()).toEqual(['a@55', 'c@70']);
  });

  it.each<readonly [string, () => void]>([
    ['during a watch', () => undefined],
    [
      'during a list',
      () => {
        client = new FakeClient({ request: hung });
        reflector = make();
      },
    ],
    ['during the backoff', () => void (lists = ['Unreachable'])],
  ])('stops promptly %s, without open handles', async (_says, prepare) => {
    prepare();
    await started();
    await reflector.stop();
    expect(jest.getTimerCount()).toBe(0);
    const asked = client.requests.length + client.streams.length;
    await pass(100_000);
    expect(client.requests.length + client.streams.length).toBe(asked);
    expect(errors.filter((error) => error.startsWith('Aborted'))).toEqual([]);
  });

  it('stops while a list is put into the cache: the rest of it is not', async () => {
    lists = [page(10, [thing('a', 5), thing('b', 6)])];
    cache.subscribe(() => void reflector.stop());
    await started();
    expect(names()).toEqual(['a@5']);
    expect([reflector.hasSynced, client.streams.length]).toEqual([false, 0]);
  });

  it('lets other work run while a long list is put into the cache', async () => {
    jest.useRealTimers();
    lists = [
      page(
        10,
        Array.from({ length: 20 }, (_, i) => thing(`a${i}`, 5)),
      ),
    ];
    let cachedAtOtherWork = 0;
    cache.subscribe(() => {
      if (cache.size === 1) setImmediate(() => (cachedAtOtherWork = cache.size));
      for (const end = performance.now() + 5; performance.now() < end;);
    });
    reflector.start();
    await reflector.synced;
    expect([cache.size, cachedAtOtherWork > 0 && cachedAtOtherWork < 20]).toEqual([20, true]);
  });

  it('runs once, even if it is started again', async () => {
    reflector.start();
    await started();
    expect(listed()).toBe(1);
    expect(client.streams).toHaveLength(1);
  });

  it('does not start if it was stopped before', async () => {
    await reflector.stop();
    await started();
    expect(listed()).toBe(0);
  });
});
