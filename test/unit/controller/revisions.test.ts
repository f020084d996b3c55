import { beforeEach, describe, expect, it } from '@jest/globals';
import { type TrackedSpec, Revisions } from '../../../controller/revisions.ts';
import type { OwnerReference, SequentialJob, SequentialJobSpec } from '../../../shared/api/types.ts';
import { ApiError, type ApiErrorCode } from '../../../shared/kube/errors.ts';
import { FakeApi, fault, type Stored } from '../../support/fake-api.ts';
import { deepFreeze } from '../../support/freeze.ts';
import { at, NAMESPACE, ownedBy, sequentialJob, UID } from '../../support/objects.ts';
import { type Line, recordingLog } from '../../support/recording-log.ts';

const COLLECTION = `/apis/apps/v1/namespaces/${NAMESPACE}/controllerrevisions`;
const NAME = /^etl-[0-9a-z]{13}$/;
const READ =
  'ControllerRevisions cannot be read: after a restart, a spec that was changed past the webhook is followed';
const WRITE = 'the spec of a running sequence was not recorded: after a restart, a change past the webhook is followed';

const OBJECT = deepFreeze(sequentialJob());
const SPEC = OBJECT.spec;
const OTHER: SequentialJobSpec = deepFreeze({ ...SPEC, job: { backoffLimit: 9 } });

const MAY_PASS: readonly ApiErrorCode[] = ['ServerError', 'Conflict'];
const FINAL: readonly ApiErrorCode[] = ['Forbidden', 'Unexpected'];

let api: FakeApi;
let lines: Line[];
let revisions: Revisions;

beforeEach(() => {
  api = new FakeApi();
  const recorded = recordingLog();
  lines = recorded.lines;
  revisions = new Revisions({ client: api.client, log: recorded.log });
});

const nameOf = async (object: SequentialJob = OBJECT): Promise<string> => {
  const other = new FakeApi();
  await new Revisions({ client: other.client, log: recordingLog().log }).record(object, SPEC, 1);
  const [request] = other.client.requests;
  return (request?.body as Stored | undefined)?.metadata.name ?? '';
};
const there = async (): Promise<Stored | undefined> => api.get(`${COLLECTION}/${await nameOf()}`);

/** What the API has under the name of the record. */
async function put(
  more: Readonly<Record<string, unknown>>,
  owners: readonly OwnerReference[] = [ownedBy()],
): Promise<Stored> {
  const name = await nameOf();
  const metadata = { name, namespace: NAMESPACE, uid: 'record', resourceVersion: '1', ownerReferences: owners };
  const { finalizers, ...fields } = more;
  return api.put(`${COLLECTION}/${name}`, {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: { ...metadata, ...(finalizers === undefined ? {} : { finalizers: finalizers as string[] }) },
    data: { spec: SPEC },
    revision: 1,
    ...fields,
  });
}

const failOn = (method: string, code: ApiErrorCode, after = false): void => {
  api.intercept = (request) => (request.method === method ? fault(code, after) : undefined);
};

