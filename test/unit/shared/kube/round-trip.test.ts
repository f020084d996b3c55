import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Agent } from 'undici';
import { RequestDeadline } from '../../../../shared/kube/request-deadline.ts';
import { roundTrip } from '../../../../shared/kube/round-trip.ts';
import { type Answer, startServer } from '../../../support/http-server.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** One connection at most, so that a second request has to wait for the first. */
async function connect(answer: Answer): Promise<{
  readonly server: Awaited<ReturnType<typeof startServer>>;
  readonly ask: (deadline: RequestDeadline) => ReturnType<typeof roundTrip>;
}> {
  const server = await startServer(answer);
  const agent = new Agent({ connections: 1, pipelining: 1 });
  cleanups.push(
    () => server.close(),
    () => agent.destroy(),
  );
  const request = { origin: server.url, path: '/', method: 'GET' } as const;
  return { server, ask: (deadline) => roundTrip(agent, request, { deadline }) };
}

function deadline(ms = 30_000, signal?: AbortSignal): RequestDeadline {
  const made = new RequestDeadline(ms, signal);
  cleanups.push(() => made.clear());
  return made;
}

describe('a round trip', () => {
  it('skips informational responses', async () => {
    const { ask } = await connect((_, response) => {
      response.writeProcessing();
      response.writeHead(200).end('{}');
    });
    expect(await ask(deadline())).toEqual({ status: 200, retryAfter: undefined, text: '{}' });
  });

  it('never sends a request that was aborted while it waited for a connection', async () => {
    const { server, ask } = await connect((_, response) => setTimeout(() => response.end('{}'), 100));
    const caller = new AbortController();
    const first = ask(deadline());
    const second = ask(deadline(30_000, caller.signal));
    caller.abort();
    await expect(second).rejects.toMatchObject({ code: 'Aborted' });
    await first;
    await ask(deadline());
    expect(server.received).toHaveLength(2);
  });

  it('aborts the request in flight at the timeout', async () => {
    const { ask } = await connect(() => undefined);
    const short = deadline(50);
    await expect(ask(short)).rejects.toMatchObject({ code: 'Aborted' });
    expect(short.isExpired).toBe(true);
  });
});

describe('a request deadline', () => {
  it('calls a listener at once if it has already passed', () => {
    const caller = new AbortController();
    caller.abort();
    let calls = 0;
    deadline(30_000, caller.signal).onCancel(() => calls++);
    expect(calls).toBe(1);
  });

  it.each<readonly [string, (made: RequestDeadline, takeOff: () => void) => void]>([
    ['removed before it passed', (_, takeOff) => takeOff()],
    ['cleared', (made) => made.clear()],
  ])('does not call a listener that was %s', (_says, silence) => {
    const caller = new AbortController();
    const made = deadline(30_000, caller.signal);
    let calls = 0;
    silence(
      made,
      made.onCancel(() => calls++),
    );
    caller.abort();
    expect(calls).toBe(0);
  });

  it('ends once, and has expired only if it has passed', async () => {
    const caller = new AbortController();
    const made = deadline(20, caller.signal);
    let calls = 0;
    made.onCancel(() => calls++);
    caller.abort();
    await once(AbortSignal.timeout(60), 'abort');
    expect([calls, made.isExpired]).toEqual([1, false]);
  });
});
