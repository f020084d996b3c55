/**
 * The resource on a real API server: what the schema means there, and that validation here and there agree. The webhook
 * is bypassed: what it would say is said in this process. Objects are only sent with dryRun, so nothing runs. The server
 * may be any supported release; what only newer ones do is not asked.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDefaults } from '../../shared/api/defaults.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, SEQUENTIAL_JOBS, type Resource } from '../../shared/kube/resources.ts';
import { validateSequentialJob } from '../../shared/validation/index.ts';
import { BYPASSED } from '../support/admission.ts';
import { connect, kubectl } from '../support/cluster.ts';
import { Namespace } from '../support/namespace.ts';
import { kstatusOf } from '../support/kstatus.ts';
import { sampleTemplate, type OpenApi } from '../support/openapi-sample.ts';

const CRD = join(import.meta.dirname, '../../config/crd/batch.example.com_sequentialjobs.yaml');
const DEFINITION = 'sequentialjobs.batch.example.com';

type Json = Readonly<Record<string, unknown>>;

let client: ApiClient;
let namespace: Namespace;
let folder: string;

beforeAll(async () => {
  await kubectl('apply', '-f', CRD);
  await kubectl('wait', '--for=condition=Established', `crd/${DEFINITION}`);
  client = connect();
  namespace = await Namespace.create(client, 'crd', BYPASSED);
  folder = await mkdtemp(join(tmpdir(), 'sequentialjob-crd-'));
});

afterAll(async () => {
  await namespace.remove();
  await rm(folder, { recursive: true });
});

const STEP = { name: 'load', image: 'busybox:1.36' };

const sequence = (spec: Json, name = 'etl'): Json => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name },
  spec,
});

/** Gives what the server would store. */
const dryRun = async (resource: Resource, body: Json): Promise<Json> =>
  client.request<Json>({
    method: 'POST',
    path: collectionPath(resource, namespace.name),
    query: { dryRun: 'All' },
    body,
  });

/**
 * Gives the fields that the server has something against, none where it takes the object. Its words change between releases,
 * these do not, but for the indexes in lists, which older servers leave out: they are left out here.
 */
async function refusedFields(resource: Resource, body: Json): Promise<readonly string[]> {
  try {
    await dryRun(resource, body);
    return [];
  } catch (error) {
    if (!isApiError(error, 'Invalid', 'BadRequest')) throw error;
    const fields = error.causes.map(({ field = '' }) => field.replaceAll(/\[\d+\]/g, ''));
    return fields.length === 0 ? ['unknown'] : fields;
  }
}

async function file(object: Json): Promise<string> {
  const path = join(folder, 'object.json');
  await writeFile(path, JSON.stringify(object));
  return path;
}

test('client-side and server-side apply take the definition, and the server has nothing against it', async () => {
  await kubectl('apply', '-f', CRD);
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', CRD);
  const text = await kubectl('get', 'crd', DEFINITION, '-o', 'json');
  const { status } = JSON.parse(text) as { status: { conditions: { type: string; status: string }[] } };
  const conditions = Object.fromEntries(status.conditions.map((condition) => [condition.type, condition.status]));
  expect(conditions).toMatchObject({ Established: 'True', NamesAccepted: 'True' });
  expect(conditions).not.toHaveProperty('NonStructuralSchema');
});

test('the server fills in the same defaults as withDefaults, but for the restart policy', async () => {
  const spec = { containers: [STEP] };
  const { template, ...stored } = (await dryRun(SEQUENTIAL_JOBS, sequence(spec)))['spec'] as Json;
  const { template: ours, ...defaulted } = withDefaults(spec);
  expect(stored).toEqual(defaulted);
  expect(template).toEqual({});
  expect(ours).toEqual({ spec: { restartPolicy: 'Never' } });
});

test('every field of a Pod template that the server knows survives, and validation reads it', async () => {
  const openApi = await client.request<OpenApi>({ method: 'GET', path: '/openapi/v2' });
  const { template, container, unknown } = sampleTemplate(openApi);
  // clusterName and ephemeral.readOnly had no effect and went in 1.24 and 1.21; managedFields is left out on purpose.
  const gone = ['metadata.clusterName', 'ephemeral.readOnly', 'metadata.managedFields'];
  expect(unknown.filter((path) => !gone.some((known) => path.endsWith(known)))).toEqual([]);
  const spec = { containers: [container], template };
  const stored = (await dryRun(SEQUENTIAL_JOBS, sequence(spec)))['spec'];
  expect(stored).toMatchObject(spec);
  expect(Object.keys(container).length).toBeGreaterThanOrEqual(21);
});

test('what Go clients write is taken, by POST and by kubectl', async () => {
  const goObject = (template: Json): Json => ({
    ...sequence({ containers: [{ ...STEP, resources: {} }], template, stepPolicies: null }),
    status: {},
  });
  const metadata = { creationTimestamp: null, labels: { a: 'b' } };
  const pod = { containers: null, volumes: [{ name: 'a', projected: { sources: null } }] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: null } };
  const template = { metadata, spec: { ...pod, affinity: { nodeAffinity } } };
  expect(((await dryRun(SEQUENTIAL_JOBS, goObject(template)))['spec'] as Json)['template']).toEqual(template);
  // Newer releases of kubectl take nulls out of what they apply, so that a list which is required must not be one.
  const path = await file(goObject({ metadata, spec: pod }));
  expect(await kubectl('-n', namespace.name, 'apply', '--dry-run=server', '-f', path)).toMatch('created');
  expect(await kubectl('-n', namespace.name, 'apply', '--server-side', '--dry-run=server', '-f', path)).toMatch(
    'applied',
  );
});

