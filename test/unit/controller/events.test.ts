import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventRecorder } from '../../../controller/events.ts';
import type { EventDraft } from '../../../shared/api/reasons.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode, isApiError } from '../../../shared/kube/errors.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { NOW, NOW_MS, sequentialJob, UID } from '../../support/objects.ts';
import { cronSequentialJob } from '../../support/schedules.ts';

interface EventBody {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly message: string;
  readonly count: number;
}

const STARTED: EventDraft = { type: 'Normal', reason: 'SequenceStarted', message: 'Started the sequence of 3 steps' };
const TROUBLE: EventDraft = { type: 'Warning', reason: 'ReconciliationFailed', message: 'connect ECONNREFUSED' };
const numbered = (i: number): EventDraft => ({ type: 'Normal', reason: 'JobStarted', message: `event ${i}` });
const refusal = (code: ApiErrorCode, retryAfterMs?: number): ApiError =>
  new ApiError(code, `it was ${code}`, { retryAfterMs });

const terminating = new ApiError('Forbidden', 'it is being terminated', {
  status: 403,
  causes: [{ reason: 'NamespaceTerminating' }],
});

describe('EventRecorder', () => {
  /** Events as the API server has them, by name. */
  let stored: Map<string, EventBody>;
  /** What comes instead of the next answers; 'lost': the write is done, its answer is not heard. */
  let faults: (ApiErrorCode | ApiError | 'lost' | undefined)[];
  let dropped: string[];
  let held: (() => void)[] | undefined;
  let client: FakeClient;
  let recorder: EventRecorder;
  let now: number;

  function make(): EventRecorder {
    return new EventRecorder({
      client,
      now: () => now,
      random: () => 1,
      onDrop: ({ message }, error) =>
        dropped.push(
          `${message}: ${isApiError(error) ? error.code : error instanceof Error ? String(error) : 'no error'}`,
        ),
    });
  }

  function answer(request: ApiRequest): unknown {
    const fault = faults.shift();
    if (fault instanceof ApiError) throw fault;
    if (fault !== undefined && fault !== 'lost') throw refusal(fault);
    const result = carryOut(request);
    if (fault === 'lost') throw refusal('Timeout');
    return result;
  }

  function carryOut({ method, path, body }: ApiRequest): unknown {
    if (method === 'POST') {
      const event = body as EventBody;
      if (stored.has(event.metadata.name)) throw refusal('AlreadyExists');
      stored.set(event.metadata.name, event);
      return event;
    }
    const name = path.split('/').at(-1) ?? '';
    const known = stored.get(name);
    if (known === undefined) throw refusal('NotFound');
    if (method === 'PATCH') stored.set(name, { ...known, ...(body as Partial<EventBody>) });
    return stored.get(name);
  }

  beforeEach(() => {
    jest.useFakeTimers();
    stored = new Map();
    faults = [];
    dropped = [];
    held = undefined;
    now = NOW_MS;
    client = new FakeClient({
      request: async (request) => {
        const waiting = held;
        if (waiting !== undefined) {
          await new Promise<void>((resolve) => {
            waiting.push(resolve);
          });
        }
        return answer(request);
      },
    });
    recorder = make();
  });

  afterEach(async () => {
    const closing = recorder.close(0);
    await jest.advanceTimersByTimeAsync(0);
    await closing;
    jest.useRealTimers();
  });

  const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);
  const emit = (event: EventDraft): void => recorder.emit(sequentialJob(), event);
  const methods = (): readonly string[] => client.requests.map(({ method }) => method);
  const events = (): readonly EventBody[] => [...stored.values()];

  it('of a CronSequentialJob is about that kind', async () => {
    recorder.emit(cronSequentialJob(), { type: 'Normal', reason: 'RunStarted', message: 'x' });
    await pass();
    expect(client.requests).toMatchObject([
      {
        body: {
          involvedObject: { apiVersion: 'batch.example.com/v1beta1', kind: 'CronSequentialJob', name: 'nightly' },
        },
      },
    ]);
  });

  it('writes an Event in the form that kubectl describe expects', async () => {
    emit(STARTED);
    await pass();
    expect(client.requests).toEqual([
      {
        method: 'POST',
        path: '/api/v1/namespaces/team-a/events',
        ignoresAnswer: true,
        query: { fieldManager: 'sequentialjob-controller' },
        body: {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^etl\.[0-9a-f]{16}$/), namespace: 'team-a' },
          involvedObject: {
            apiVersion: 'batch.example.com/v1beta1',
            kind: 'SequentialJob',
            namespace: 'team-a',
            name: 'etl',
            uid: UID,
            resourceVersion: '100',
          },
          type: 'Normal',
          reason: 'SequenceStarted',
          message: 'Started the sequence of 3 steps',
          source: { component: 'sequentialjob-controller' },
          reportingComponent: 'sequentialjob-controller',
          reportingInstance: '',
          firstTimestamp: NOW,
          lastTimestamp: NOW,
          count: 1,
        },
      },
    ]);
  });

  it.each([
    ['a message of 1024 bytes is unchanged', 'x'.repeat(1024), 'x'.repeat(1024)],
    ['a longer message is truncated to the limit of the API server', 'x'.repeat(1025), `${'x'.repeat(1021)}…`],
  ])('%s', async (_says, message, expected) => {
    emit({ ...STARTED, message });
    await pass();
    expect(events()[0]?.message).toBe(expected);
  });

  it('Events of the same millisecond get names that sort in their order', async () => {
    for (let i = 0; i < 20; i++) emit(numbered(i));
    now += 1;
    emit(numbered(20));
    await pass();
    const inOrder = events().toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    expect(inOrder.map(({ message }) => message)).toEqual(Array.from({ length: 21 }, (_, i) => `event ${i}`));
  });

  it.each([
    [4, 53],
    [5, 55],
    [14, 514],
    [32, 9_000],
  ])('writes %i in parallel if %i are queued', async (parallel, count) => {
    held = [];
    for (let i = 0; i < count; i++) emit(numbered(i));
    await pass();
    expect(client.requests).toHaveLength(parallel);
  });

  it('writes all queued Events, each once and in order', async () => {
    for (let i = 0; i < 5_000; i++) emit(numbered(i));
    await pass();
    expect(events().map(({ message }) => message)).toEqual(Array.from({ length: 5_000 }, (_, i) => `event ${i}`));
    expect(client.requests).toHaveLength(5_000);
    expect(dropped).toEqual([]);
  });

  it('counts an Event that is emitted twice', async () => {
    emit(STARTED);
    emit(STARTED);
    await pass();
    expect(events()).toMatchObject([{ count: 1 }, { count: 1 }]);
  });

  describe('a repeated Event', () => {
    it('is one Event with a count: one request for each repeat', async () => {
      for (let i = 0; i < 3; i++) {
        emit(TROUBLE);
        await pass();
        now += 60_000;
      }
      expect(methods()).toEqual(['POST', 'PATCH', 'PATCH']);
      expect(client.requests.at(-1)).toMatchObject({
        contentType: 'application/merge-patch+json',
        body: { count: 3, lastTimestamp: '2026-11-02T10:02:00Z' },
      });
      expect(events()).toMatchObject([{ count: 3, firstTimestamp: NOW }]);
    });

    it('causes one request while it is queued', async () => {
      held = [];
      emit(TROUBLE);
      for (let i = 0; i < 5; i++) emit(TROUBLE);
      const [first] = held;
      held = undefined;
      first?.();
      await pass();
      expect(methods()).toEqual(['POST', 'PATCH']);
      expect(events()).toMatchObject([{ count: 6 }]);
    });

    it('increments the count of the stored Event after a restart', async () => {
      for (let i = 0; i < 4; i++) emit(TROUBLE);
      await pass();
      recorder = make();
      emit(TROUBLE);
      await pass();
      emit(TROUBLE);
      await pass();
      expect(methods().slice(-4)).toEqual(['POST', 'GET', 'PATCH', 'PATCH']);
      expect(events()).toMatchObject([{ count: 6 }]);
    });

    it('is created again after the stored one has expired', async () => {
      emit(TROUBLE);
      await pass();
      stored.clear();
      emit(TROUBLE);
      await pass();
      emit(TROUBLE);
      await pass();
      expect(methods()).toEqual(['POST', 'PATCH', 'POST', 'PATCH']);
      expect(events()).toMatchObject([{ count: 2 }]);
      expect(dropped).toEqual([]);
    });

    it.each<readonly [string, EventDraft, Parameters<typeof sequentialJob>[0]]>([
      ['another message', { ...TROUBLE, message: 'other' }, {}],
      ['another object', TROUBLE, { metadata: { name: 'other', uid: 'other' } }],
      ['another object of the same name', TROUBLE, { metadata: { uid: 'other' } }],
    ])('is distinguished from %s', async (_says, event, object) => {
      emit(TROUBLE);
      recorder.emit(sequentialJob(object), event);
      await pass();
      expect(events()).toMatchObject([{ count: 1 }, { count: 1 }]);
    });
  });

  describe('an error', () => {
    it('that is transient is retried with exponential backoff', async () => {
      faults = ['ServerError', 'Unreachable', 'TooManyRequests'];
      emit(STARTED);
      await pass(499);
      expect(methods()).toHaveLength(1);
      await pass(1 + 1000 + 2000);
      expect(events()).toHaveLength(1);
      expect(dropped).toEqual([]);
    });

    it('with Retry-After delays the next request', async () => {
      faults = [refusal('TooManyRequests', 9000)];
      emit(STARTED);
      await pass(8999);
      expect(methods()).toHaveLength(1);
      await pass(1);
      expect(events()).toHaveLength(1);
    });

    it('does not delay other Events', async () => {
      faults = ['ServerError'];
      emit(numbered(1));
      emit(numbered(2));
      await pass();
      expect(events()).toMatchObject([{ message: 'event 2' }]);
    });

    it('that persists is retried six times: then the Event is dropped, logged and counted', async () => {
      faults = Array.from({ length: 20 }, () => 'Unreachable' as const);
      emit(STARTED);
      await pass(60_000);
      expect(methods()).toHaveLength(6);
      expect(dropped).toEqual(['Started the sequence of 3 steps: Unreachable']);
    });

    it.each(['Forbidden', 'Invalid'] as const)('%s: the Event is dropped at once', async (code) => {
      faults = [code];
      emit(STARTED);
      await pass(60_000);
      expect(methods()).toHaveLength(1);
      expect(dropped).toEqual([`Started the sequence of 3 steps: ${code}`]);
    });

    it.each([
      ['is being deleted', terminating],
      ['does not exist', new ApiError('NotFound', 'namespaces "team-a" not found', { status: 404 })],
    ])(
      'in a namespace that %s: the Event is not counted as dropped, and no other is sent to that namespace for a minute',
      async (_says, error) => {
        faults = [error];
        emit(STARTED);
        await pass();
        emit(numbered(1));
        recorder.emit(sequentialJob({ metadata: { namespace: 'team-b' } }), numbered(2));
        now += 59_999;
        emit(numbered(3));
        await pass(60_000);
        expect(client.requests.map(({ path }) => path)).toEqual([
          '/api/v1/namespaces/team-a/events',
          '/api/v1/namespaces/team-b/events',
        ]);
        now += 1;
        emit(numbered(4));
        await pass();
        expect(events().map(({ message }) => message)).toEqual(['event 2', 'event 4']);
        expect(dropped).toEqual([]);
      },
    );

    it('a lost response does not cause a duplicate', async () => {
      faults = ['lost'];
      emit(STARTED);
      await pass(500);
      expect(methods()).toEqual(['POST', 'POST']);
      expect(events()).toHaveLength(1);
      expect(dropped).toEqual([]);
    });
  });

  it('queues at most 10,000 Events: the newest is dropped, logged and counted', () => {
    held = [];
    for (let i = 0; i < 10_032; i++) emit(numbered(i)); // of which 32 are being written
    expect(dropped).toEqual([]);
    emit(numbered(10_032));
    expect(dropped).toEqual(['event 10032: no error']);
  });

  describe('close', () => {
    async function closed(ms: number): Promise<() => boolean> {
      let done = false;
      void (async () => {
        await recorder.close(ms);
        done = true;
      })();
      await pass();
      return () => done;
    }

    it('waits until all Events are written', async () => {
      held = [];
      for (let i = 0; i < 6; i++) emit(numbered(i));
      const isDone = await closed(5000);
      expect(isDone()).toBe(false);
      const first = held;
      held = undefined;
      for (const release of first) release();
      await pass();
      expect(isDone()).toBe(true);
      expect(events()).toHaveLength(6);
      expect(dropped).toEqual([]);
    });

    it('stops at the timeout: the remaining Events are dropped, logged and not sent', async () => {
      faults = Array.from({ length: 100 }, () => 'Unreachable' as const);
      for (let i = 0; i < 6; i++) emit(numbered(i));
      const isDone = await closed(100);
      await pass(99);
      expect(isDone()).toBe(false);
      await pass(1);
      expect(isDone()).toBe(true);
      const asked = methods().length;
      await pass(60_000);
      expect(methods().length).toBeLessThanOrEqual(asked + 4);
      expect(dropped.toSorted()).toEqual(
        [0, 1, 2, 3, 4, 5].map((i) => `event ${i}: ${i < 4 ? 'Unreachable' : 'no error'}`),
      );
      expect(jest.getTimerCount()).toBe(0);
    });

    it('returns at once after an abort, because no request would be sent', async () => {
      faults = Array.from({ length: 100 }, () => 'Aborted' as const);
      emit(STARTED);
      emit(numbered(1));
      await pass();
      recorder.abort();
      expect((await closed(5000))()).toBe(true);
      expect(methods()).toHaveLength(4);
      expect(dropped.toSorted()).toEqual(['Started the sequence of 3 steps: Aborted', 'event 1: Aborted']);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('returns at once after an abort, even with a request in flight', async () => {
      held = [];
      emit(STARTED);
      await pass();
      recorder.abort();
      expect((await closed(5000))()).toBe(true);
    });

    it('accepts no more Events', async () => {
      await closed(0);
      emit(STARTED);
      await pass();
      expect(methods()).toEqual([]);
      expect(dropped).toEqual(['Started the sequence of 3 steps: no error']);
    });
  });
});
