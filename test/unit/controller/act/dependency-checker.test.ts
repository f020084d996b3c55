import { describe, expect, it } from '@jest/globals';
import { DependencyChecker } from '../../../../controller/act/dependency-checker.ts';
import type { Dependency } from '../../../../shared/jobs/dependencies.ts';
import type { ApiRequest } from '../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { FakeClient } from '../../../support/fake-client.ts';
import { recordingLog } from '../../../support/recording-log.ts';

const MINUTE = 60_000;

const secret = (name: string): Dependency => ({ kind: 'Secret', name });
const configMap = (name: string): Dependency => ({ kind: 'ConfigMap', name });
const claim = (name: string): Dependency => ({ kind: 'PersistentVolumeClaim', name });
const named = (prefix: string, count: number): readonly Dependency[] =>
  Array.from({ length: count }, (_, i) => secret(`${prefix}-${i}`));

type Answer = (path: string) => unknown;

const AMPLE = { perSecond: 1000, burst: 10_000 };

/** A checker whose server answers as told; by the names of what is asked for, where nothing else is said. */
function setup(answer: Answer = byName, { checkSecrets = true, budget = AMPLE } = {}) {
  const client = new FakeClient({ request: async ({ path }: ApiRequest) => answer(path) });
  const { log, lines } = recordingLog();
  const clock = { ms: 1_000_000 };
  const checker = new DependencyChecker({ client, log, checkSecrets, now: () => clock.ms, budget });
  const paths = (): readonly string[] => client.requests.map(({ path }) => path);
  return { checker, client, clock, lines, paths };
}

const found = { kind: 'PartialObjectMetadata', metadata: {} };

function refuse(code: ApiErrorCode): never {
  throw new ApiError(code, `refused: ${code}`);
}

/** `no-…` isn't there. */
const byName: Answer = (path) => (/\/no-[^/]*$/.test(path) ? refuse('NotFound') : found);

describe('the list of missing objects', () => {
  it.each<readonly [string, readonly Dependency[], readonly Dependency[]]>([
    ['is empty if the step has no dependencies', [], []],
    ['is empty if all objects exist', [secret('a'), configMap('a'), claim('a')], []],
    [
      'has the objects that do not exist',
      [secret('no-a'), configMap('a'), claim('no-a')],
      [secret('no-a'), claim('no-a')],
    ],
  ])('%s', async (_says, needed, expected) => {
    expect(await setup().checker.missing('team-a', needed)).toEqual(expected);
  });

  it('is requested by one GET each, for metadata only', async () => {
    const { checker, client } = setup();
    await checker.missing('team-a', [secret('s'), configMap('m.x'), claim('no-c')]);
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
    expect(client.requests).toEqual([
      { method: 'GET', path: '/api/v1/namespaces/team-a/secrets/s', accept },
      { method: 'GET', path: '/api/v1/namespaces/team-a/configmaps/m.x', accept },
      { method: 'GET', path: '/api/v1/namespaces/team-a/persistentvolumeclaims/no-c', accept },
    ]);
  });

  it('is requested eight objects at a time, and has the order of the step', async () => {
    let open = 0;
    let most = 0;
    const { checker, client } = setup(async () => {
      most = Math.max(most, ++open);
      await new Promise(setImmediate);
      open--;
      return refuse('NotFound');
    });
    const needed = named('s', 50);
    expect(await checker.missing('team-a', needed)).toEqual(needed);
    expect(client.requests).toHaveLength(50);
    expect(most).toBe(8);
  });

  it.each(['..', '.', 'a/b', 'a?b', 'A', '%2e%2e', 'x'.repeat(254)])(
    'has a name that no object can have, %p, without a request',
    async (name) => {
      const { checker, client } = setup();
      const needed = [secret(name), configMap(name), claim(name)];
      expect(await checker.missing('team-a', needed)).toEqual(needed);
      expect(client.requests).toEqual([]);
    },
  );
});

