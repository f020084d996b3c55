import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Informers, type InformersOptions } from '../../../controller/informers.ts';
import { LABELS, SUSPENDED_ANNOTATION } from '../../../shared/api/group.ts';
import { ApiError, type ApiErrorCode } from '../../../shared/kube/errors.ts';
import { FakeClient, FakeWatch } from '../../support/fake-client.ts';
import { at, jobUid, NAMESPACE, observedJob, ownedBy, sequentialJob, UID } from '../../support/objects.ts';
import { containerStatus, jobOwner, rawPod, terminated, waiting } from '../../support/pods.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

const KEY = `${NAMESPACE}/etl`;

type Plural = 'sequentialjobs' | 'jobs' | 'pods';
type Json = Readonly<Record<string, unknown>>;

const PLURALS: readonly Plural[] = ['sequentialjobs', 'jobs', 'pods'];

const pluralOf = (path: string): Plural => path.split('/').at(-1) as Plural;

function rawJob(metadata: Json = {}, more: Json = {}): Json {
  const job = observedJob(1);
  const labels = { [LABELS.uid]: UID, [LABELS.stepIndex]: '1' };
  return { ...more, metadata: { ...job.metadata, labels, ...metadata }, status: job.status };
}

const waits = (reason: string): Json => ({
  status: { phase: 'Pending', containerStatuses: [containerStatus(waiting(reason, 'not found'))] },
});
const CANNOT_PULL = waits('ErrImagePull');
const ENDED = { status: { phase: 'Failed', containerStatuses: [containerStatus(terminated(1))] } };
const backOff = { ...containerStatus(waiting('CrashLoopBackOff', 'back-off')), lastState: terminated(1) };
const RESTARTING = { status: { phase: 'Running', containerStatuses: [backOff] } };
const RUNNING = {
  status: { phase: 'Running', containerStatuses: [containerStatus({ running: { startedAt: at(1) } })] },
};

type Change = readonly ['ADDED' | 'MODIFIED' | 'DELETED', Json];

const job = (version: number, metadata: Json = {}, more: Json = {}): Json =>
  rawJob({ resourceVersion: String(version), ...metadata }, more);
const jobAdded = (metadata?: Json): Change => ['ADDED', job(101, metadata)];
const jobChanged = (metadata?: Json, more?: Json): Change => ['MODIFIED', job(102, metadata, more)];
const pod = (version: number, more: Json = {}, metadata: Json = {}): Json =>
  rawPod({ ...more, metadata: { resourceVersion: String(version), ...metadata } });
const podAdded = (more?: Json, metadata?: Json): Change => ['ADDED', pod(101, more, metadata)];
const podChanged = (more: Json): Change => ['MODIFIED', pod(102, more)];
const podDeleted = (more: Json): Change => ['DELETED', pod(102, more)];