describe('record', () => {
  it('creates a ControllerRevision that is deleted with its object, in one request', async () => {
    await revisions.record(OBJECT, SPEC, 4);
    expect(api.client.requests).toEqual([
      {
        method: 'POST',
        path: COLLECTION,
        query: { fieldManager: 'sequentialjob-controller' },
        body: {
          apiVersion: 'apps/v1',
          kind: 'ControllerRevision',
          metadata: {
            name: expect.stringMatching(NAME),
            namespace: NAMESPACE,
            labels: {
              'app.kubernetes.io/managed-by': 'sequentialjob-controller',
              'batch.example.com/sequentialjob': 'etl',
              'batch.example.com/sequentialjob-uid': UID,
            },
            ownerReferences: [ownedBy()],
          },
          data: { spec: SPEC },
          revision: 4,
        },
      },
    ]);
    expect(lines).toEqual([]);
  });

  it.each([
    ['a', /^a-[0-9a-z]{13}$/],
    ['x'.repeat(63), /^x{49}-[0-9a-z]{13}$/],
    [`${'x'.repeat(46)}.-.yy`, /^x{46}-[0-9a-z]{13}$/],
  ])('of %s: the name is valid, has at most 63 characters, and differs for each UID', async (name, expected) => {
    const one = await nameOf(sequentialJob({ metadata: { name } }));
    expect(one).toMatch(expected);
    expect(await nameOf(sequentialJob({ metadata: { name, uid: 'later' } }))).not.toBe(one);
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['the same spec', {}],
    ['the same spec and another generation', { revision: 7 }],
    [
      'the same spec in another order of fields',
      { data: { spec: { ...SPEC, steps: SPEC.steps.map(({ name, image }) => ({ image, name })) } } },
    ],
    [
      'the same spec in v1alpha1, as an earlier version of the operator recorded it',
      { data: { spec: { containers: SPEC.steps, stepPolicies: [] } } },
    ],
    [
      'a spec that differs only in fields that are always mutable',
      { data: { spec: { ...SPEC, suspend: true, resume: 2 } } },
    ],
  ])('keeps a record with %s', async (_says, fields) => {
    const before = await put(fields);
    await revisions.record(OBJECT, SPEC, 2);
    expect(api.done).toEqual(['GET controllerrevisions']);
    expect(await there()).toEqual(before);
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>]>([
    ['another spec', { data: { spec: OTHER } }],
    ['nothing', { data: null }],
    ['an invalid spec', { data: { spec: { steps: 'x' } } }],
    ['another spec in v1alpha1', { data: { spec: { containers: SPEC.steps, backoffLimit: 9 } } }],
    ['an invalid spec in v1alpha1', { data: { spec: { containers: SPEC.steps, stepPolicies: 'x' } } }],
  ])('replaces a record with %s, guarded by its UID', async (_says, fields) => {
    await put(fields);
    await revisions.record(OBJECT, SPEC, 2);
    expect(api.done).toEqual(['GET controllerrevisions', 'DELETE controllerrevisions', 'POST controllerrevisions']);
    expect(api.client.requests[2]?.body).toEqual({ propagationPolicy: 'Background', preconditions: { uid: 'record' } });
    expect(await there()).toMatchObject({ data: { spec: SPEC }, revision: 2 });
  });

  it.each<readonly [string, readonly OwnerReference[]]>([
    ['another owner', [ownedBy('other')]],
    ['an owner of another kind', [{ ...ownedBy(), kind: 'StatefulSet' }]],
    ['an owner reference to the object without controller: true', [{ ...ownedBy(), controller: false }]],
  ])('does not change a record with %s, and logs that once', async (_whom, owners) => {
    const before = await put({ data: { spec: OTHER } }, owners);
    await revisions.record(OBJECT, SPEC, 2);
    await revisions.record(OBJECT, SPEC, 3);
    expect(await there()).toEqual(before);
    expect(lines).toMatchObject([{ level: 'warn', msg: WRITE, namespace: NAMESPACE, name: 'etl' }]);
  });

  it.each(FINAL.flatMap((code) => ['POST', 'GET', 'DELETE'].map((method) => [code, method] as const)))(
    'ignores %s to %s, and logs it once',
    async (code, method) => {
      await put({ data: { spec: OTHER } });
      failOn(method, code);
      await revisions.record(OBJECT, SPEC, 2);
      await revisions.record(OBJECT, SPEC, 2);
      expect(lines).toMatchObject([{ level: 'warn', msg: WRITE, code, err: `it was ${code}`, name: 'etl' }]);
    },
  );

  it.each(MAY_PASS.flatMap((code) => ['POST', 'GET', 'DELETE'].map((method) => [code, method] as const)))(
    'rejects with %s to %s, and the next call succeeds',
    async (code, method) => {
      await put({ data: { spec: OTHER } });
      failOn(method, code, true);
      await expect(revisions.record(OBJECT, SPEC, 2)).rejects.toMatchObject({ code });
      api.intercept = () => undefined;
      await revisions.record(OBJECT, SPEC, 2);
      expect(await there()).toMatchObject({ data: { spec: SPEC } });
      expect(lines).toEqual([]);
    },
  );

  it('rejects while a finalizer blocks the deletion of the old record', async () => {
    await put({ data: { spec: OTHER }, finalizers: ['example.com/hold'] });
    await expect(revisions.record(OBJECT, SPEC, 2)).rejects.toMatchObject({ code: 'Conflict', transient: true });
    expect(lines).toEqual([]);
  });

  it('creates the record if the existing one is deleted before it is read, or before it is deleted', async () => {
    for (const method of ['GET', 'DELETE']) {
      const { metadata } = await put({ data: { spec: OTHER } });
      const path = `${COLLECTION}/${metadata.name}`;
      api.intercept = (request) => {
        if (request.method === method) api.remove(path);
        return undefined;
      };
      await revisions.record(OBJECT, SPEC, 2);
      expect(api.get(path)).toMatchObject({ data: { spec: SPEC } });
      api.remove(path);
    }
  });

  it('logs nothing if the namespace is being deleted, or does not exist', async () => {
    const causes = [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }];
    for (const error of [
      new ApiError('Forbidden', 'it is being terminated', { status: 403, causes }),
      new ApiError('NotFound', 'namespaces "team-a" not found', { status: 404 }),
    ]) {
      api.intercept = () => ({ error, after: false });
      await revisions.record(OBJECT, SPEC, 2);
    }
    expect(lines).toEqual([]);
  });
});

