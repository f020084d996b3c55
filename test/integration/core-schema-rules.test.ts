/**
 * The definition with rules in CEL, on a real API server: what they refuse, and that they let through everything else.
 * Updates are sent with dryRun, and no webhook is there. A server that does not know the rules (before 1.25) drops them from
 * what it stores, and shows here that they do no harm. The control plane is this suite's own: the definition is everybody's, and
 * other suites change specs in ways that its rules refuse.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { VALIDATION_RULES } from '../../config/generate/validations.ts';
import { FINALIZER } from '../../shared/api/group.ts';
import type { SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { type Kubectl, kubectlOf } from '../../local/control-plane/kubectl.ts';
import { type ApiClient, createApiClient, PATCH_TYPE } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { loadKubeConfig } from '../../shared/kube/kubeconfig.ts';
import { objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { validateUpdate } from '../../shared/validation/update.ts';
import { formatFieldErrors } from '../../shared/validation/index.ts';
import { Namespace } from '../support/namespace.ts';
import { eventually } from '../support/eventually.ts';
import { dedicatedControlPlane } from '../support/dedicated-control-plane.ts';
import { ACCEPTED, merge, OBJECTS, REFUSED, RUNNING, SPEC, spec } from '../support/rule-cases.ts';
import { onServersWhere, serverOfTests } from '../support/server-features.ts';

const FOLDER = join(import.meta.dirname, '../../config/crd');
const PLAIN = join(FOLDER, 'batch.example.com_sequentialjobs.yaml');
const WITH_RULES = join(FOLDER, 'cel');
const DEFINITION = 'sequentialjobs.batch.example.com';

type Json = Readonly<Record<string, unknown>>;

const { knowsRules } = await serverOfTests();
const own = dedicatedControlPlane();
let client: ApiClient;
let kubectl: Kubectl;
let namespace: Namespace;

/** client-node's types ask for containers in a template. */
const asSpec = (spec: object): SequentialJobSpec => spec as SequentialJobSpec;

const pathOf = (name: string): string => objectPath(SEQUENTIAL_JOBS, namespace.name, name);

interface Answer {
  /** What the server has against it; empty where it takes it. */
  readonly says: string;
  /** The fields that it has something against. */
  readonly fields: readonly string[];
  /** What it would store. */
  readonly object?: SequentialJob;
}

/** Gives the server's answer to an update. */
async function update(name: string, body: unknown, path = pathOf(name)): Promise<Answer> {
  try {
    const request = { method: 'PATCH', path, query: { dryRun: 'All' }, contentType: PATCH_TYPE.merge, body } as const;
    return { says: '', fields: [], object: await client.request<SequentialJob>(request) };
  } catch (error) {
    if (isApiError(error)) return { says: error.message, fields: error.causes.map(({ field = '' }) => field) };
    throw error;
  }
}

beforeAll(async () => {
  kubectl = kubectlOf(own.plane);
  client = createApiClient(loadKubeConfig({ path: own.plane.kubeconfig }), { userAgent: 'sequentialjob-tests' });
  await kubectl('apply', '--validate=false', '-f', PLAIN);
  namespace = await Namespace.create(client, 'rules');
  for (const [name, { spec: wanted, status }] of Object.entries(OBJECTS)) {
    await namespace.apply(name, asSpec(wanted));
    await namespace.setStatus(name, status);
  }
  if (knowsRules) {
    // While a definition changes, a server may answer a write of its objects with 503: only a refusal that names a field is a rule's.
    await kubectl('apply', '--validate=false', '-f', WITH_RULES);
    await eventually(
      'the rules in force',
      async () => (await update('started', { spec: { job: { backoffLimit: 9 } } })).fields.length > 0,
    );
  }
});

afterAll(async () => {
  await client.close();
});

