/** A user who stays with v1alpha1: kubectl, a real API server that stores v1beta1, the webhook that converts, and the controller. */
import { describe, expect, it } from '@jest/globals';
import { FINALIZER, V1ALPHA1_API_VERSION } from '../../shared/api/group.ts';
import type { CommandResult } from '../support/cluster.ts';
import { refusal } from '../support/refusal.ts';
import { step } from '../support/sequences.ts';
import { V1ALPHA1_RESOURCE, writtenInV1alpha1 } from '../support/v1alpha1.ts';
import { withController } from '../support/with-controller.ts';

const { namespace } = withController('v1alpha1');

const DEPRECATED =
  'Warning: batch.example.com/v1alpha1 SequentialJob is deprecated; use batch.example.com/v1beta1 (sequentialjob convert)\n';

const apply = (name: string, spec: object): Promise<CommandResult> =>
  namespace.kubectl(['apply', '-f', '-'], writtenInV1alpha1(name, spec));

/** What kubectl prints, without the warning of the version, which stands on its own. */
const withoutWarning = ({ stderr, ...said }: CommandResult): CommandResult => {
  expect(stderr).toContain(DEPRECATED);
  return { ...said, stderr: stderr.replaceAll(DEPRECATED, '') };
};

describe('a sequence of v1alpha1', () => {
  const spec = {
    backoffLimit: 0,
    containers: [step('extract'), step('check', 'exit 3'), step('load')],
    stepPolicies: [
      { name: 'check', backoffLimit: 1, onFailure: 'Continue' },
      { name: 'load', activeDeadlineSeconds: 60 },
    ],
  };

  it('runs to its end, with what its policies say', async () => {
    expect(withoutWarning(await apply('etl', spec))).toMatchObject({ code: 0, stderr: '' });
    const status = await namespace.untilCompleted('etl');
    expect(status).toMatchObject({
      progress: { completedIndices: [0, 2], summary: '2/3' },
      steps: [{ state: 'Succeeded' }, { state: 'Failed', attempts: 2, exitCode: 3 }, { state: 'Succeeded' }],
    });
    const jobs = await namespace.jobs('etl');
    expect(jobs.map(({ metadata, spec: { backoffLimit } }) => [metadata.name, backoffLimit])).toEqual([
      ['etl-0-extract', 0],
      ['etl-1-check', 1],
      ['etl-2-load', 0],
    ]);
  });

  it('is read as it was written, with the defaults of v1alpha1, and with its status', async () => {
    const { stdout } = await namespace.kubectl(['get', V1ALPHA1_RESOURCE, 'etl', '-o', 'json']);
    const object = JSON.parse(stdout) as { readonly status: object; readonly metadata: object };
    const template = { spec: { restartPolicy: 'Never' } };
    expect(object).toMatchObject({
      apiVersion: V1ALPHA1_API_VERSION,
      metadata: { finalizers: [FINALIZER] },
      spec: { ...spec, template, suspend: false, updatePolicy: 'Immutable', resume: 0 },
    });
    expect(object.status).toEqual((await namespace.get('etl')).status);
  });

  it('has its settings in its steps for a client of v1beta1', async () => {
    const { steps, job } = (await namespace.get('etl')).spec;
    expect(job).toEqual({ backoffLimit: 0 });
    expect(steps.map(({ name, job: own, onFailure }) => ({ name, job: own, onFailure }))).toEqual([
      { name: 'extract' },
      { name: 'check', job: { backoffLimit: 1 }, onFailure: 'Continue' },
      { name: 'load', job: { activeDeadlineSeconds: 60 } },
    ]);
  });

  it('is unchanged by the same file, and what may not change is refused with the fields of v1alpha1', async () => {
    expect(withoutWarning(await apply('etl', spec))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('unchanged'),
    });
    const [check, load] = spec.stepPolicies;
    const changed = { ...spec, backoffLimit: 2, stepPolicies: [{ ...check, backoffLimit: 5 }, load] };
    const { code, stderr } = withoutWarning(await apply('etl', changed));
    expect(code).toBe(1);
    expect(stderr.split('\n').map((line) => line.split(': ', 2).join(': '))).toEqual([
      'The SequentialJob "etl" is invalid: ',
      '* spec.stepPolicies[0].backoffLimit: Invalid value',
      '* spec.backoffLimit: Invalid value',
      '',
    ]);
  });
});

it('a file with faults is refused with the fields of v1alpha1', async () => {
  const spec = {
    containers: [{ ...step('fetch'), image: 'a b' }, step('load')],
    stepPolicies: [{ name: 'upload', backoffLimit: 0 }],
  };
  expect(withoutWarning(await apply('invalid', spec))).toEqual(
    refusal(
      'invalid',
      'spec.containers[0].image: Invalid value: "a b": invalid reference format',
      'spec.stepPolicies[0].name: Not found: "upload"',
    ),
  );
  expect(await namespace.has('invalid')).toBe(false);
});