describe('load', () => {
  it('returns the recorded spec, in one request', async () => {
    await revisions.record(OBJECT, OTHER, 4);
    expect(await revisions.load(OBJECT)).toEqual({ generation: 4, spec: OTHER });
    expect(api.done).toEqual(['POST controllerrevisions', 'GET controllerrevisions']);
  });

  it('returns the spec in v1beta1 that an earlier version of the operator recorded in v1alpha1', async () => {
    const [first, ...others] = SPEC.steps;
    const stepPolicies = [{ name: first?.name, backoffLimit: 1, onFailure: 'Continue' }];
    await put({
      data: { spec: { containers: SPEC.steps, backoffLimit: 9, stepPolicies, suspend: true } },
      revision: 2,
    });
    const steps = [{ ...first, job: { backoffLimit: 1 }, onFailure: 'Continue' }, ...others];
    const spec = { steps, job: { backoffLimit: 9 }, suspend: true };
    expect(await revisions.load(OBJECT)).toEqual({ generation: 2, spec });
  });

  it.each<readonly [string, Readonly<Record<string, unknown>>, readonly OwnerReference[]]>([
    ['belongs to another object', {}, [ownedBy('other')]],
    ['has an owner of another kind', {}, [{ ...ownedBy(), kind: 'StatefulSet' }]],
    ['belongs to the object, but has no spec', { data: {} }, [ownedBy()]],
    ['belongs to the object, but its spec has no steps', { data: { spec: {} } }, [ownedBy()]],
    [
      'belongs to the object, but cannot be converted from v1alpha1',
      { data: { spec: { containers: SPEC.steps, stepPolicies: [null] } } },
      [ownedBy()],
    ],
  ])('returns nothing if the record %s', async (_whose, fields, owners) => {
    await put(fields, owners);
    expect(await revisions.load(OBJECT)).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it('treats a record without a revision as the oldest', async () => {
    await put({ revision: null });
    expect(await revisions.load(OBJECT)).toEqual({ generation: 0, spec: SPEC });
  });

  it.each(FINAL)('returns nothing after %s, and logs it once', async (code) => {
    await put({});
    failOn('GET', code);
    expect(await revisions.load(OBJECT)).toBeUndefined();
    expect(await revisions.load(OBJECT)).toBeUndefined();
    expect(lines).toMatchObject([{ level: 'warn', msg: READ, code, err: `it was ${code}`, name: 'etl' }]);
  });

  it.each(MAY_PASS)('rejects with %s', async (code) => {
    await put({});
    failOn('GET', code);
    await expect(revisions.load(OBJECT)).rejects.toMatchObject({ code });
    expect(lines).toEqual([]);
  });
});

describe('log lines', () => {
  const another = sequentialJob({ metadata: { name: 'another', uid: 'another', creationTimestamp: at(0) } });

  it('are written once for all objects if a permission is missing, for reading and for writing', async () => {
    api.intercept = () => fault('Forbidden');
    for (const object of [OBJECT, another]) {
      await revisions.load(object);
      await revisions.record(object, SPEC, 1);
    }
    expect(lines.map(({ msg }) => msg)).toEqual([READ, WRITE]);
  });

  it('are written for each object whose record is rejected, and again after the object was forgotten', async () => {
    api.intercept = () => fault('Invalid');
    for (const object of [OBJECT, another, OBJECT]) await revisions.record(object, SPEC, 1);
    expect(lines.map(({ name }) => name)).toEqual(['etl', 'another']);
    revisions.forget(UID);
    await revisions.record(OBJECT, SPEC, 1);
    expect(lines.map(({ name }) => name)).toEqual(['etl', 'another', 'etl']);
  });
});

describe('previous specs of objects', () => {
  const MIB = 1024 * 1024;
  const known = (more: Partial<TrackedSpec> = {}): TrackedSpec => ({
    generation: 1,
    spec: SPEC,
    recorded: false,
    ...more,
  });
  const remember = (...uids: readonly string[]): void => uids.forEach((uid) => revisions.track(uid, known()));
  const areKnown = (...uids: readonly string[]): readonly boolean[] =>
    uids.map((uid) => revisions.tracked(uid) !== undefined);

  it('are cached within the budget; the oldest is evicted, which has the effect of a restart', () => {
    remember('a', 'b', 'c', 'd');
    for (const uid of ['a', 'b', 'c']) revisions.outdate(uid, 12 * MIB);
    expect(areKnown('a', 'b', 'c', 'd')).toEqual([false, true, true, true]);
  });

  it('are counted once, and only while they are cached', () => {
    remember('a', 'b', 'c');
    for (const uid of ['a', 'a', 'a', 'nobody']) revisions.outdate(uid, 12 * MIB);
    revisions.outdate('b', 12 * MIB);
    // The object's own by now.
    remember('a');
    revisions.outdate('c', 12 * MIB);
    expect(areKnown('a', 'b', 'c')).toEqual([true, true, true]);
    revisions.forget('b');
    revisions.outdate('a', 12 * MIB);
    expect(areKnown('a', 'b', 'c')).toEqual([true, false, true]);
  });

  it('are counted while a change is rejected', () => {
    remember('a', 'b');
    revisions.outdate('a', 20 * MIB);
    revisions.track('a', known({ isOverridden: true }));
    revisions.outdate('b', 20 * MIB);
    expect(areKnown('a', 'b')).toEqual([false, true]);
  });
});
