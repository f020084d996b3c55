/** When events hold new work back, and when they don't. */
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { EventRecorder } from '../../../controller/events.ts';
import { ApiError, type ApiErrorCode } from '../../../shared/kube/errors.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { NOW_MS, sequentialJob } from '../../support/objects.ts';

/** More than that many waiting is far behind; so many are being written beside them. */
const FAR_BEHIND = 2_000;
const WRITING = 32;

let writes: PromiseWithResolvers<unknown>[];
let recorder: EventRecorder;
let dropped: number;

const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

function emit(count: number): void {
  for (let i = 0; i < count; i++) {
    recorder.emit(sequentialJob(), { type: 'Normal', reason: 'JobStarted', message: `event ${i}` });
  }
}

/** Ends so many of the writes that are under way, well or not. */
async function end(count: number, code?: ApiErrorCode): Promise<void> {
  for (const { resolve, reject } of writes.splice(0, count)) {
    if (code === undefined) resolve({});
    else reject(new ApiError(code, `it was ${code}`));
  }
  await pass();
}

/** After how many milliseconds, 5000 at most, there is room; `meanwhile` is done in each of the first. */
async function waited(meanwhile: () => Promise<void> = async () => undefined): Promise<number> {
  const begun = performance.now();
  const at: number[] = [];
  void recorder.waitForCapacity().then(() => at.push(performance.now()));
  await pass();
  for (let ms = 0; ms < 5_000 && at.length === 0; ms++) {
    await pass(1);
    await meanwhile();
  }
  return (at[0] ?? Number.NaN) - begun;
}

beforeEach(() => {
  jest.useFakeTimers();
  writes = [];
  dropped = 0;
  const client = new FakeClient({
    request: () => {
      const write = Promise.withResolvers<unknown>();
      writes.push(write);
      return write.promise;
    },
  });
  recorder = new EventRecorder({ client, now: () => NOW_MS, random: () => 1, onDrop: () => dropped++ });
});

afterEach(async () => {
  const closing = recorder.close(0);
  await pass();
  await closing;
  jest.useRealTimers();
});

it.each([
  ['if no Event is queued', 0],
  ['if many Events are queued', FAR_BEHIND],
  ['if the most Events are queued that delay no reconcile', FAR_BEHIND + WRITING],
])('a reconcile is not delayed %s', async (_says, count) => {
  emit(count);
  expect(await waited()).toBe(0);
});

it('with a long queue, there is capacity after enough Events are written', async () => {
  emit(FAR_BEHIND + WRITING + 10);
  expect(await waited(() => end(1))).toBe(10);
});

it('with a long queue, there is capacity after a second in any case, and the next reconcile waits again', async () => {
  emit(FAR_BEHIND + WRITING + 5_000);
  for (let reconcile = 0; reconcile < 3; reconcile++) expect(await waited(() => end(1))).toBe(1_000);
});

it('all waiting reconciles continue at once', async () => {
  emit(FAR_BEHIND + WRITING + 1);
  let gone = 0;
  for (let i = 0; i < 16; i++) void recorder.waitForCapacity().then(() => gone++);
  await pass(999);
  expect(gone).toBe(0);
  await end(1);
  expect(gone).toBe(16);
  expect(jest.getTimerCount()).toBe(0);
});

it('if no Event can be written, one reconcile waits for a second, and no other does', async () => {
  emit(FAR_BEHIND + WRITING + 5_000);
  expect([await waited(), await waited(), await waited()]).toEqual([1_000, 0, 0]);
});

it.each(['ServerError', 'Unreachable'] as const)(
  '%s: waiting reconciles continue, and no other waits until a hundred Events have been written',
  async (code) => {
    emit(FAR_BEHIND + WRITING + 5_000);
    let calls = 0;
    expect(await waited(() => end(1, calls++ === 10 ? code : undefined))).toBe(11);
    expect(await waited()).toBe(0);
    await end(31);
    for (let round = 0; round < 2; round++) await end(31);
    expect(await waited()).toBe(0);
    await end(31);
    expect(await waited(() => end(1))).toBe(1_000);
  },
);

it('if the API server keeps rejecting Events, the queue empties, and reconciles wait no longer than that', async () => {
  emit(FAR_BEHIND + WRITING + 10);
  expect(await waited(() => end(1, 'Forbidden'))).toBe(10);
  expect(dropped).toBe(10);
});

it('a closed recorder delays no reconcile, and releases the waiting ones', async () => {
  emit(FAR_BEHIND + WRITING + 10);
  const waiting = waited();
  void recorder.close(10_000);
  expect(await waiting).toBeLessThanOrEqual(1);
  expect(await waited()).toBe(0);
});
