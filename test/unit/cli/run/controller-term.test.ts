import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ControllerTerm } from '../../../../cli/run/controller-term.ts';
import { parseConfig } from '../../../../cli/run/config.ts';
import type { ApiRequest } from '../../../../shared/kube/client.ts';
import { ApiError } from '../../../../shared/kube/errors.ts';
import { TokenBucket } from '../../../../shared/kube/rate-limit.ts';
import { createLog } from '../../../../shared/log.ts';
import { ControllerMetrics } from '../../../../controller/metrics/index.ts';
import { createRegistry } from '../../../../shared/metrics/registry.ts';
import { sleep } from '../../../../shared/sleep.ts';
import { eventually } from '../../../support/eventually.ts';
import { FakeClient, FakeWatch } from '../../../support/fake-client.ts';
import { at, sequentialJob } from '../../../support/objects.ts';

const EMPTY = { metadata: { resourceVersion: '1' }, items: [] } as const;

describe('ControllerTerm', () => {
  let client: FakeClient;
  let closed: number;
  let mayAct: boolean;
  let answer: (request: ApiRequest) => unknown;
  let term: ControllerTerm;

  beforeEach(() => {
    mayAct = true;
    closed = 0;
    answer = () => EMPTY;
    client = new FakeClient({
      request: (request) => answer(request),
      stream: ({ signal }) => new FakeWatch(signal).body,
    });
    client.close = async () => void closed++;
    term = new ControllerTerm({
      config: parseConfig([], {}),
      log: createLog({ level: 'silent', format: 'json' }),
      metrics: new ControllerMetrics(createRegistry()),
      client,
      mayAct: () => mayAct,
    });
  });

  afterEach(async () => term.stop());

  it('is ready when its caches are synced, until it is aborted, which closes the connections', async () => {
    expect(term.ready).toBe(false);
    await term.start();
    expect(term.ready).toBe(true);
    expect(client.requests.length).toBeGreaterThan(1);
    term.abort();
    expect([term.ready, closed]).toEqual([false, 1]);
  });

  it('sends nothing while it is not the leader', async () => {
    mayAct = false;
    void term.start();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([...client.requests, ...client.streams]).toEqual([]);
    expect(term.ready).toBe(false);
  });

  it('respects the rate limit, even during the startup', async () => {
    const bucket = new TokenBucket({ qps: 1, burst: 3 });
    const config = parseConfig([], {});
    const log = createLog({ level: 'silent', format: 'json' });
    const slow = new ControllerTerm({ config, log, metrics: new ControllerMetrics(createRegistry()), client, bucket });
    void slow.start();
    await sleep(50);
    expect(client.requests.length + client.streams.length).toBe(3);
    slow.abort();
    await slow.stop();
    expect(client.requests.length + client.streams.length).toBe(3);
  });

  it('ends at once when it is aborted, even with queued events', async () => {
    const step = { index: 0, name: 'extract', jobName: 'etl-0-extract', jobUID: 'a', state: 'Running' } as const;
    const running = sequentialJob({ status: { phase: 'Running', startTime: at(0), steps: [step] } });
    let events = 0;
    answer = ({ method, path, query }) => {
      if (method === 'GET' && query?.['limit'] !== undefined) {
        return path.endsWith('/sequentialjobs') ? { ...EMPTY, items: [running] } : EMPTY;
      }
      if (path.endsWith('/status')) return running;
      if (path.includes('/events')) events++;
      throw new ApiError('ServerError', 'not today', { status: 500 });
    };
    await term.start();
    await eventually('an event', () => (events > 0 ? true : undefined));
    const since = performance.now();
    term.abort();
    await term.stop();
    expect(performance.now() - since).toBeLessThan(1_000);
  });

  it('names the caches that are not synced', async () => {
    expect(term.unsynced).toEqual(['sequentialjobs', 'jobs']);
    await term.start();
    expect(term.unsynced).toEqual([]);
  });

  it('aborts requests in flight when it is aborted', async () => {
    await term.start();
    const { signal } = client.requests.find((request) => request.signal !== undefined) ?? {};
    expect(signal?.aborted).toBe(false);
    await term.stop();
    expect(signal?.aborted).toBe(true);
    expect(closed).toBe(1);
  });
});