describe('an existing object', () => {
  const needed = [secret('a'), configMap('a'), claim('a')];

  it.each([
    ['is not requested again within a minute', MINUTE - 1, 0],
    ['is requested again after a minute', MINUTE, 3],
    ['is requested again when the clock was set back', -1, 3],
  ])('%s', async (_says, ms, requests) => {
    const { checker, client, clock } = setup();
    await checker.missing('team-a', needed);
    clock.ms += ms;
    client.requests.length = 0;
    expect(await checker.missing('team-a', needed)).toEqual([]);
    expect(client.requests).toHaveLength(requests);
  });

  it('is missing if it was deleted meanwhile', async () => {
    let isThere = true;
    const { checker, clock } = setup(() => (isThere ? found : refuse('NotFound')));
    await checker.missing('team-a', needed);
    isThere = false;
    clock.ms += MINUTE;
    expect(await checker.missing('team-a', needed)).toEqual(needed);
  });

  it('does not count for another namespace, kind or name', async () => {
    const { checker, paths } = setup();
    for (const [namespace, one] of [
      ['x', secret('a')],
      ['y', secret('a')],
      ['x', configMap('a')],
      ['x', secret('b')],
    ] as const) {
      await checker.missing(namespace, [one]);
    }
    expect(paths()).toEqual([
      '/api/v1/namespaces/x/secrets/a',
      '/api/v1/namespaces/y/secrets/a',
      '/api/v1/namespaces/x/configmaps/a',
      '/api/v1/namespaces/x/secrets/b',
    ]);
  });

  it('is cached, up to 4096 of them; the oldest is forgotten first', async () => {
    const { checker, client, clock, paths } = setup();
    await checker.missing('team-a', named('s', 4096));
    clock.ms += MINUTE;
    // Found again, the first is now the youngest.
    await checker.missing('team-a', [secret('s-0')]);
    clock.ms -= MINUTE;
    await checker.missing('team-a', [secret('one-more')]);
    client.requests.length = 0;
    await checker.missing('team-a', [secret('s-1'), secret('s-2'), secret('s-4095'), secret('one-more')]);
    expect(paths()).toEqual(['/api/v1/namespaces/team-a/secrets/s-1']);
  });
});

describe('a missing object', () => {
  it.each([
    ['is not requested again within three seconds', 2_999, 0],
    ['is requested again after three seconds, which is before the next check of the step', 3_000, 1],
    ['is requested again when the clock was set back', -1, 1],
  ])('%s', async (_says, ms, requests) => {
    const { checker, client, clock } = setup();
    expect(await checker.missing('team-a', [secret('no-a')])).toEqual([secret('no-a')]);
    clock.ms += ms;
    client.requests.length = 0;
    expect(await checker.missing('team-a', [secret('no-a')])).toEqual([secret('no-a')]);
    expect(client.requests).toHaveLength(requests);
  });
});

describe('a namespace with too many checks', () => {
  const budget = { perSecond: 2, burst: 10 };

  it('has a limited number of requests, and its other dependencies count as existing', async () => {
    const { checker, client } = setup(byName, { budget });
    expect(await checker.missing('team-a', named('no', 15))).toEqual(named('no', 10));
    expect(client.requests).toHaveLength(10);
  });

  it('does not affect other namespaces', async () => {
    const { checker } = setup(byName, { budget });
    await checker.missing('team-a', named('no', 15));
    expect(await checker.missing('team-b', named('no', 5))).toEqual(named('no', 5));
  });

  it('gets more over time, and never more than the burst', async () => {
    const { checker, client, clock } = setup(byName, { budget });
    const asked = async (prefix: string): Promise<number> => {
      client.requests.length = 0;
      await checker.missing('team-a', named(prefix, 30));
      return client.requests.length;
    };
    expect(await asked('a')).toBe(10);
    clock.ms += 1_000;
    expect(await asked('b')).toBe(2);
    clock.ms += MINUTE;
    expect(await asked('c')).toBe(10);
    clock.ms -= MINUTE;
    expect(await asked('d')).toBe(0);
  });

  it('uses the previous result for missing objects if its budget is exhausted', async () => {
    const { checker, clock } = setup(byName, { budget });
    await checker.missing('team-a', [secret('no-a'), ...named('no', 9)]);
    clock.ms += 3_000;
    await checker.missing('team-a', named('other', 6));
    expect(await checker.missing('team-a', [secret('no-a'), secret('no-new')])).toEqual([secret('no-a')]);
    // Not for good: something else may have taken the tokens all the time.
    clock.ms += 57_000;
    await checker.missing('team-a', named('more', 10));
    expect(await checker.missing('team-a', [secret('no-a')])).toEqual([]);
  });
});

