import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ControllerTerm } from '../../../../cli/run/controller-term.ts';
import { parseConfig } from '../../../../shared/config.ts';
import { TokenBucket } from '../../../../shared/kube/rate-limit.ts';
import { createLog } from '../../../../shared/log.ts';
import { ControllerMetrics } from '../../../../shared/metrics/controller.ts';
import { createRegistry } from '../../../../shared/metrics/registry.ts';
import { sleep } from '../../../../shared/sleep.ts';
import { FakeClient, FakeWatch } from '../../../support/fake-client.ts';

describe('ControllerTerm', () => {
  let client: FakeClient;
  let closed: number;
  let mayAct: boolean;
  let term: ControllerTerm;

  beforeEach(() => {
    mayAct = true;
    closed = 0;
    client = new FakeClient({
      request: () => ({ metadata: { resourceVersion: '1' }, items: [] }),
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

  it('is ready when it has listed everything, until it is cut off, which closes the connection', async () => {
    expect(term.ready).toBe(false);
    await term.start();
    expect(term.ready).toBe(true);
    expect(client.requests.length).toBeGreaterThan(1);
    term.cutOff();
    expect([term.ready, closed]).toEqual([false, 1]);
  });

  it('sends nothing where it may not act', async () => {
    mayAct = false;
    void term.start();
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([...client.requests, ...client.streams]).toEqual([]);
    expect(term.ready).toBe(false);
  });

  it('asks for nothing faster than its limit allows, also at the start', async () => {
    const bucket = new TokenBucket({ qps: 1, burst: 3 });
    const config = parseConfig([], {});
    const log = createLog({ level: 'silent', format: 'json' });
    const slow = new ControllerTerm({ config, log, metrics: new ControllerMetrics(createRegistry()), client, bucket });
    void slow.start();
    await sleep(50);
    expect(client.requests.length + client.streams.length).toBe(3);
    slow.cutOff();
    await slow.stop();
    expect(client.requests.length + client.streams.length).toBe(3);
  });

  it('lets what is in flight fail when it is cut off', async () => {
    await term.start();
    const { signal } = client.requests.find((request) => request.signal !== undefined) ?? {};
    expect(signal?.aborted).toBe(false);
    await term.stop();
    expect(signal?.aborted).toBe(true);
    expect(closed).toBe(1);
  });
});
