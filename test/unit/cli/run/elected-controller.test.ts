import { getEventListeners } from 'node:events';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ElectedController } from '../../../../cli/run/elected-controller.ts';
import { unlessAborted } from '../../../../cli/run/stop-signal.ts';

type Deferred<T> = ReturnType<typeof Promise.withResolvers<T>>;

const settled = async (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe('ElectedController', () => {
  /** What happened, in order. */
  let calls: string[];
  let campaigning: AbortSignal;
  let won: Deferred<void>;
  let lost: Deferred<void>;
  let drained: Deferred<void>;
  let started: Deferred<void>;
  let synced: boolean;
  let stop: AbortController;
  let controller: ElectedController;

  beforeEach(() => {
    calls = [];
    won = Promise.withResolvers();
    lost = Promise.withResolvers();
    drained = Promise.withResolvers();
    started = Promise.withResolvers();
    synced = false;
    stop = new AbortController();
    let terms = 0;
    controller = new ElectedController({ elector, newTerm: () => newTerm(++terms) });
  });

  const elector = {
    async acquire(signal: AbortSignal): Promise<boolean> {
      calls.push('campaign');
      campaigning = signal;
      await unlessAborted(signal, won.promise);
      return !signal.aborted;
    },
    async renew(signal: AbortSignal): Promise<void> {
      await unlessAborted(signal, lost.promise);
      calls.push(signal.aborted ? 'renewed to the end' : 'lost');
    },
    async release(): Promise<void> {
      calls.push('release');
    },
  };

  const newTerm = (number: number): ReturnType<ConstructorParameters<typeof ElectedController>[0]['newTerm']> => ({
    get ready() {
      return synced;
    },
    unsynced: ['jobs'],
    async start() {
      calls.push(`start ${number}`);
      await started.promise;
    },
    async stop() {
      calls.push(`stop ${number}`);
      await drained.promise;
      calls.push(`stopped ${number}`);
    },
    abort: () => void calls.push(`cut off ${number}`),
  });

  async function win(): Promise<void> {
    won.resolve();
    await settled();
    won = Promise.withResolvers();
  }

  it('starts nothing before it is the leader', async () => {
    void controller.start(stop.signal);
    await settled();
    expect(calls).toEqual(['campaign']);
    await win();
    expect(calls).toEqual(['campaign', 'start 1']);
  });

  it('aborts the controller as soon as it loses the Lease, and campaigns again, with a new controller, when the old one has ended', async () => {
    void controller.start(stop.signal);
    await win();
    calls.length = 0;
    lost.resolve();
    await settled();
    expect(calls).toEqual(['lost', 'cut off 1', 'stop 1']);
    drained.resolve();
    await settled();
    expect(calls.slice(3)).toEqual(['stopped 1', 'campaign']);
    lost = Promise.withResolvers();
    await win();
    expect(calls.slice(5)).toEqual(['start 2']);
  });

  it('drains before it releases the Lease, and renews it until then', async () => {
    const running = controller.start(stop.signal);
    await win();
    calls.length = 0;
    stop.abort();
    const stopping = controller.stop();
    await settled();
    expect(calls).toEqual(['stop 1']);
    drained.resolve();
    await stopping;
    await running;
    expect(calls).toEqual(['stop 1', 'stopped 1', 'renewed to the end', 'cut off 1', 'release']);
  });

  it('aborts the controller if it loses the Lease while it drains', async () => {
    void controller.start(stop.signal);
    await win();
    calls.length = 0;
    stop.abort();
    const stopping = controller.stop();
    await settled();
    lost.resolve();
    await settled();
    expect(calls).toEqual(['stop 1', 'lost', 'cut off 1']);
    drained.resolve();
    await stopping;
    expect(calls.slice(3)).toEqual(['stopped 1', 'release']);
  });

  it('leaves no signal listener behind, after any number of terms', async () => {
    void controller.start(stop.signal);
    drained.resolve();
    const listeners: number[] = [];
    for (let term = 0; term < 20; term++) {
      lost = Promise.withResolvers();
      await win();
      lost.resolve();
      await settled();
      listeners.push(getEventListeners(campaigning, 'abort').length);
    }
    expect(listeners).toEqual(listeners.map(() => listeners[0]));
    expect(controller.unsynced).toEqual([]);
  });

  it('ends a campaign, even if only this role is stopped', async () => {
    const running = controller.start(stop.signal);
    await settled();
    await controller.stop();
    await running;
    expect(calls).toEqual(['campaign', 'release']);
  });

  it('does not start after it was stopped', async () => {
    await controller.stop();
    await controller.start(stop.signal);
    expect(calls).toEqual(['release']);
  });

  it('rejects if the controller rejects, and ends the term', async () => {
    const running = controller.start(stop.signal);
    await win();
    drained.resolve();
    started.reject(new Error('broken'));
    await expect(running).rejects.toThrow('broken');
    expect(calls.slice(2)).toEqual(['stop 1', 'stopped 1', 'renewed to the end', 'cut off 1']);
    await controller.stop();
    expect(calls.at(-1)).toBe('release');
  });

  it('is ready as a standby, and as the leader when its caches are synced', async () => {
    expect(controller.ready).toBe(false);
    void controller.start(stop.signal);
    await settled();
    expect(controller.ready).toBe(true);
    await win();
    expect(controller.ready).toBe(false);
    synced = true;
    expect(controller.ready).toBe(true);
    drained.resolve();
    lost.resolve();
    await settled();
    synced = false;
    expect(controller.ready).toBe(true);
  });
});
