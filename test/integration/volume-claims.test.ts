/** The claims of a sequence: created once, before its first Job, found again, and deleted with it. */
import { describe, expect, it } from '@jest/globals';
import type { SequentialJob, SequentialJobSpec, Step } from '../../shared/api/types.ts';
import { buildClaims } from '../../shared/jobs/volume-claims.ts';
import { PERSISTENT_VOLUME_CLAIMS } from '../../shared/kube/resources.ts';
import { condition, kubectl } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { step } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('claims');
const { namespace } = here;

/** In seconds: at first it is tried every 5 s. */
const SOON = 30;

const SPEC = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } };

type Claims = NonNullable<SequentialJobSpec['volumeClaimTemplates']>;
interface Claim {
  readonly metadata: SequentialJob['metadata'];
  readonly status?: { readonly phase?: string };
}

/** A step that sees the claim `work` in the folder `/work`. */
const working = (name: string, script?: string): Step => ({
  ...step(name, script),
  volumeMounts: [{ name: 'work', mountPath: '/work' }],
});
const withClaim = (spec: object = SPEC, steps = [working('s0')]): SequentialJobSpec => ({
  steps,
  volumeClaimTemplates: [{ metadata: { name: 'work', labels: { team: 'a' } }, spec }] as Claims,
});

const claims = async (sequence: string): Promise<readonly Claim[]> =>
  (await namespace.list<Claim>(PERSISTENT_VOLUME_CLAIMS)).filter(({ metadata }) =>
    metadata.name.endsWith(`-${sequence}`),
  );

async function expectNotStarted(name: string): Promise<void> {
  const { status } = await namespace.get(name);
  expect(status).toMatchObject({ steps: [] });
  expect(status?.startTime).toBeUndefined();
  expect(await namespace.jobNames(name)).toEqual([]);
}

