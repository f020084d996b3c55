/**
 * Admission of new objects as a user meets it: kubectl, a real API server and the webhook behind it. What is refused, and in
 * which words, is in test/golden/admission; here it is about what kubectl and the API server make of the webhook's answers.
 */
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { FINALIZER } from '../../shared/api/group.ts';
import { collectionPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import type { CommandResult } from '../support/cluster.ts';
import { ROOT } from '../support/manifests.ts';
import { refusal } from '../support/refusal.ts';
import { manifest } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';
import { withNamespace } from '../support/with-controller.ts';

const { validatesStrictly } = await serverOfTests();
const { client, namespace } = withNamespace('admission');

type Json = Readonly<Record<string, unknown>>;

const sample = (name: string): string => join(ROOT, 'config/samples', `${name}.yaml`);
const step = (name: string): Json => ({ name, image: 'busybox:1.36' });
const STEP = step('load');
const FAULTY = { steps: [{ ...STEP, image: 'a b' }] };

const apply = (object: object, ...flags: readonly string[]): Promise<CommandResult> =>
  namespace.kubectl(['apply', ...flags, '-f', '-'], object);

/** With faults that a schema sees and faults that it does not: the API server alone would report only the former. */
const mixed = (second: string): object =>
  manifest('mixed', {
    steps: [
      STEP,
      { name: second, image: 'a b' },
      { name: 'a.b', image: 'busybox:1.36', volumeMounts: [{ name: 'nope', mountPath: '/a' }] },
    ],
    job: { backoffLimit: -1 },
  });

const MIXED_FAULTS = [
  'spec.steps[1].image: Invalid value: "a b": invalid reference format',
  'spec.steps[2].name: Invalid value: "a.b": must not contain dots',
  'spec.steps[2].volumeMounts[0].name: Not found: "nope"',
  'spec.job.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
];
const DUPLICATE = 'spec.steps[1].name: Duplicate value: "load"';

describe('an invalid object', () => {
  it('is denied, and kubectl prints all five errors of the sample with their paths', async () => {
    const { code, stderr } = await namespace.kubectl(['apply', '-f', sample('invalid')]);
    expect(code).toBe(1);
    expect(stderr.split('\n').map((line) => line.split(': ')[0])).toEqual([
      'The SequentialJob "invalid" is invalid',
      '* spec.steps[0].image',
      '* spec.steps[1].env[0].valueFrom',
      '* spec.steps[1].volumeMounts[0].name',
      '* spec.steps[2].resources.requests',
      '* spec.steps[2].job.activeDeadlineSeconds',
      '',
    ]);
    expect(await namespace.has('invalid')).toBe(false);
  });

  it.each([
    ['apply', 'load', [DUPLICATE, ...MIXED_FAULTS]],
    ['apply --dry-run=server', 'load', [DUPLICATE, ...MIXED_FAULTS]],
    ['create', 'load', [DUPLICATE, ...MIXED_FAULTS]],
    ['apply --server-side', 'second', MIXED_FAULTS],
  ])('is denied by kubectl %s with all of its errors at once', async (command, second, faults) => {
    const said = await namespace.kubectl([...command.split(' '), '-f', '-'], mixed(second));
    expect(said).toEqual(refusal('mixed', ...faults));
    expect(await namespace.has('mixed')).toBe(false);
  });

  it('is denied to clients with a Status that has all causes', async () => {
    const path = collectionPath(SEQUENTIAL_JOBS, namespace.name);
    const causes = [DUPLICATE, ...MIXED_FAULTS].map((fault) => ({ field: fault.split(': ')[0] }));
    const sent = client.request({ method: 'POST', path, body: mixed('load') });
    await expect(sent).rejects.toMatchObject({ code: 'Invalid', status: 422, causes });
  });

  it('is denied for a name that is too long together with its other errors', async () => {
    const { code, stderr } = await apply(manifest('a'.repeat(64), FAULTY));
    expect(code).toBe(1);
    expect(stderr).toMatch(/\* metadata\.name: .*63/);
    expect(stderr).toMatch(/\* spec\.steps\[0\]\.image: Invalid value: "a b"/);
  });

  // Newer servers refuse that before they ask the webhook, as the name is the key of the list.
  it('is denied for kubectl apply --server-side if two steps have the same name', async () => {
    const { code, stderr } = await apply(manifest('twins', { steps: [STEP, STEP] }), '--server-side');
    expect(code).toBe(1);
    expect(stderr).toMatch(/spec\.steps.*"load"/);
    expect(await namespace.has('twins')).toBe(false);
  });

  it('is denied for containers in the template, by the webhook or by a server with strict field validation', async () => {
    const object = manifest('faulty', { steps: [STEP], template: { spec: { containers: [STEP] } } });
    const fault = 'spec.template.spec.containers: Forbidden: the containers are the steps in spec.steps';
    const ours = refusal('faulty', fault);
    expect(await apply(object, '--validate=false')).toEqual(ours);
    const unknown = expect.stringContaining('"spec.template.spec.containers[0].name"');
    expect(await apply(object)).toEqual(validatesStrictly ? { code: 1, stdout: '', stderr: unknown } : ours);
  });

  it('does not prevent the valid objects of the same file from being created', async () => {
    const objects = [manifest('sound', { steps: [STEP] }), manifest('faulty', FAULTY)];
    const said = await namespace.kubectl(['apply', '-f', '-'], ...objects);
    expect(said).toMatchObject({ code: 1, stdout: 'sequentialjob.batch.example.com/sound created\n' });
    expect(said.stderr).toMatch('The SequentialJob "faulty" is invalid: spec.steps[0].image:');
  });
});

describe('a valid object', () => {
  it('is stored with its defaults and nothing else', async () => {
    expect(await apply(manifest('small', { steps: [STEP] }))).toMatchObject({ code: 0, stderr: '' });
    const { metadata, spec, status } = await namespace.get('small');
    expect(metadata.finalizers).toEqual([FINALIZER]);
    expect(spec).toEqual({
      steps: [STEP],
      template: { spec: { restartPolicy: 'Never' } },
      job: { backoffLimit: 3 },
      suspend: false,
      updatePolicy: 'Immutable',
      resume: 0,
    });
    // No controller has seen it.
    expect(status).toEqual({ observedGeneration: -1 });
  });

  it('keeps all fields of the user', async () => {
    const volumes = [{ name: 'data', emptyDir: {} }];
    const spec = {
      steps: [{ ...STEP, onFailure: 'Continue' }],
      template: { metadata: { labels: { a: 'b' } }, spec: { restartPolicy: 'OnFailure', volumes } },
      job: { backoffLimit: 0 },
      activeDeadlineSeconds: 60,
      ttlSecondsAfterFinished: 0,
      suspend: true,
      updatePolicy: 'FutureSteps',
      resume: 1,
    };
    const object = manifest('full', spec, { finalizers: ['example.com/mine'] });
    expect(await apply(object)).toMatchObject({ code: 0, stderr: '' });
    const stored = await namespace.get('full');
    expect(stored.spec).toEqual(spec);
    expect(stored.metadata.finalizers).toEqual(['example.com/mine', FINALIZER]);
  });

  it('is accepted by server-side apply, which owns only the fields that were applied', async () => {
    expect(await apply(manifest('applied', { steps: [STEP] }), '--server-side')).toMatchObject({ code: 0 });
    const { metadata, spec } = await namespace.get('applied');
    expect(metadata.finalizers).toEqual([FINALIZER]);
    expect(spec.template).toEqual({ spec: { restartPolicy: 'Never' } });
    const { managedFields } = metadata as unknown as { managedFields: readonly { manager: string; fieldsV1: Json }[] };
    const ours = managedFields.find(({ manager }) => manager === 'kubectl')?.fieldsV1;
    expect(Object.keys((ours?.['f:spec'] ?? {}) as Json).filter((key) => key !== '.')).toEqual(['f:steps']);
  });

  it.each(['--dry-run=server', '--server-side --dry-run=server'])(
    'is printed but not stored with %s',
    async (flags) => {
      const { stdout } = await apply(manifest('dry', { steps: [STEP] }), ...flags.split(' '), '-o', 'json');
      expect(JSON.parse(stdout)).toMatchObject({
        metadata: { finalizers: [FINALIZER] },
        spec: { job: { backoffLimit: 3 }, template: { spec: { restartPolicy: 'Never' } } },
      });
      expect(await namespace.has('dry')).toBe(false);
    },
  );

  it('is accepted with warnings, which kubectl prints', async () => {
    const steps = [{ name: 'a', image: 'busybox', securityContext: { privileged: true } }, STEP];
    const { code, stderr } = await apply(manifest('warned', { steps }));
    expect(code).toBe(0);
    expect(stderr.split('\n').map((line) => line.split(': ').slice(0, 2).join(': '))).toEqual([
      'Warning: spec.steps[0].image',
      'Warning: spec.steps[0].securityContext.privileged',
      '',
    ]);
  });

  it.each(['etl', 'failing', 'single-step'])('is the sample %s', async (name) => {
    const said = await namespace.kubectl(['apply', '--dry-run=server', '-f', sample(name)]);
    expect(said).toMatchObject({ code: 0, stderr: '' });
  });

  it('may have a thousand steps, and not one more', async () => {
    const steps = Array.from({ length: 1000 }, (_, i) => step(`s${i}`));
    const said = await apply(manifest('thousand', { steps }), '--dry-run=server');
    expect(said).toMatchObject({ code: 0, stderr: '' });
    expect(await apply(manifest('more', { steps: [...steps, STEP] }))).toEqual(
      refusal('more', 'spec.steps: Too many: 1001: must have at most 1000 items'),
    );
  });
});
