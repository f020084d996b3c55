import { describe, expect, it } from '@jest/globals';
import { resolveEffectiveSpec } from '../../../controller/effective-spec.ts';
import { type TrackedSpec, Revisions } from '../../../controller/revisions.ts';
import type { CachedSequentialJob } from '../../../controller/transform.ts';
import type { SequentialJobSpec, SequentialJobStatus } from '../../../shared/api/types.ts';
import type { ApiErrorCode } from '../../../shared/kube/errors.ts';
import { describeRequest, FakeApi, fault } from '../../support/fake-api.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, container, sequentialJob, UID } from '../../support/objects.ts';

const log = { warn: (): void => undefined };

/** What the sequence was started with. */
const OLD: SequentialJobSpec = deepFreeze(sequentialJob().spec);
/** As the webhook lets it change at any time. */
const MUTABLE: SequentialJobSpec = deepFreeze({ ...OLD, suspend: true });
/** As it never may. */
const ILLEGAL: SequentialJobSpec = deepFreeze({ ...OLD, job: { backoffLimit: 9 }, suspend: true });
const FUTURE: SequentialJobSpec = deepFreeze({ ...OLD, updatePolicy: 'FutureSteps' });
/** Another last step, as `FutureSteps` allows. */
const LEGAL: SequentialJobSpec = deepFreeze({
  ...FUTURE,
  steps: [container('extract'), container('transform'), container('store')],
});

const RUNNING: SequentialJobStatus = {
  startTime: at(0),
  progress: { currentIndex: 0, currentStep: 'extract', completedIndices: [], summary: '0/3' },
  steps: [{ index: 0, name: 'extract', state: 'Running' }],
};
const COMPLETE: SequentialJobStatus = {
  ...RUNNING,
  conditions: [{ type: 'Complete', status: 'True', reason: 'x', message: 'x', lastTransitionTime: at(9) }],
};

interface Row {
  readonly says: string;
  readonly spec?: SequentialJobSpec;
  readonly status?: SequentialJobStatus;
  readonly generation?: number;
  readonly isGoing?: true;
  /** It has our finalizer from a client. */
  readonly finalizerSetByClient?: true;
  /** In memory. */
  readonly known?: TrackedSpec;
  /** In the API: the spec, of generation 1. */
  readonly record?: SequentialJobSpec;
  readonly requests?: readonly string[];
  readonly runs?: SequentialJobSpec;
  readonly change?: 'accepted' | 'refused';
  readonly bypassedAdmission?: true;
  readonly remembers: TrackedSpec | undefined;
}

const GET = 'GET controllerrevisions';
const POST = 'POST controllerrevisions';
const DELETE = 'DELETE controllerrevisions';

const known = (spec: SequentialJobSpec, generation = 1, recorded = false): TrackedSpec => ({
  spec,
  generation,
  recorded: recorded,
});