describe('the claims of a sequence', () => {
  it('are created before its first Job, and hand on what a step writes to the next', async () => {
    const steps = [
      working('write', 'echo hello >/work/greeting'),
      working('read', 'cat /work/greeting >/dev/termination-log'),
    ];
    await namespace.apply('etl', withClaim(SPEC, steps));
    const { steps: done } = await namespace.untilCompleted('etl', 60);
    expect(done?.[1]?.message?.trim()).toBe('hello');
    const [claim, ...more] = await claims('etl');
    const { metadata } = await namespace.get('etl');
    expect(more).toEqual([]);
    expect(claim?.metadata).toMatchObject({
      name: 'work-etl',
      labels: { team: 'a', 'batch.example.com/sequentialjob-uid': metadata.uid },
      ownerReferences: [{ kind: 'SequentialJob', name: 'etl', uid: metadata.uid, controller: true }],
    });
    const [job] = await namespace.jobs('etl');
    const times = [claim, job].map((one) => Date.parse(one?.metadata.creationTimestamp ?? ''));
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('are deleted with it', async () => {
    await namespace.delete('etl');
    await namespace.untilGone('etl');
    await eventually('no claims', async () => (await claims('etl')).length === 0);
  });

  it('are kept by a deletion that orphans them; a sequence of the same name does not take them', async () => {
    await namespace.apply('orphaning', withClaim());
    await namespace.untilCompleted('orphaning', 60);
    await namespace.delete('orphaning', 'Orphan');
    await namespace.untilGone('orphaning');
    expect(await claims('orphaning')).toMatchObject([{ metadata: { name: 'work-orphaning' } }]);
    expect((await claims('orphaning'))[0]?.metadata.ownerReferences).toBeUndefined();
    await namespace.apply('orphaning', withClaim());
    const { status } = await namespace.untilFinished('orphaning');
    expect(status?.progress?.failureReason).toBe('ClaimNameConflict');
  });

  it('are kept while only its Jobs go', async () => {
    await namespace.apply('ended', withClaim());
    await namespace.untilCompleted('ended', 60);
    expect(await claims('ended')).toHaveLength(1);
  });

  it('are found again by a controller that was killed after it had created them', async () => {
    await namespace.apply('crashed', { ...withClaim(), suspend: true });
    await namespace.untilPhase('crashed', 'Suspended');
    await here.crash();
    // Its own manifest, as if the process had died before the answer.
    const [claim] = buildClaims(await namespace.get('crashed'));
    await namespace.createObject(PERSISTENT_VOLUME_CLAIMS, { ...claim });
    const [before] = await claims('crashed');
    await here.restart();
    await namespace.setSuspend('crashed', false);
    await namespace.untilCompleted('crashed', 60);
    expect((await claims('crashed')).map((one) => one.metadata.uid)).toEqual([before?.metadata.uid]);
  });
});

describe('a claim that somebody else has', () => {
  it('fails the sequence before anything runs; after its deletion a resume starts it', async () => {
    await namespace.createObject(PERSISTENT_VOLUME_CLAIMS, { metadata: { name: 'work-taken' }, spec: SPEC });
    await namespace.apply('taken', withClaim());
    const { status } = await namespace.untilFinished('taken');
    expect(status?.progress).toMatchObject({ failureReason: 'ClaimNameConflict' });
    expect(status?.progress?.failureMessage).toContain('"work-taken" already exists and has no controller owner');
    await expectNotStarted('taken');
    await namespace.deleteObject(PERSISTENT_VOLUME_CLAIMS, 'work-taken');
    await eventually('its end', async () => (await claims('taken')).length === 0);
    await namespace.resume('taken', 1);
    await namespace.untilPhase('taken', 'Completed', 60);
  });

  it('is waited for while it is being deleted', async () => {
    const metadata = { name: 'work-freed', finalizers: ['example.com/hold'] };
    await namespace.createObject(PERSISTENT_VOLUME_CLAIMS, { metadata, spec: SPEC });
    await namespace.deleteObject(PERSISTENT_VOLUME_CLAIMS, 'work-freed');
    await namespace.apply('freed', withClaim());
    await namespace.until(
      'freed',
      (one) => condition(one, 'Progressing')?.message.startsWith('Waiting for the deletion') === true,
    );
    await expectNotStarted('freed');
    await namespace.patchObject(PERSISTENT_VOLUME_CLAIMS, 'work-freed', { metadata: { finalizers: null } });
    await namespace.untilCompleted('freed', SOON);
  });
});

describe('a claim that the API server refuses', () => {
  it('fails the sequence before anything runs, with the field of the user, and can be corrected', async () => {
    const steps = [
      working('s0'),
      { ...step('s1'), securityContext: { privileged: true, allowPrivilegeEscalation: false } },
    ];
    await namespace.apply('refused', withClaim({ resources: SPEC.resources }, steps));
    const { status } = await namespace.untilFinished('refused');
    expect(status?.progress?.failureReason).toBe('JobRejected');
    expect(status?.progress?.failureMessage).toContain('spec.volumeClaimTemplates[0].spec.accessModes: Required value');
    expect(status?.progress?.failureMessage).toContain('step 1 (s1): spec.steps[1].securityContext');
    await expectNotStarted('refused');
    await namespace.patch('refused', { spec: withClaim({ resources: SPEC.resources }) });
    await namespace.until('refused', (one) => one.status?.progress?.failureReason === 'ClaimRejected');
    await namespace.patch('refused', { spec: withClaim() });
    await namespace.untilPhase('refused', 'Completed', 60);
  });
});

describe('a full quota of claims', () => {
  it('is waited for', async () => {
    await kubectl('create', 'quota', 'no-claims', '--hard=requests.storage=1', '-n', namespace.name);
    await eventually('the quota in force', async () => {
      const probe = { metadata: { name: 'probe' }, spec: SPEC };
      const path = `/api/v1/namespaces/${namespace.name}/persistentvolumeclaims`;
      const create = here.client.request({ method: 'POST', path, query: { dryRun: 'All' }, body: probe });
      return create.then(
        () => false,
        (error: unknown) => String(error).includes('no-claims'),
      );
    });
    await namespace.apply('held', withClaim());
    const held = await namespace.untilCondition('held', 'ResourcesUnavailable', 'QuotaExceeded');
    expect(condition(held, 'ResourcesUnavailable')?.message).toContain('persistentvolumeclaims "work-held"');
    expect(held.status?.phase).toBe('Pending');
    await expectNotStarted('held');
    await kubectl('delete', 'quota', 'no-claims', '-n', namespace.name);
    await namespace.untilCompleted('held', 60);
  });
});

describe('a claim of a storage class that does not exist', () => {
  it('is explained while the Pod of the step waits for it', async () => {
    await namespace.apply('classless', withClaim({ ...SPEC, storageClassName: 'nope' }));
    const object = await namespace.until(
      'classless',
      (one) => condition(one, 'ResourcesUnavailable')?.message.includes('"nope" not found') === true,
      60,
    );
    expect(condition(object, 'ResourcesUnavailable')).toMatchObject({ status: 'True', reason: 'Unschedulable' });
    expect(condition(object, 'ResourcesUnavailable')?.message).toContain('PersistentVolumeClaim "work-classless": ');
  });
});