test.each([...REFUSED, ...ACCEPTED])('%s (%s)', async (_sentence, name, body, refusal) => {
  const { says, fields, object } = await update(name, body);
  if (refusal === '' || !knowsRules) {
    // A 1.20 that was built with a newer Go takes an empty text for null: see docs/validation.md.
    const hasEmptyText = JSON.stringify(body).includes('"restartPolicy":""');
    if (!knowsRules && hasEmptyText && fields.includes('spec.template.spec.restartPolicy')) return;
    expect(says).toBe('');
    if (object === undefined) return;
    // What the rules let through the webhook lets through too, but for what it alone can say.
    const onlyFailed = /may only be raised when the sequence has failed/;
    const faults = formatFieldErrors(validateUpdate(await namespace.get(name), object));
    if (refusal === '' && !onlyFailed.test(faults)) expect(faults).toBe('[]');
  } else {
    expect(says).toContain(`: ${refusal}`);
  }
});

test('the webhook also denies everything that the CEL rules reject', async () => {
  for (const [sentence, name, body] of REFUSED) {
    const before = await namespace.get(name);
    const after = { ...before, spec: merge(before.spec, body['spec']) };
    expect([sentence, formatFieldErrors(validateUpdate(before, after))]).not.toEqual([sentence, '[]']);
  }
});

onServersWhere(knowsRules)('on a server that knows the rules', () => {
  test('every rule has rejected at least one case', async () => {
    const refusals = await Promise.all(REFUSED.map(async ([, name, body]) => (await update(name, body)).says));
    const unseen = VALIDATION_RULES.filter(({ message }) => !refusals.some((says) => says.includes(message)));
    expect(unseen).toEqual([]);
  });
});

test('status writes are accepted, for a running sequence and for one whose status is reset', async () => {
  const path = `${pathOf('started')}/status`;
  expect((await update('started', { status: { startTime: null, steps: null, progress: null } }, path)).says).toBe('');
  const strange = [...RUNNING.steps, { index: 999, name: 'gone', state: 'Failed' }];
  expect((await update('started', { status: { steps: strange } }, path)).says).toBe('');
});

test('the finalizers of an object that is being deleted can be removed', async () => {
  await namespace.apply('deleted', asSpec(SPEC), { finalizers: [FINALIZER] });
  await namespace.setStatus('deleted', RUNNING);
  await namespace.delete('deleted');
  expect((await namespace.get('deleted')).metadata).toHaveProperty('deletionTimestamp');
  await namespace.patch('deleted', { metadata: { finalizers: null } });
  await namespace.untilGone('deleted', 10);
});

test('the rules stay within the CEL cost limit for a thousand started steps with long arguments', async () => {
  const args = Array.from({ length: 20 }, (_, i) => `${i}`.padEnd(30, 'x'));
  const long = Array.from({ length: 1000 }, (_, i) => ({ name: `s${i}`, image: 'busybox:1.36', args }));
  const steps = long.map(({ name }, index) => ({ index, name, state: 'Succeeded' }));
  await namespace.apply('thousand', asSpec({ ...SPEC, steps: long, updatePolicy: 'FutureSteps' }));
  await namespace.setStatus('thousand', { ...RUNNING, steps });
  for (const updatePolicy of ['FutureSteps', 'Immutable']) {
    expect((await update('thousand', { spec: { updatePolicy, suspend: true } })).says).toBe('');
  }
  const changed = [...long.slice(0, -1), { ...long.at(-1), args: ['x'] }];
  const { says } = await update('thousand', spec({ steps: changed }));
  expect(says).toMatch(knowsRules ? 'a step that has been started' : /^$/);
});

test('a server with CEL accepts the CRD with rules, and an older one drops them', async () => {
  const stored = await kubectl('get', 'crd', DEFINITION, '-o', 'json');
  const { spec: definition } = JSON.parse(stored) as { spec: { versions: [{ schema: { openAPIV3Schema: Json } }] } };
  const rules = definition.versions[0].schema.openAPIV3Schema['x-kubernetes-validations'];
  expect(rules).toEqual(knowsRules ? VALIDATION_RULES : undefined);
});