const ROWS: readonly Row[] = [
  { says: 'an object that has not started runs the spec of the object', remembers: known(OLD) },
  {
    says: 'an object that has not started runs a changed spec, if there is no record',
    spec: ILLEGAL,
    generation: 2,
    known: known(OLD),
    remembers: known(ILLEGAL, 2),
  },
  {
    says: 'an object that has not started and has an older record needs a new record',
    spec: ILLEGAL,
    generation: 2,
    known: known(OLD, 1, true),
    bypassedAdmission: true,
    remembers: known(ILLEGAL, 2, true),
  },
  {
    says: 'an object that has not started and has an older record needs a new record after a restart, too',
    spec: ILLEGAL,
    generation: 2,
    record: OLD,
    requests: [GET],
    bypassedAdmission: true,
    remembers: known(ILLEGAL, 2, true),
  },
  {
    says: 'a started object of the first generation causes no request after a restart',
    status: RUNNING,
    remembers: known(OLD),
  },
  {
    says: 'the record of a started object that was changed is read after a restart; without a record, the spec of the object is used',
    status: RUNNING,
    spec: ILLEGAL,
    generation: 2,
    requests: [GET],
    remembers: known(ILLEGAL, 2),
  },
  {
    says: 'a started object that has not changed since the last reconcile keeps its spec',
    status: RUNNING,
    generation: 2,
    known: known(OLD, 2),
    remembers: known(OLD, 2),
  },
  {
    says: 'a change of fields that are always mutable is applied without an Event',
    status: RUNNING,
    spec: MUTABLE,
    generation: 2,
    known: known(OLD),
    runs: MUTABLE,
    remembers: known(MUTABLE, 2),
  },
  {
    says: 'a change that updatePolicy allows is applied, with an Event',
    status: RUNNING,
    spec: LEGAL,
    generation: 2,
    known: known(FUTURE),
    change: 'accepted',
    remembers: known(LEGAL, 2),
  },
  {
    says: 'a change that updatePolicy allows is recorded if there is an older record',
    status: RUNNING,
    spec: LEGAL,
    generation: 2,
    known: known(FUTURE, 1, true),
    record: FUTURE,
    requests: [POST, GET, DELETE, POST],
    change: 'accepted',
    remembers: known(LEGAL, 2, true),
  },
  {
    says: 'a change that updatePolicy allows is applied after a restart, too',
    status: RUNNING,
    spec: LEGAL,
    generation: 2,
    record: FUTURE,
    requests: [GET, POST, GET, DELETE, POST],
    change: 'accepted',
    remembers: known(LEGAL, 2, true),
  },
  {
    says: 'a forbidden change is rejected: the previous spec is recorded and used, with the new values of fields that are always mutable',
    status: RUNNING,
    spec: ILLEGAL,
    generation: 2,
    known: known(OLD),
    requests: [POST],
    runs: MUTABLE,
    change: 'refused',
    remembers: { ...known(MUTABLE, 2, true), isOverridden: true },
  },
  {
    says: 'a forbidden change is rejected after a restart, too, because of the record',
    status: RUNNING,
    spec: ILLEGAL,
    generation: 2,
    record: OLD,
    requests: [GET],
    runs: MUTABLE,
    change: 'refused',
    remembers: { ...known(MUTABLE, 2, true), isOverridden: true },
  },
  {
    says: 'a rejected change is not validated again while nothing else changes',
    status: RUNNING,
    spec: ILLEGAL,
    generation: 2,
    known: { ...known(MUTABLE, 2, true), isOverridden: true },
    runs: MUTABLE,
    remembers: { ...known(MUTABLE, 2, true), isOverridden: true },
  },
  {
    says: 'a change back to the effective spec is applied without an Event',
    status: RUNNING,
    spec: OLD,
    generation: 3,
    known: { ...known(MUTABLE, 2, true), isOverridden: true },
    runs: OLD,
    remembers: known(OLD, 3, true),
  },
  {
    says: 'a second forbidden change is rejected, too, because of the existing record',
    status: RUNNING,
    spec: ILLEGAL,
    generation: 3,
    known: { ...known(MUTABLE, 2, true), isOverridden: true },
    runs: MUTABLE,
    change: 'refused',
    remembers: { ...known(MUTABLE, 3, true), isOverridden: true },
  },
  {
    says: 'a complete sequence has no effective spec, even if the object was changed',
    status: COMPLETE,
    spec: ILLEGAL,
    generation: 2,
    known: known(OLD),
    remembers: undefined,
  },
  {
    says: 'an object that is being deleted has no effective spec, even if it was changed',
    status: RUNNING,
    spec: ILLEGAL,
    generation: 2,
    isGoing: true,
    known: known(OLD),
    remembers: undefined,
  },
  {
    says: 'an object that has not started, with our finalizer set by a client, needs a record',
    finalizerSetByClient: true,
    bypassedAdmission: true,
    remembers: known(OLD),
  },
  {
    says: 'an earlier process may have recorded the spec of a started object with a finalizer of a client, so an allowed change is recorded',
    finalizerSetByClient: true,
    status: RUNNING,
    spec: LEGAL,
    generation: 2,
    known: { ...known(FUTURE), mayBeRecorded: true },
    requests: [POST],
    change: 'accepted',
    remembers: { ...known(LEGAL, 2), mayBeRecorded: true },
  },
  {
    says: 'a forbidden change of such an object is rejected, and the spec is recorded',
    finalizerSetByClient: true,
    status: RUNNING,
    spec: { ...OLD, job: { backoffLimit: 9 } },
    generation: 2,
    known: { ...known(OLD), mayBeRecorded: true },
    requests: [POST],
    runs: OLD,
    change: 'refused',
    remembers: { ...known(OLD, 2, true), mayBeRecorded: true, isOverridden: true },
  },
  {
    says: 'a new process notes that such an object may have a record, without a request',
    finalizerSetByClient: true,
    status: RUNNING,
    remembers: { ...known(OLD), mayBeRecorded: true },
  },
];

