import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ExecuteDeps } from '../../../../controller/act/deps.ts';
import { execute } from '../../../../controller/act/execute.ts';
import type { ClaimFinding, Snapshot } from '../../../../controller/decide/index.ts';
import { ServerCapabilities } from '../../../../controller/server-capabilities.ts';
import type { ObjectMeta, SequentialJobSpec } from '../../../../shared/api/types.ts';
import { buildClaims } from '../../../../shared/jobs/volume-claims.ts';
import { METADATA_ONLY } from '../../../../shared/kube/client.ts';
import { ApiError, type ApiErrorCode } from '../../../../shared/kube/errors.ts';
import { FakeApi, fault } from '../../../support/fake-api.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { at, NAMESPACE, ownedBy, sequentialJob } from '../../../support/objects.ts';
import { recordingLog } from '../../../support/recording-log.ts';
import { actorDeps } from '../../../support/reconciler.ts';

const COLLECTION = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`;
const CLAIMS: SequentialJobSpec['volumeClaimTemplates'] = [
  { metadata: { name: 'work' }, spec: { accessModes: ['ReadWriteOnce'] } },
  { metadata: { name: 'cache' }, spec: { accessModes: ['ReadWriteOnce'] } },
];
const WORK = buildClaims(sequentialJob({ spec: { volumeClaimTemplates: CLAIMS } }))[0];

describe('CreateClaims', () => {
  let api: FakeApi;
  let deps: ExecuteDeps;
  let snapshot: Snapshot;

  beforeEach(() => {
    api = new FakeApi();
    deps = actorDeps(api.client);
    const object = api.putSequentialJob(sequentialJob({ spec: { volumeClaimTemplates: CLAIMS } }));
    snapshot = deepFreeze({ object, jobs: [], findings: {} });
  });

  const create = async (): Promise<ClaimFinding | undefined> =>
    (await execute([{ type: 'CreateClaims' }], snapshot, deps)).claims;
  const names = (): readonly string[] => api.ofKind('PersistentVolumeClaim').map(({ metadata }) => metadata.name);

  /** There is a claim of the first name. */
  function taken(metadata: Partial<ObjectMeta> & { readonly annotations?: Readonly<Record<string, string>> }): void {
    api.put(`${COLLECTION}/work-etl`, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'work-etl', namespace: NAMESPACE, uid: 'uid-of-claim', resourceVersion: '1', ...metadata },
    });
  }

  it('creates each with our field manager', async () => {
    expect(await create()).toEqual({ type: 'ready' });
    expect(api.client.requests).toMatchObject([
      { method: 'POST', path: COLLECTION, query: { fieldManager: 'sequentialjob-controller' }, body: WORK },
      { method: 'POST', path: COLLECTION, body: { metadata: { name: 'cache-etl' } } },
    ]);
    expect(names()).toEqual(['work-etl', 'cache-etl']);
  });

  it('finds the claims again that exist, by their metadata', async () => {
    await create();
    expect(await create()).toEqual({ type: 'ready' });
    expect(names()).toHaveLength(2);
    expect(api.client.requests.at(-1)).toEqual({
      method: 'GET',
      path: `${COLLECTION}/cache-etl`,
      accept: METADATA_ONLY,
    });
  });

  it('finds a claim again whose create had no answer', async () => {
    api.intercept = (_, number) => (number === 0 ? fault('Timeout', true) : undefined);
    await expect(create()).rejects.toThrow('Timeout');
    expect(await create()).toEqual({ type: 'ready' });
    expect(names()).toEqual(['work-etl', 'cache-etl']);
  });

  it.each<[string, Parameters<typeof taken>[0], Partial<Extract<ClaimFinding, { type: 'nameConflict' }>>]>([
    ['of nobody', {}, { owner: 'has no controller owner' }],
    [
      'of a StatefulSet',
      { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'db', uid: 'x', controller: true }] },
      { owner: 'is owned by StatefulSet "db"' },
    ],
    [
      'that only has our labels',
      { labels: WORK?.metadata.labels ?? {}, annotations: WORK?.metadata.annotations ?? {} },
      { owner: 'has no controller owner' },
    ],
    [
      'of a sequence that no longer exists',
      { ownerReferences: [ownedBy('another-uid')] },
      { owner: 'is owned by SequentialJob "etl"', pendingRemoval: 'ownerless' },
    ],
    [
      'of nobody that is being deleted',
      { deletionTimestamp: at(0), finalizers: ['kubernetes.io/pvc-protection'] },
      { owner: 'has no controller owner', pendingRemoval: 'deleted' },
    ],
    [
      'of ours that is being deleted',
      { deletionTimestamp: at(0), finalizers: ['kubernetes.io/pvc-protection'], ownerReferences: [ownedBy()] },
      { owner: 'is owned by SequentialJob "etl"', pendingRemoval: 'deleted' },
    ],
  ])('does not take a claim %s', async (_whose, metadata, conflict) => {
    taken(metadata);
    expect(await create()).toEqual({ type: 'nameConflict', name: 'work-etl', ...conflict });
    expect(api.done).toEqual(['GET persistentvolumeclaims']);
    expect(names()).toEqual(['work-etl']);
  });

  it('does not take a claim of another sequence that exists', async () => {
    deps.sequentialJobs.observe(sequentialJob({ metadata: { name: 'b-etl', uid: 'another-uid' } }));
    taken({ ownerReferences: [ownedBy('another-uid', 'b-etl')] });
    const owner = 'is owned by SequentialJob "b-etl"';
    expect(await create()).toEqual({ type: 'nameConflict', name: 'work-etl', owner });
  });

  it('waits where a claim was created from an older template', async () => {
    taken({ ownerReferences: [ownedBy()], annotations: { 'batch.example.com/claim-template': 'old' } });
    expect(await create()).toEqual({
      type: 'postponed',
      reason: 'ClaimOutdated',
      message:
        'PersistentVolumeClaim "work-etl" was created before spec.volumeClaimTemplates[0] was changed; delete it, so that it is created again',
    });
  });

  it('waits where the claim is gone between the two requests', async () => {
    taken({});
    api.intercept = ({ method }) => {
      if (method === 'GET') api.remove(`${COLLECTION}/work-etl`);
      return undefined;
    };
    expect(await create()).toMatchObject({ type: 'nameConflict', pendingRemoval: 'deleted' });
  });

  const QUOTA =
    'persistentvolumeclaims "work-etl" is forbidden: exceeded quota: q, requested: persistentvolumeclaims=1';
  const DENIED = 'persistentvolumeclaims is forbidden: User "operator" cannot create resource "persistentvolumeclaims"';
  const LIMIT =
    'persistentvolumeclaims "work-etl" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi';

  describe.each<[string, string, ClaimFinding]>([
    ['a full quota', QUOTA, { type: 'postponed', reason: 'QuotaExceeded', message: QUOTA }],
    [
      'a missing permission',
      DENIED,
      { type: 'postponed', reason: 'PermissionDenied', message: `the operator lacks a permission: ${DENIED}` },
    ],
    ['a limit', LIMIT, { type: 'rejected', name: 'work-etl', errors: [`spec.volumeClaimTemplates[0]: ${LIMIT}`] }],
  ])('%s', (_what, message, finding) => {
    const refusal = (): ApiError => new ApiError('Forbidden', message, { status: 403 });

    beforeEach(() => {
      api.refuse = ({ kind }) => (kind === 'PersistentVolumeClaim' ? refusal() : undefined);
    });

    it('is reported', async () => {
      expect(await create()).toEqual(finding);
    });

    it('is logged once if it is a missing permission', async () => {
      const { log, lines } = recordingLog();
      deps = { ...deps, capabilities: new ServerCapabilities(log) };
      await create();
      await create();
      const isDenied = finding.type === 'postponed' && finding.reason === 'PermissionDenied';
      const line = 'no permission to create PersistentVolumeClaims: steps wait until the operator has it';
      expect(lines.map(({ msg }) => msg)).toEqual(isDenied ? [line] : []);
      api.refuse = () => undefined;
      await create();
      api.refuse = refusal;
      api.remove(`${COLLECTION}/work-etl`);
      await create();
      expect(lines).toHaveLength(isDenied ? 2 : 0);
    });

    it('is ignored where the claim exists', async () => {
      api.refuse = () => undefined;
      await create();
      api.refuse = refusal;
      expect(await create()).toEqual({ type: 'ready' });
    });
  });

  it('reports the errors of a refused claim as fields of the SequentialJob', async () => {
    const causes = [{ field: 'spec.accessModes', message: 'Required value: at least 1 access mode is required' }];
    api.refuse = () => new ApiError('Invalid', 'invalid', { status: 422, causes });
    expect(await create()).toEqual({
      type: 'rejected',
      name: 'work-etl',
      errors: ['spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required'],
    });
  });

  it('waits with words where it may not read the claim that exists', async () => {
    taken({ ownerReferences: [ownedBy()] });
    api.intercept = ({ method }) => (method === 'GET' ? fault('Forbidden') : undefined);
    expect(await create()).toMatchObject({ type: 'postponed', reason: 'PermissionDenied' });
  });

  it.each<ApiErrorCode>(['ServerError', 'Timeout', 'NotFound'])('is retried after %s', async (code) => {
    api.intercept = () => fault(code);
    await expect(create()).rejects.toMatchObject({ code });
  });
});