test.each<readonly [sentence: string, spec: Json, field: string]>([
  ['no containers', {}, 'spec.containers'],
  ['an empty list', { containers: [] }, 'spec.containers'],
  ['two steps of a name', { containers: [STEP, STEP] }, 'spec.containers'],
  ['a step without a name', { containers: [{ image: 'a' }] }, 'spec.containers.name'],
  [
    'a container in the template',
    { containers: [STEP], template: { spec: { containers: [STEP] } } },
    'spec.template.spec.containers',
  ],
  [
    'the restart policy Always',
    { containers: [STEP], template: { spec: { restartPolicy: 'Always' } } },
    'spec.template.spec.restartPolicy',
  ],
  ['a negative limit', { containers: [STEP], backoffLimit: -1 }, 'spec.backoffLimit'],
  ['a limit above int32', { containers: [STEP], backoffLimit: 2 ** 31 }, 'spec.backoffLimit'],
  ['a deadline of no seconds', { containers: [STEP], activeDeadlineSeconds: 0 }, 'spec.activeDeadlineSeconds'],
  ['an unknown update policy', { containers: [STEP], updatePolicy: 'Any' }, 'spec.updatePolicy'],
  [
    'a quantity that is none',
    { containers: [{ ...STEP, resources: { limits: { cpu: 'one' } } }] },
    'spec.containers.resources.limits.cpu',
  ],
  [
    'a quantity that is a fraction',
    { containers: [{ ...STEP, resources: { limits: { cpu: 0.5 } } }] },
    'spec.containers.resources.limits.cpu',
  ],
  [
    'a text for a number',
    { containers: [{ ...STEP, ports: [{ containerPort: '80' }] }] },
    'spec.containers.ports.containerPort',
  ],
  [
    'two mounts at a path',
    {
      containers: [
        {
          ...STEP,
          volumeMounts: [
            { name: 'a', mountPath: '/a' },
            { name: 'b', mountPath: '/a' },
          ],
        },
      ],
    },
    'spec.containers.volumeMounts',
  ],
  [
    'two policies for a step',
    { containers: [STEP], stepPolicies: [{ name: 'a' }, { name: 'a' }] },
    'spec.stepPolicies',
  ],
])('%s: refused by the server for that field, and by validation', async (_sentence, spec, field) => {
  expect(await refusedFields(SEQUENTIAL_JOBS, sequence(spec))).toContain(field);
  expect(validateSequentialJob(sequence(spec))).not.toEqual([]);
});

test('a name of 63 characters is taken, of 64 refused', async () => {
  const named = (length: number): Json => sequence({ containers: [STEP] }, 'a'.repeat(length));
  expect(await refusedFields(SEQUENTIAL_JOBS, named(63))).toEqual([]);
  expect(await refusedFields(SEQUENTIAL_JOBS, named(64))).toEqual(['metadata.name']);
});

test('a new object is in progress to kstatus before any controller has seen it', async () => {
  const created = (await dryRun(SEQUENTIAL_JOBS, sequence({ containers: [STEP] }))) as unknown as SequentialJob;
  expect(created.status).toEqual({ observedGeneration: -1 });
  expect(kstatusOf(created)).toBe('InProgress');
});

test('a status that the client sends with a new object counts for nothing', async () => {
  const status = { observedGeneration: 1, phase: 'Completed' };
  expect(await dryRun(SEQUENTIAL_JOBS, { ...sequence({ containers: [STEP] }), status })).toMatchObject({
    status: { observedGeneration: -1 },
  });
});

test('kubectl explains our fields in our words', async () => {
  const spec = await kubectl('explain', 'sj.spec');
  expect(spec).toMatch(/The steps, in order\./);
  expect(spec).toMatch(/activeDeadlineSeconds\s+<integer>/);
  expect(await kubectl('explain', 'sequentialjob.status.progress')).toMatch(/such as\s+BackoffLimitExceeded/);
  expect(await kubectl('explain', 'seqjob.spec.template.spec.volumes.persistentVolumeClaim')).toMatch(/claimName/);
});

test('kubectl shows the columns, and the sequence among all', async () => {
  const object = sequence({ containers: [STEP] }, 'shown');
  const progressing = { type: 'Progressing', status: 'True', reason: 'StepRunning', message: 'Running step 0 (load)' };
  const time = new Date().toISOString();
  const path = await file({ ...object, spec: { ...(object['spec'] as Json), suspend: true } });
  await kubectl('-n', namespace.name, 'create', '-f', path);
  await client.request({
    method: 'PATCH',
    path: `${collectionPath(SEQUENTIAL_JOBS, namespace.name)}/shown/status`,
    contentType: 'application/merge-patch+json',
    body: {
      status: {
        phase: 'Running',
        startTime: time,
        progress: { summary: '0/1', currentStep: 'load', currentIndex: 0, completedIndices: [] },
        conditions: [{ ...progressing, lastTransitionTime: time }],
      },
    },
  });
  const lines = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await kubectl('-n', namespace.name, 'get', ...args)).split('\n');
  const [narrow, row] = await lines('sj', 'shown');
  expect(narrow?.split(/\s+/)).toEqual(['NAME', 'STATUS', 'PROGRESS', 'STEP', 'AGE']);
  expect(row).toMatch(/^shown\s+Running\s+0\/1\s+load\s+\d+s$/);
  const [wide, wideRow] = await lines('sj', 'shown', '-o', 'wide');
  expect(wide?.trim().split(/\s+/).slice(5)).toEqual(['MESSAGE', 'STARTED', 'COMPLETED']);
  expect(wideRow).toMatch(/Running step 0 \(load\)/);
  expect((await lines('all')).join('\n')).toMatch('sequentialjob.batch.example.com/shown');
});