function objectOf({ spec = OLD, status, generation = 1, isGoing, finalizerSetByClient }: Row): CachedSequentialJob {
  const metadata = { generation, ...(isGoing === true ? { deletionTimestamp: at(5) } : {}) };
  const claim = finalizerSetByClient === undefined ? {} : { finalizerSetByClient };
  return deepFreeze({ ...sequentialJob({ metadata, spec, status }), ...claim });
}

async function prepared(row: Row): Promise<{ readonly api: FakeApi; readonly revisions: Revisions }> {
  const api = new FakeApi();
  if (row.record !== undefined) {
    const writer = new Revisions({ client: api.client, log });
    await writer.record(objectOf(row), row.record, 1);
    api.client.requests.length = 0;
  }
  const revisions = new Revisions({ client: api.client, log });
  if (row.known !== undefined) revisions.track(UID, row.known);
  return { api, revisions };
}

describe('hold', () => {
  it.each(ROWS)('$says', async (row) => {
    const { api, revisions } = await prepared(row);
    const object = objectOf(row);
    const held = await resolveEffectiveSpec(object, revisions);
    expect(api.client.requests.map(describeRequest)).toEqual(row.requests ?? []);
    expect(held.object).toEqual({ ...object, spec: row.runs ?? object.spec });
    expect(held.specChange?.type).toBe(row.change);
    expect(held.bypassedAdmission).toBe(row.bypassedAdmission);
    // The verdict is remembered with what it was about.
    const change = held.specChange === undefined ? {} : { change: held.specChange };
    expect(held.tracked).toEqual(row.remembers === undefined ? undefined : { ...row.remembers, ...change });
  });

  it('returns the errors of a change that it rejects', async () => {
    const row = ROWS.find(({ change }) => change === 'refused');
    if (row === undefined) throw new Error('there is no such row');
    const { revisions } = await prepared(row);
    expect((await resolveEffectiveSpec(objectOf(row), revisions)).specChange).toEqual({
      type: 'refused',
      errors: [expect.stringMatching(/^spec\.job\.backoffLimit: /)],
    });
  });

  it('uses no memory if nothing is rejected: it returns the spec of the object', async () => {
    const object = objectOf({ says: '', status: RUNNING, remembers: undefined });
    const held = await resolveEffectiveSpec(object, new Revisions({ client: new FakeApi().client, log }));
    expect(held.tracked?.spec).toBe(object.spec);
    expect(held.object).toBe(object);
  });

  const faults = ROWS.flatMap((row) =>
    (row.requests ?? []).flatMap((request, number) =>
      (['ServerError', 'Timeout'] as const).map((code) => ({ says: row.says, row, request, number, code })),
    ),
  );

  it.each(faults)('$says: $code on $request is thrown, so that no unverified spec is used', async (one) => {
    const { row, number, code } = one;
    const { api, revisions } = await prepared(row);
    api.intercept = (_, n) => (n === number ? fault(code) : undefined);
    await expect(resolveEffectiveSpec(objectOf(row), revisions)).rejects.toMatchObject({ code });
    // The next reconcile, which finds nothing half done.
    const held = await resolveEffectiveSpec(objectOf(row), revisions);
    expect(held.object.spec).toEqual(row.runs ?? objectOf(row).spec);
    // With the older record deleted, and the newer one not written, nobody knows any more that a legal change was one.
    if (row.change === 'refused') expect(held.specChange?.type).toBe('refused');
  });

  it.each<readonly [ApiErrorCode]>([['Forbidden'], ['Invalid']])(
    'rejects a change also if %s prevents the record',
    async (code) => {
      const row = ROWS.find(({ change, requests }) => change === 'refused' && requests?.[0] === POST);
      if (row === undefined) throw new Error('there is no such row');
      const { api, revisions } = await prepared(row);
      api.intercept = () => fault(code);
      expect((await resolveEffectiveSpec(objectOf(row), revisions)).object.spec).toEqual(MUTABLE);
    },
  );
});
