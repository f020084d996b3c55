import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EventLookupResult, EventSubject } from '../../../controller/decide/index.ts';
import { EventLookup } from '../../../controller/event-lookup.ts';
import { type ObservedJob, sequentialJobOwner } from '../../../shared/api/job.ts';
import { Cache } from '../../../shared/kube/cache.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { at, completed, NAMESPACE, NOW_MS, observedJob } from '../../support/objects.ts';
import { JOB_UID } from '../../support/pods.ts';
import { recordingLog } from '../../support/recording-log.ts';

const JOB = observedJob(1);
const SUBJECT: EventSubject = { kind: 'Pod', name: 'p', uid: 'pod-1' };
const raw = (reason: string, message = reason, seconds = 1): unknown => ({
  reason,
  message,
  lastTimestamp: at(seconds),
});

describe('EventLookup', () => {
  let nowMs: number;
  let answer: () => unknown;
  let client: FakeClient;
  let jobs: Cache<ObservedJob>;
  let recording: ReturnType<typeof recordingLog>;
  let lookup: EventLookup;

  beforeEach(() => {
    nowMs = NOW_MS;
    answer = () => ({ items: [raw('FailedMount')] });
    client = new FakeClient({ request: () => answer() });
    jobs = new Cache<ObservedJob>((job) => sequentialJobOwner(job)?.uid);
    jobs.observe(JOB);
    recording = recordingLog();
    lookup = new EventLookup({ client, log: recording.log, jobs, now: () => nowMs });
  });

  /** Half a second later, when the next request may be sent. */
  async function ask(job = JOB, subject = SUBJECT): Promise<EventLookupResult> {
    nowMs += 500;
    return lookup.lookUp(job, subject);
  }
  const reasons = ({ events }: EventLookupResult): readonly string[] => events.map(({ reason }) => reason);

  it('lists the Events about one object, in its namespace, and caches them for the Job', async () => {
    const look = await ask();
    expect(client.requests).toMatchObject([
      {
        method: 'GET',
        path: `/api/v1/namespaces/${NAMESPACE}/events`,
        query: { fieldSelector: 'involvedObject.uid=pod-1', limit: 100 },
      },
    ]);
    expect(look).toStrictEqual({
      uid: 'pod-1',
      requestedMs: nowMs,
      events: [{ reason: 'FailedMount', message: 'FailedMount', lastSeen: at(1) }],
    });
    expect(lookup.cached(JOB_UID)).toEqual(look);
  });

  it('keeps the newest Event of each reason, and drops reasons that explain nothing', async () => {
    answer = () => ({
      items: [raw('FailedMount', 'new', 9), raw('Scheduled'), raw('FailedMount', 'old', 3), raw('Pulled'), raw('x')],
    });
    expect((await ask()).events.map(({ reason, message }) => [reason, message])).toEqual([
      ['FailedMount', 'new'],
      ['Pulled', 'Pulled'],
    ]);
  });

  describe('about the claims of a Pod', () => {
    const ofClaim = (name: string, message: string): unknown => ({
      ...(raw('ProvisioningFailed', message) as object),
      involvedObject: { kind: 'PersistentVolumeClaim', name },
    });
    const waitsFor = (...claims: readonly string[]): EventSubject => ({ ...SUBJECT, claims });

    it.each([
      [['work-etl'], 'involvedObject.kind=PersistentVolumeClaim,involvedObject.name=work-etl'],
      [['work-etl', 'cache-etl'], 'involvedObject.kind=PersistentVolumeClaim'],
    ])('%j selects Events by %s', async (claims, fieldSelector) => {
      await ask(JOB, waitsFor(...claims));
      expect(client.requests).toMatchObject([{ query: { fieldSelector, limit: 100 } }]);
    });

    it('names the claim in the message, and drops Events about other claims', async () => {
      answer = () => ({
        items: [ofClaim('another', 'no'), ofClaim('work-etl', 'no class'), raw('ProvisioningFailed')],
      });
      const look = await ask(JOB, waitsFor('work-etl', 'cache-etl'));
      expect(look).toMatchObject({ uid: 'pod-1', claims: ['work-etl', 'cache-etl'] });
      expect(look.events.map(({ message }) => message)).toEqual(['PersistentVolumeClaim "work-etl": no class']);
    });

    it('drops the Events about the Pod itself', async () => {
      await ask();
      answer = () => {
        throw new ApiError('ServerError', 'no');
      };
      expect(reasons(await ask(JOB, waitsFor('work-etl')))).toEqual([]);
    });
  });

  it.each([{ items: null }, {}])('%j is not an Event', async (list) => {
    answer = () => list;
    expect((await ask()).events).toEqual([]);
  });

  it('a failed list is not an error: the known Events stay, and the next list is delayed', async () => {
    await ask();
    answer = () => {
      throw new ApiError('ServerError', 'no');
    };
    const look = await ask();
    expect(reasons(look)).toEqual(['FailedMount']);
    expect(look).toMatchObject({ requestedMs: nowMs, retryMs: nowMs + 10_000 });
  });

  it('Events about another object are dropped', async () => {
    await ask();
    answer = () => {
      throw new ApiError('ServerError', 'no');
    };
    expect(reasons(await ask(JOB, { ...SUBJECT, uid: 'pod-2' }))).toEqual([]);
  });

  it('a missing permission is logged once, and the next list in that namespace is sent after ten minutes', async () => {
    answer = () => {
      throw new ApiError('Forbidden', 'events is forbidden');
    };
    await ask();
    expect(await ask()).not.toHaveProperty('retryMs');
    expect(client.requests).toHaveLength(1);
    await ask(observedJob(1, { metadata: { namespace: 'team-b' } }));
    expect(client.requests).toHaveLength(2);
    expect(recording.lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { namespace: NAMESPACE, reason: 'events is forbidden' },
    ]);
    nowMs += 600_000;
    await ask();
    expect(client.requests).toHaveLength(3);
  });

  it('if many lookups are due at once, each gets its turn, two per second', async () => {
    const many = Array.from({ length: 50 }, (_, i) => observedJob(0, { metadata: { name: `j${i}`, uid: `job-${i}` } }));
    const due = new Map(many.map((job) => [job, nowMs]));
    const startMs = nowMs;
    while (due.size > 0 && nowMs < startMs + 60_000) {
      for (const [job, dueMs] of due) {
        if (dueMs > nowMs) continue;
        const { retryMs } = await lookup.lookUp(job, { ...SUBJECT, uid: `pod-${job.metadata.uid}` });
        if (retryMs === undefined) due.delete(job);
        else due.set(job, retryMs);
      }
      // A timer is late now and then.
      nowMs += 7;
    }
    expect(due.size).toBe(0);
    expect(client.requests).toHaveLength(50);
    expect(nowMs - startMs).toBeGreaterThanOrEqual(24_500);
    expect(nowMs - startMs).toBeLessThan(26_000);
  });

  it('many waiting steps cause two requests per second, one at a time; a step without a response has no Events yet', async () => {
    const other = observedJob(0);
    jobs.observe(other);
    await ask();
    nowMs += 499;
    expect(await lookup.lookUp(other, { ...SUBJECT, uid: 'pod-0' })).toStrictEqual({
      uid: 'pod-0',
      requestedMs: nowMs,
      retryMs: nowMs + 1,
      events: [],
    });
    const { promise, resolve } = Promise.withResolvers<unknown>();
    answer = () => promise;
    nowMs += 5_000;
    const first = ask();
    await ask(other);
    expect(client.requests).toHaveLength(2);
    resolve({ items: [] });
    await first;
    nowMs -= 60_000;
    answer = () => ({ items: [] });
    await lookup.lookUp(other, SUBJECT);
    expect(client.requests).toHaveLength(3);
  });

  it.each<readonly [string, (job: ObservedJob) => void]>([
    ['was deleted', (job) => jobs.remove(job)],
    ['has finished', () => jobs.observe(observedJob(1, { metadata: { resourceVersion: '999' }, status: completed() }))],
  ])('caches nothing for a Job that %s', async (_says, happens) => {
    await ask();
    happens(JOB);
    expect(lookup.cached(JOB_UID)).toBeUndefined();
  });

  it('caches Events of 2048 Jobs at most, and evicts the oldest first', async () => {
    for (let i = 0; i <= 2048; i++) await ask(observedJob(1, { metadata: { uid: `job-${i}` } }));
    expect(lookup.cached('job-0')).toBeUndefined();
    expect(lookup.cached('job-1')).toBeDefined();
  });
});
