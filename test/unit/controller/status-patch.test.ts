import { beforeEach, describe, expect, it } from '@jest/globals';
import jsonpatch, { type Operation } from 'fast-json-patch';
import type { EventRecorder } from '../../../controller/events.ts';
import { patchStatus, type PatchStatusDeps, statusPatch } from '../../../controller/status-patch.ts';
import type { EventDraft } from '../../../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../../shared/api/types.ts';
import { Cache } from '../../../shared/kube/cache.ts';
import { ApiError } from '../../../shared/kube/errors.ts';
import { FakeClient } from '../../support/fake-client.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, sequentialJob } from '../../support/objects.ts';

const RUNNING: StepStatus = { index: 0, name: 'extract', jobName: 'etl-0-extract', state: 'Running', startTime: at(0) };
const STATUS: SequentialJobStatus = {
  observedGeneration: 1,
  phase: 'Running',
  steps: [RUNNING],
  startTime: at(0),
  resumes: 0,
};
const GUARD = { op: 'replace', path: '/metadata/resourceVersion', value: '100' };

describe('statusPatch', () => {
  it.each<readonly [string, SequentialJobStatus | undefined, SequentialJobStatus, readonly unknown[] | undefined]>([
    [
      'adds the whole status if there is none',
      undefined,
      STATUS,
      [GUARD, { op: 'add', path: '/status', value: STATUS }],
    ],
    ['is empty if nothing changed', STATUS, { ...STATUS, steps: [{ ...RUNNING }] }, undefined],
    [
      'is empty if only the order of the fields differs',
      STATUS,
      Object.fromEntries(Object.entries(STATUS).toReversed()),
      undefined,
    ],
    [
      'replaces one changed field',
      STATUS,
      { ...STATUS, phase: 'Completed' },
      [GUARD, { op: 'replace', path: '/status/phase', value: 'Completed' }],
    ],
    [
      'removes one field',
      { ...STATUS, completionTime: at(9) },
      STATUS,
      [GUARD, { op: 'remove', path: '/status/completionTime' }],
    ],
    [
      'adds the fields to an empty status',
      {},
      { resumes: 0 },
      [GUARD, { op: 'add', path: '/status/resumes', value: 0 }],
    ],
  ])('%s', (_says, before, after, expected) => {
    const object = deepFreeze(sequentialJob({ status: before }));
    expect(statusPatch(object, deepFreeze(after))).toEqual(expected);
  });

  it('results in the desired status when it is applied', () => {
    const before: SequentialJobStatus = {
      ...STATUS,
      completionTime: at(1),
      progress: { completedIndices: [1, 2], summary: '2/3' },
    };
    const after: SequentialJobStatus = {
      ...STATUS,
      progress: { completedIndices: [1], summary: '1/3', currentIndex: 1 },
    };
    const object = sequentialJob({ status: before });
    const patch = statusPatch(object, after) as readonly Operation[];
    const { newDocument } = jsonpatch.applyPatch(structuredClone(object), patch);
    expect(newDocument.status).toEqual(after);
  });
});

describe('report', () => {
  const EVENTS: readonly EventDraft[] = [
    { type: 'Normal', reason: 'SequenceStarted', message: 'one' },
    { type: 'Normal', reason: 'JobStarted', message: 'two' },
  ];
  let log: string[];
  let answer: unknown;
  let client: FakeClient;
  let sequentialJobs: Cache<SequentialJob>;
  let deps: PatchStatusDeps;

  beforeEach(() => {
    log = [];
    answer = {
      ...sequentialJob({ status: STATUS }),
      metadata: { ...sequentialJob().metadata, resourceVersion: '101' },
    };
    client = new FakeClient({
      request: ({ method }) => {
        log.push(method);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    const events: Pick<EventRecorder, 'emit'> = { emit: (_, { message }) => log.push(message) };
    sequentialJobs = new Cache<SequentialJob>();
    deps = { client, sequentialJobs, events: events as EventRecorder };
  });

  it('writes the status once, then emits the Events in their order', async () => {
    await patchStatus(sequentialJob(), STATUS, EVENTS, deps);
    expect(log).toEqual(['PATCH', 'one', 'two']);
    expect(client.requests).toMatchObject([
      {
        path: '/apis/batch.example.com/v1beta1/namespaces/team-a/sequentialjobs/etl/status',
        contentType: 'application/json-patch+json',
        query: { fieldManager: 'sequentialjob-controller' },
      },
    ]);
  });

  it('puts the response into the cache, so that the next reconcile sees the new status', async () => {
    await patchStatus(sequentialJob(), STATUS, [], deps);
    expect(sequentialJobs.get('team-a/etl')?.metadata.resourceVersion).toBe('101');
  });

  it.each<readonly [string, SequentialJobStatus | undefined]>([
    ['nothing changed', STATUS],
    ['there is no status to write', undefined],
  ])('writes nothing if %s, but emits the Events', async (_says, status) => {
    await patchStatus(sequentialJob({ status: STATUS }), status, EVENTS, deps);
    expect(log).toEqual(['one', 'two']);
  });

  it.each<readonly [string, readonly { readonly field: string }[], string]>([
    ['a failed test operation is a conflict', [], 'Conflict'],
    ['a status that violates the schema is not a conflict', [{ field: 'status.phase' }], 'Invalid'],
  ])('422: %s', async (_says, causes, code) => {
    answer = new ApiError('Invalid', 'no', { status: 422, causes });
    await expect(patchStatus(sequentialJob(), STATUS, EVENTS, deps)).rejects.toMatchObject({ code });
    expect(log).toEqual(['PATCH']);
  });

  it('emits no Events if the write fails', async () => {
    answer = new ApiError('Timeout', 'no');
    await expect(patchStatus(sequentialJob(), STATUS, EVENTS, deps)).rejects.toMatchObject({ code: 'Timeout' });
    expect(log).toEqual(['PATCH']);
    expect(sequentialJobs.size).toBe(0);
  });
});
