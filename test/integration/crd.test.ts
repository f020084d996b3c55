/**
 * The definition on a real API server: what its schema means there, and that validation here and there agree. The webhook is
 * bypassed: validation runs in this process. Objects are only sent with dryRun. The server may be any supported release.
 */
import { beforeAll, expect, test } from '@jest/globals';
import { withDefaults } from '../../shared/api/defaults.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { collectionPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { validateSequentialJob } from '../../shared/validation/index.ts';
import { BYPASSED } from '../support/admission.ts';
import { kubectl, tryKubectl } from '../support/cluster.ts';
import { kstatusOf } from '../support/kstatus.ts';
import { readManifests } from '../support/manifests.ts';
import { type OpenApi, sampleTemplate } from '../support/openapi-sample.ts';
import { manifest } from '../support/sequences.ts';
import { withNamespace } from '../support/with-controller.ts';
import { fieldsRefused } from '../support/refusal.ts';

const { client, namespace } = withNamespace('crd', BYPASSED);

const CRD = 'config/crd/batch.example.com_sequentialjobs.yaml';
const DEFINITION = 'sequentialjobs.batch.example.com';

type Json = Readonly<Record<string, unknown>>;

interface Definition {
  readonly spec: { readonly conversion: object };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

const installed = async (): Promise<Definition> =>
  JSON.parse(await kubectl('get', 'crd', DEFINITION, '-o', 'json')) as Definition;

/** Applies the CRD, with the webhook that converts here: other tests run at the same time. */
async function applyDefinition(...flags: readonly string[]): Promise<void> {
  const [definition] = readManifests(CRD);
  const { conversion } = (await installed()).spec;
  const spec = { ...(definition?.['spec'] as object), conversion };
  const { code, stderr } = await tryKubectl(['apply', ...flags, '-f', '-'], { ...definition, spec });
  expect({ code, stderr }).toMatchObject({ code: 0 });
}

beforeAll(async () => {
  await applyDefinition();
  await kubectl('wait', '--for=condition=Established', `crd/${DEFINITION}`);
});

const STEP = { name: 'load', image: 'busybox:1.36' };
const SPEC = { steps: [STEP] };
const etl = (spec: Json): Json => manifest('etl', spec);
const withStep = (more: Json): Json => ({ steps: [{ ...STEP, ...more }] });
const withTemplate = (spec: Json): Json => ({ ...SPEC, template: { spec } });

/** What the server would store. */
const dryRun = async (body: Json): Promise<Json> => {
  const path = collectionPath(SEQUENTIAL_JOBS, namespace.name);
  return client.request<Json>({ method: 'POST', path, query: { dryRun: 'All' }, body });
};
const storedSpec = async (object: Json): Promise<Json> => (await dryRun(object))['spec'] as Json;

const refusedFields = async (body: Json): Promise<readonly string[]> => fieldsRefused(async () => dryRun(body));

test('client-side and server-side apply accept the CRD, and the server reports no problem with it', async () => {
  await applyDefinition();
  await applyDefinition('--server-side', '--force-conflicts');
  const { status } = await installed();
  const conditions = Object.fromEntries(status.conditions.map((condition) => [condition.type, condition.status]));
  expect(conditions).toMatchObject({ Established: 'True', NamesAccepted: 'True' });
  expect(conditions).not.toHaveProperty('NonStructuralSchema');
});

test('the server sets the same defaults as withDefaults, except for the restart policy', async () => {
  const { template, ...stored } = await storedSpec(etl(SPEC));
  const { template: ours, ...defaulted } = withDefaults(SPEC);
  expect(stored).toEqual(defaulted);
  expect(template).toEqual({});
  expect(ours).toEqual({ spec: { restartPolicy: 'Never' } });
});

test('every field of a Pod template that the server knows is stored', async () => {
  const { template, container, unknown } = sampleTemplate(
    await client.request<OpenApi>({ method: 'GET', path: '/openapi/v2' }),
  );
  // clusterName and ephemeral.readOnly had no effect and went in 1.24 and 1.21; managedFields is left out on purpose.
  const gone = ['metadata.clusterName', 'ephemeral.readOnly', 'metadata.managedFields'];
  expect(unknown.filter((path) => !gone.some((known) => path.endsWith(known)))).toEqual([]);
  const spec = { steps: [container], template };
  expect(await storedSpec(etl(spec))).toMatchObject(spec);
  expect(Object.keys(container).length).toBeGreaterThanOrEqual(21);
});

test('null and empty fields of Go clients are accepted, by POST and by kubectl', async () => {
  const goObject = (template: Json): Json => ({
    ...etl({ steps: [{ ...STEP, resources: {} }], template, job: null }),
    status: {},
  });
  const metadata = { creationTimestamp: null, labels: { a: 'b' } };
  const pod = { containers: null, volumes: [{ name: 'a', projected: { sources: null } }] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: null } };
  const template = { metadata, spec: { ...pod, affinity: { nodeAffinity } } };
  expect((await storedSpec(goObject(template)))['template']).toEqual(template);
  // Newer releases of kubectl remove nulls from what they apply, so that a required list must not be one.
  const apply = ['apply', '--dry-run=server', '-f', '-'];
  const object = goObject({ metadata, spec: pod });
  expect(await namespace.kubectl(apply, object)).toMatchObject({ code: 0 });
  expect(await namespace.kubectl([...apply, '--server-side'], object)).toMatchObject({ code: 0 });
});