describe('without the permission', () => {
  /** Secrets are refused; config maps are not there. */
  const noSecrets: Answer = (path) => refuse(path.includes('/secrets/') ? 'Forbidden' : 'NotFound');

  it('objects of that kind count as existing, and the others are checked', async () => {
    const { checker } = setup(noSecrets);
    const needed = [secret('a'), configMap('a'), secret('b')];
    expect(await checker.missing('team-a', needed)).toEqual([configMap('a')]);
  });

  it.each([
    ['is not requested again within ten minutes', 10 * MINUTE - 1, 0],
    ['is requested again after ten minutes', 10 * MINUTE, 1],
    ['is requested again when the clock was set back', -1, 1],
  ])('%s', async (_says, ms, requests) => {
    const { checker, client, clock } = setup(noSecrets);
    await checker.missing('team-a', [secret('a')]);
    clock.ms += ms;
    client.requests.length = 0;
    expect(await checker.missing('team-a', [secret('b')])).toEqual([]);
    expect(client.requests).toHaveLength(requests);
  });

  it('the result does not depend on the order of responses', async () => {
    // A role may name the one Secret that it allows, and so tell that it is missing.
    const some: Answer = (path) => refuse(path.endsWith('/allowed') ? 'NotFound' : 'Forbidden');
    for (const needed of [
      [secret('allowed'), secret('other')],
      [secret('other'), secret('allowed')],
    ]) {
      const { checker } = setup(some);
      expect(await checker.missing('team-a', needed)).toEqual([]);
      expect(await checker.missing('team-a', needed)).toEqual([]);
    }
  });

  it('in one namespace, the other namespaces are checked', async () => {
    const { checker } = setup((path) => refuse(path.includes('/closed/') ? 'Forbidden' : 'NotFound'));
    expect(await checker.missing('closed', [secret('a')])).toEqual([]);
    expect(await checker.missing('open', [secret('a')])).toEqual([secret('a')]);
  });

  it('this is logged once for each kind, not for each namespace, and not again', async () => {
    const { checker, clock, lines } = setup(() => refuse('Forbidden'));
    const needed = [secret('a'), secret('b'), configMap('a')];
    await checker.missing('one', needed);
    await checker.missing('two', needed);
    clock.ms += 11 * MINUTE;
    await checker.missing('one', [...needed, claim('a')]);
    expect(lines).toEqual(
      ['Secret', 'ConfigMap', 'PersistentVolumeClaim'].map((kind) =>
        expect.objectContaining({ level: 'warn', kind, namespace: 'one', reason: 'refused: Forbidden' }),
      ),
    );
  });
});

describe('without --check-secrets', () => {
  it('no Secret is requested or missing, and other objects are checked as usual', async () => {
    const { checker, paths, lines } = setup(byName, { checkSecrets: false });
    expect(await checker.missing('team-a', [secret('no-a'), secret('b'), configMap('no-c')])).toEqual([
      configMap('no-c'),
    ]);
    expect(paths()).toEqual(['/api/v1/namespaces/team-a/configmaps/no-c']);
    expect(lines).toEqual([]);
  });
});

describe('a failed request', () => {
  it('rejects with its error, and gives no result', async () => {
    const error = new ApiError('TooManyRequests', 'as it came', { retryAfterMs: 3000 });
    const { checker, lines } = setup((path) => {
      if (path.endsWith('/bad')) throw error;
      return byName(path);
    });
    await expect(checker.missing('team-a', [secret('no-a'), secret('bad')])).rejects.toBe(error);
    expect(await checker.missing('team-a', [secret('no-a')])).toEqual([secret('no-a')]);
    expect(lines).toEqual([]);
  });

  it('stops the check: requests in flight finish, and no more are sent', async () => {
    const { checker, client } = setup(async (path) => {
      await new Promise(setImmediate);
      return path.endsWith('/s-0') ? refuse('ServerError') : found;
    });
    await expect(checker.missing('team-a', named('s', 50))).rejects.toThrow('refused: ServerError');
    const sent = client.requests.length;
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    // A worker whose answer came together with the failure may have sent its next.
    expect(sent).toBeLessThanOrEqual(2 * 8);
    expect(client.requests).toHaveLength(sent);
  });
});