describe('Informers', () => {
  let refused: Partial<Record<Plural, ApiErrorCode>>;
  let items: Partial<Record<Plural, readonly Json[]>>;
  let watches: Map<Plural, FakeWatch>;
  let client: FakeClient;
  let lines: Line[];
  let keys: string[];
  let keysLater: (readonly [string, number])[];
  let gone: string[];
  /** UIDs of Jobs that wait. */
  let waitingJobs: Set<string>;
  let informers: Informers;

  const pass = (ms = 0): Promise<void> => jest.advanceTimersByTimeAsync(ms);

  function make(options: Partial<InformersOptions> = {}): Informers {
    const recording = recordingLog();
    lines = recording.lines;
    return new Informers({
      client,
      log: recording.log,
      namespace: undefined,
      random: () => 1,
      enqueue: (key) => void keys.push(key),
      enqueueAfter: (key, ms) => void keysLater.push([key, ms]),
      isStuck: (uid) => waitingJobs.has(uid),
      onDeleted: ({ metadata }) => void gone.push(metadata.uid),
      ...options,
    });
  }

  beforeEach(() => {
    jest.useFakeTimers();
    refused = {};
    items = {};
    watches = new Map();
    keys = [];
    keysLater = [];
    gone = [];
    waitingJobs = new Set();
    client = new FakeClient({
      request: ({ path }) => {
        const code = refused[pluralOf(path)];
        if (code !== undefined) throw new ApiError(code, `it was ${code}`);
        return { metadata: { resourceVersion: '100' }, items: items[pluralOf(path)] ?? [] };
      },
      stream: ({ path, signal }) => {
        const watch = new FakeWatch(signal);
        watches.set(pluralOf(path), watch);
        return watch.body;
      },
    });
    informers = make();
  });

  afterEach(async () => {
    await informers.stop();
    jest.useRealTimers();
  });

  /** Everything is listed and watched; what the lists brought is forgotten. */
  async function started(): Promise<void> {
    const start = informers.start();
    await pass();
    await start;
    keys.length = 0;
  }

  async function send(plural: Plural, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: unknown): Promise<void> {
    watches.get(plural)?.send(type, object);
    await pass();
  }

  describe('lists and watches', () => {
    const asked = (): Readonly<Record<string, unknown>> =>
      Object.fromEntries(
        client.requests.map(({ path, query }) => [path, [query?.['labelSelector'], query?.['fieldSelector']]]),
      );

    it('select our objects by their label, and no Events', async () => {
      await started();
      expect(asked()).toEqual({
        '/apis/batch.example.com/v1beta1/sequentialjobs': [undefined, undefined],
        '/apis/batch/v1/jobs': [LABELS.uid, undefined],
        '/api/v1/pods': [LABELS.uid, undefined],
      });
    });

    it('are limited to the configured namespace', async () => {
      informers = make({ namespace: 'team-b' });
      await started();
      expect(Object.keys(asked())).toHaveLength(3);
      expect(Object.keys(asked()).every((path) => path.includes('/namespaces/team-b/'))).toBe(true);
    });
  });

  describe('before the caches are synced', () => {
    it.each<readonly [Plural, boolean]>([
      ['sequentialjobs', false],
      ['jobs', false],
      ['pods', true],
    ])('if listing %s is forbidden, hasSynced is %p', async (plural, expected) => {
      refused[plural] = 'Forbidden';
      let resolved = false;
      void informers.start().then(() => (resolved = true));
      await pass(60_000);
      expect(informers.synced).toBe(expected);
      expect(resolved).toBe(expected);
    });

    it.each<readonly [string, ApiErrorCode | undefined, number, string]>([
      ['they are listed', undefined, 0, 'listed'],
      ['listing them is forbidden', 'Forbidden', 0, 'forbidden'],
      ['the list has taken 10 s', 'ServerError', 10_000, 'awaited'],
    ])('waits for the Pods until %s', async (_says, code, ms, state) => {
      if (code !== undefined) refused.pods = code;
      let resolved = false;
      void informers.start().then(() => (resolved = true));
      await pass(Math.max(0, ms - 1));
      expect(resolved).toBe(ms === 0);
      await pass(1);
      expect(resolved).toBe(true);
      expect(informers.podsState).toBe(state);
    });

    it('Pods are no longer cached after the permission is revoked, until a watch is established again', async () => {
      await started();
      expect(informers.podsState).toBe('listed');
      watches.get('pods')?.send('ERROR', { kind: 'Status', code: 403, reason: 'Forbidden', message: 'no' });
      await pass();
      expect(informers.podsState).toBe('forbidden');
      for (const code of ['Forbidden', 'ServerError'] as const) {
        refused.pods = code;
        await pass(600_000);
        expect(informers.podsState).toBe('forbidden');
      }
      refused = {};
      await pass(60_000);
      expect(informers.podsState).toBe('listed');
    });

    it('a stop while the Pod list is awaited leaves no timer', async () => {
      refused.pods = 'ServerError';
      void informers.start();
      await pass();
      await informers.stop();
      expect(jest.getTimerCount()).toBe(0);
    });

    it('enqueues existing objects once, also those with Jobs', async () => {
      items = { sequentialjobs: [sequentialJob() as never], jobs: [rawJob()] };
      const start = informers.start();
      await pass();
      await start;
      expect(keys).toEqual([KEY]);
      expect(informers.jobs.indexed(UID)).toHaveLength(1);
    });

    it('enqueues nothing until all lists are complete', async () => {
      items = { sequentialjobs: [sequentialJob() as never], jobs: [rawJob()] };
      refused.jobs = 'ServerError';
      const start = informers.start();
      await pass(1_000);
      expect([informers.sequentialJobs.size, keys]).toEqual([1, []]);
      delete refused.jobs;
      await pass(60_000);
      await start;
      expect(keys).toEqual([KEY]);
    });

    it('enqueues objects with something to do at once, and those that have finished little by little', async () => {
      const ended = (name: string, metadata: Json = {}, spec: Json = {}, more: Json = {}): Json => {
        const status = { completionTime: at(1), observedGeneration: 1, ...more };
        const object = sequentialJob({ metadata: { name, uid: `uid-${name}`, generation: 1 }, spec, status });
        return { ...object, metadata: { ...object.metadata, ...metadata } };
      };
      const message = 'x'.repeat(30_000);
      const long = {
        conditions: [{ type: 'Failed', status: 'True', lastTransitionTime: at(1), reason: 'x', message }],
      };
      const withSomethingToDo = [
        ended('deleted', { deletionTimestamp: at(2) }),
        ended('changed', { generation: 2 }),
        ended('resumed', {}, { resume: 1 }),
        ended('resumed-and-long', {}, { resume: 1 }, long),
        ended('suspended', {}, {}, { completionTime: undefined }),
      ];
      items = {
        sequentialjobs: [
          ended('a'),
          ...withSomethingToDo,
          ended('b', {}, { resume: 1 }, { resumes: 1 }),
          ended('c', {}, {}, long),
        ],
      };
      const start = informers.start();
      await pass();
      await start;
      const expected = ['deleted', 'changed', 'resumed', 'resumed-and-long', 'suspended'];
      expect(keys).toEqual(expected.map((name) => `team-a/${name}`));
      expect(keysLater).toEqual([
        ['team-a/a', 0.5],
        ['team-a/b', 1],
        ['team-a/c', 1.5],
      ]);
    });

    it('logs a failing list until the informer is stopped', async () => {
      refused = { jobs: 'Forbidden', pods: 'ServerError' };
      const start = informers.start();
      await pass(31_000);
      const reminders = (): readonly Line[] => lines.filter(({ msg }) => msg.startsWith('caches are not synced'));
      expect(informers.unsynced).toEqual(['jobs']);
      expect(reminders()).toMatchObject([{ informers: ['jobs', 'pods'], errors: { jobs: 'it was Forbidden' } }]);
      refused = { pods: 'ServerError' };
      await pass(60_000);
      await start;
      const said = reminders().length;
      await pass(120_000);
      expect(reminders()).toHaveLength(said);
    });

    it('continues when a permission is granted later', async () => {
      refused.pods = 'Forbidden';
      await started();
      items.pods = [rawPod(CANNOT_PULL)];
      delete refused.pods;
      await pass(120_000);
      expect(informers.pods.indexed(jobUid(1))).toHaveLength(1);
      expect(keys).toEqual([KEY]);
    });
  });

  describe('log lines', () => {
    const said = (level: string): number =>
      lines.filter((line) => line.level === level && line.msg === 'watch failed, will retry').length;

    it('a missing permission is logged once, and again if it was granted in between', async () => {
      refused.pods = 'Forbidden';
      await started();
      await pass(600_000);
      expect(said('warn')).toBe(1);
      expect(said('debug')).toBeGreaterThan(3);
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'warn', informer: 'pods', err: 'it was Forbidden' }),
      );
      refused.pods = 'ServerError';
      await pass(600_000);
      const troubles = said('warn');
      expect(troubles).toBeGreaterThan(1);
      refused.pods = 'Forbidden';
      await pass(600_000);
      expect(said('warn')).toBe(troubles + 1);
    });

    it('the consequence of a missing permission for Pods is logged once', async () => {
      const warnings = (): number =>
        lines.filter(({ msg }) => msg.startsWith('no permission to list and watch Pods')).length;
      refused.pods = 'Forbidden';
      await started();
      expect(warnings()).toBe(1);
      for (const code of ['ServerError', 'Forbidden'] as const) {
        refused.pods = code;
        await pass(600_000);
      }
      expect(warnings()).toBe(1);
    });
  });

  it('a change of a SequentialJob enqueues it, and its deletion is reported', async () => {
    await started();
    for (const [i, type] of (['ADDED', 'MODIFIED', 'DELETED'] as const).entries()) {
      expect(gone).toEqual([]);
      await send('sequentialjobs', type, sequentialJob({ metadata: { resourceVersion: String(101 + i) } }));
      expect(keys).toHaveLength(i + 1);
    }
    expect(gone).toEqual([UID]);
  });

  describe('a watch event for a Job', () => {
    const OTHER = { ownerReferences: [ownedBy('other-uid', 'other')] };
    const SUSPENDED = { annotations: { [SUSPENDED_ANNOTATION]: 'true' } };
    const OF_CRON_JOB = { ownerReferences: [{ ...ownedBy(), kind: 'CronJob' }] };

    it.each<readonly [string, readonly Change[], readonly string[]]>([
      ['that is added enqueues its sequence', [jobAdded()], [KEY]],
      [
        'that is suspended enqueues its sequence',
        [jobAdded(), jobChanged(SUSPENDED, { spec: { suspend: true } })],
        [KEY, KEY, KEY],
      ],
      ['that is deleted enqueues its sequence', [jobAdded(), ['DELETED', job(102)]], [KEY, KEY]],
      [
        'that loses its owner reference enqueues its previous owner',
        [jobAdded(), jobChanged({ ownerReferences: [] })],
        [KEY, KEY],
      ],
      [
        'that gets another owner enqueues both owners',
        [jobAdded(), jobChanged(OTHER)],
        [KEY, `${NAMESPACE}/other`, KEY],
      ],
      ['without an owner reference enqueues nothing', [jobAdded({ ownerReferences: [] })], []],
      ['with an owner of another kind enqueues nothing', [jobAdded(OF_CRON_JOB)], []],
    ])('%s', async (_says, changes, expected) => {
      await started();
      for (const [type, object] of changes) await send('jobs', type, object);
      expect(keys).toEqual(expected);
    });
  });

  describe('a SequentialJob that is not cached holds no memory', () => {
    const object = (version: string): Json => sequentialJob({ metadata: { resourceVersion: version } }) as never;

    it('if the watch reports a deletion that is already known', async () => {
      await started();
      await send('sequentialjobs', 'ADDED', object('101'));
      const [known] = informers.sequentialJobs.values();
      expect(informers.objects.cachedBytes).toBeGreaterThan(0);
      // As after the write that took the last finalizer off.
      if (known !== undefined) informers.sequentialJobs.remove(known);
      expect(informers.objects.cachedBytes).toBe(0);
      await send('sequentialjobs', 'DELETED', object('102'));
      await send('sequentialjobs', 'MODIFIED', object('101'));
      expect([informers.sequentialJobs.size, informers.objects.cachedBytes]).toEqual([0, 0]);
    });

    it('if it was deleted while the list response was received', async () => {
      items = { sequentialjobs: [object('90')] };
      // It came with a page that was given up.
      informers.objects.trim(sequentialJob({ metadata: { uid: 'gone' } }));
      await started();
      expect(informers.objects.cachedBytes).toBeGreaterThan(0);
      informers.objects.forget(sequentialJob().metadata);
      expect(informers.objects.cachedBytes).toBe(0);
    });
  });

  describe('objects with our labels that are not cached', () => {
    const foreign = (version: string): Json => rawJob({ resourceVersion: version, ownerReferences: [] });
    const large = { spec: { template: { spec: { containers: [{ name: 'x', args: ['x'.repeat(1_000_000)] }] } } } };

    it('a Job without a controller owner, listed or watched', async () => {
      items = { jobs: [foreign('90')] };
      await started();
      await send('jobs', 'ADDED', foreign('101'));
      expect(informers.jobs.size).toBe(0);
    });

    it('a Job that has lost its owner reference, until it has one again', async () => {
      await started();
      await send('jobs', 'ADDED', rawJob({ resourceVersion: '101' }));
      await send('jobs', 'MODIFIED', foreign('102'));
      expect([informers.jobs.size, informers.jobs.indexed(UID)]).toEqual([0, []]);
      await send('jobs', 'MODIFIED', rawJob({ resourceVersion: '103' }));
      expect(informers.jobs.indexed(UID)).toHaveLength(1);
    });

    it('a Job that arrives before its SequentialJob holds no more than any other Job, and stays cached', async () => {
      await started();
      await send('jobs', 'ADDED', rawJob({ resourceVersion: '101' }, large));
      await send('sequentialjobs', 'ADDED', sequentialJob({ metadata: { resourceVersion: '102' } }));
      expect(informers.jobs.indexed(UID)).toHaveLength(1);
      expect(JSON.stringify(informers.jobs.indexed(UID)).length).toBeLessThan(1000);
    });

    it('only the controller of several owners counts, and none with a name that is too long', async () => {
      await started();
      const other = { ...ownedBy('u', 'x'.repeat(100_000)), controller: false };
      await send('jobs', 'ADDED', rawJob({ resourceVersion: '101', ownerReferences: [other, ownedBy(), other] }));
      expect(informers.jobs.indexed(UID)[0]?.metadata.ownerReferences).toEqual([ownedBy()]);
      const endless = { ...ownedBy(), name: 'x'.repeat(100_000) };
      await send('jobs', 'MODIFIED', rawJob({ resourceVersion: '102', ownerReferences: [endless] }));
      expect(informers.jobs.size).toBe(0);
    });

    it('a Pod without a Job, or with a Job UID that is too long', async () => {
      const owned = (version: string, ...owners: readonly Json[]): Json =>
        rawPod({ metadata: { name: `p${version}`, resourceVersion: version, labels: {}, ownerReferences: owners } });
      await started();
      await send('pods', 'ADDED', owned('101'));
      await send('pods', 'ADDED', owned('102', jobOwner('x', 'x'.repeat(100_000))));
      await send('pods', 'ADDED', owned('103', jobOwner('x', 'job')));
      expect([...informers.pods.values()].map(({ metadata }) => metadata.name)).toEqual(['p103']);
    });
  });

  describe('a watch event for a Pod', () => {
    it.each<readonly [string, readonly Change[], number]>([
      ['that is added enqueues nothing', [podAdded()], 0],
      ['that starts enqueues nothing', [podAdded(), podChanged(RUNNING)], 0],
      ['that cannot start enqueues its sequence', [podAdded(CANNOT_PULL)], 1],
      [
        'that cannot start for another reason than before enqueues its sequence again',
        [podAdded(CANNOT_PULL), podChanged(waits('InvalidImageName'))],
        2,
      ],
      [
        'that still cannot start for the same reason enqueues nothing',
        [podAdded(CANNOT_PULL), podChanged(CANNOT_PULL)],
        1,
      ],
      ['that starts after it could not start enqueues its sequence', [podAdded(CANNOT_PULL), podChanged(RUNNING)], 2],
      ['that terminates enqueues its sequence', [podAdded(RUNNING), podChanged(ENDED)], 1],
      [
        'that is deleted before it could start enqueues its sequence',
        [podAdded(CANNOT_PULL), podDeleted(CANNOT_PULL)],
        2,
      ],
      [
        'that is deleted while it runs enqueues its sequence: the next Job may wait for its termination',
        [podAdded(RUNNING), podDeleted(RUNNING)],
        1,
      ],
      [
        'that is deleted before its container is restarted enqueues its sequence',
        [podAdded(RESTARTING), podDeleted(RESTARTING)],
        2,
      ],
      ['that is deleted after it has terminated enqueues nothing', [podAdded(ENDED), podDeleted(ENDED)], 1],
      ['without our label enqueues nothing', [podAdded(CANNOT_PULL, { labels: {} })], 0],
    ])('%s', async (_says, changes, expected) => {
      await started();
      for (const [type, object] of changes) await send('pods', type, object);
      expect(keys).toEqual(Array.from({ length: expected }, () => KEY));
    });

    it.each<readonly [string, readonly string[], number]>([
      ['is being waited for', [jobUid(1)], 1],
      ['is not being waited for', [], 0],
    ])(
      'an ordinary status change of a Pod enqueues its sequence only if needed: its Job %s',
      async (_says, uids, expected) => {
        await started();
        waitingJobs = new Set(uids);
        await send('pods', 'ADDED', pod(101, RUNNING));
        expect(keys).toHaveLength(expected);
      },
    );
  });

  it('stops all informers', async () => {
    await started();
    await informers.stop();
    for (const plural of PLURALS) expect(watches.get(plural)?.body.destroyed).toBe(true);
  });
});