test.each<readonly [sentence: string, spec: Json, field: string]>([
  ['no steps', {}, 'spec.steps'],
  ['an empty list', { steps: [] }, 'spec.steps'],
  ['two steps with the same name', { steps: [STEP, STEP] }, 'spec.steps'],
  ['a step without a name', { steps: [{ image: 'a' }] }, 'spec.steps.name'],
  ['a container in the template', withTemplate({ containers: [STEP] }), 'spec.template.spec.containers'],
  ['restartPolicy Always', withTemplate({ restartPolicy: 'Always' }), 'spec.template.spec.restartPolicy'],
  ['a negative backoffLimit', { ...SPEC, job: { backoffLimit: -1 } }, 'spec.job.backoffLimit'],
  ['a backoffLimit above int32', { ...SPEC, job: { backoffLimit: 2 ** 31 } }, 'spec.job.backoffLimit'],
  ['a deadline of 0 s', { ...SPEC, activeDeadlineSeconds: 0 }, 'spec.activeDeadlineSeconds'],
  ['an unknown update policy', { ...SPEC, updatePolicy: 'Any' }, 'spec.updatePolicy'],
  ['an invalid quantity', withStep({ resources: { limits: { cpu: 'one' } } }), 'spec.steps.resources.limits.cpu'],
  [
    'a quantity that is a fraction',
    withStep({ resources: { limits: { cpu: 0.5 } } }),
    'spec.steps.resources.limits.cpu',
  ],
  ['a string instead of a number', withStep({ ports: [{ containerPort: '80' }] }), 'spec.steps.ports.containerPort'],
  [
    'two mounts with the same path',
    withStep({ volumeMounts: ['a', 'b'].map((name) => ({ name, mountPath: '/a' })) }),
    'spec.steps.volumeMounts',
  ],
  ['an unknown word for onFailure', withStep({ onFailure: 'Ignore' }), 'spec.steps.onFailure'],
  ['a Job that may retry -1 times', withStep({ job: { backoffLimit: -1 } }), 'spec.steps.job.backoffLimit'],
])('%s: rejected by the server for that field, and by validation', async (_sentence, spec, field) => {
  expect(await refusedFields(etl(spec))).toContain(field);
  expect(validateSequentialJob(etl(spec))).not.toEqual([]);
});

test('a name of 63 characters is accepted, a name of 64 is rejected', async () => {
  expect(await refusedFields(manifest('a'.repeat(63), SPEC))).toEqual([]);
  expect(await refusedFields(manifest('a'.repeat(64), SPEC))).toEqual(['metadata.name']);
});

test('a new object is InProgress for kstatus, and a status that the client sends with it is ignored', async () => {
  const status = { observedGeneration: 1, phase: 'Completed' };
  const created = (await dryRun({ ...etl(SPEC), status })) as unknown as SequentialJob;
  expect(created.status).toEqual({ observedGeneration: -1 });
  expect(kstatusOf(created)).toBe('InProgress');
});

test('kubectl explain shows our descriptions', async () => {
  const spec = await kubectl('explain', 'sj.spec');
  expect(spec).toMatch(/The steps, in order\./);
  expect(spec).toMatch(/activeDeadlineSeconds\s+<integer>/);
  expect(await kubectl('explain', 'sequentialjob.status.progress')).toMatch(/such as\s+BackoffLimitExceeded/);
  expect(await kubectl('explain', 'seqjob.spec.template.spec.volumes.persistentVolumeClaim')).toMatch(/claimName/);
});

test('kubectl prints the columns, and lists the sequence in "all"', async () => {
  await namespace.apply('shown', { ...SPEC, suspend: true });
  const time = new Date().toISOString();
  const progressing = { type: 'Progressing', status: 'True', reason: 'StepRunning', message: 'Running step 0 (load)' };
  await namespace.setStatus('shown', {
    phase: 'Running',
    startTime: time,
    progress: { summary: '0/1', currentStep: 'load', currentIndex: 0, completedIndices: [] },
    conditions: [{ ...progressing, lastTransitionTime: time }],
  });
  const [, wide, row] =
    (await namespace.kubectl(['get', 'sj', 'shown', '-o', 'wide'])).stdout.match(/(.*)\n(.*)/) ?? [];
  const columns = ['NAME', 'STATUS', 'PROGRESS', 'STEP', 'AGE', 'MESSAGE', 'STARTED', 'COMPLETED'];
  expect(wide?.trim().split(/\s+/)).toEqual(columns);
  expect(row).toMatch(/^shown\s+Running\s+0\/1\s+load\s+\d+s\s+Running step 0 \(load\)/);
  expect((await namespace.kubectl(['get', 'all'])).stdout).toMatch('sequentialjob.batch.example.com/shown');
});
