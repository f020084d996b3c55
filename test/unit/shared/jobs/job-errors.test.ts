import { describe, expect, it } from '@jest/globals';
import {
  jobErrorsOf,
  toSequentialJobFields,
  formatJobError,
  type JobRefusal,
} from '../../../../shared/jobs/job-errors.ts';
import { container, sequentialJob } from '../../../support/objects.ts';

const object = sequentialJob({
  spec: {
    steps: [container('extract'), container('transform', { job: {} }), container('load', { job: { backoffLimit: 5 } })],
  },
});

const refusal = (...causes: JobRefusal['causes']): JobRefusal => ({ message: 'Job.batch "x" is invalid', causes });

const ofField = (field: string): JobRefusal => refusal({ field, message: 'Not found: "typo"' });

describe('jobErrorsOf', () => {
  const claims = 'resources.claims[0]';

  it.each<readonly [string, readonly number[], string, readonly [index: number | undefined, field: string]]>([
    [
      'of the only container belongs to the step',
      [2],
      `spec.template.spec.containers[0].${claims}`,
      [2, `spec.steps[2].${claims}`],
    ],
    [
      'of one of several containers belongs to the step of that container',
      [1, 2],
      'spec.template.spec.containers[1].image',
      [2, 'spec.steps[2].image'],
    ],
    ['for a whole container', [1, 2], 'spec.template.spec.containers[0]', [1, 'spec.steps[1]']],
    [
      'of the template belongs to no step',
      [1],
      'spec.template.spec.volumes[0].nfs',
      [undefined, 'spec.template.spec.volumes[0].nfs'],
    ],
    [
      "of the template's metadata, whose path Kubernetes shortens",
      [1],
      'spec.template.annotations[example.com/a]',
      [undefined, 'spec.template.metadata.annotations[example.com/a]'],
    ],
    ['of a limit that the step sets', [2], 'spec.backoffLimit', [2, 'spec.steps[2].job.backoffLimit']],
    ['of a limit that several steps set', [2, 1], 'spec.backoffLimit', [undefined, 'spec.steps[2].job.backoffLimit']],
    ['of a limit that all steps have', [1], 'spec.backoffLimit', [undefined, 'spec.job.backoffLimit']],
    [
      'of a limit that all steps have, which the sequence has under the same name',
      [2],
      'spec.activeDeadlineSeconds',
      [undefined, 'spec.job.activeDeadlineSeconds'],
    ],
    [
      'of a limit of a step without settings',
      [0],
      'spec.podFailurePolicy.rules[0].action',
      [undefined, 'spec.job.podFailurePolicy.rules[0].action'],
    ],
    ['that is not in the spec of the user', [2], 'metadata.labels', [undefined, '(Job) metadata.labels']],
  ])('an error about a field %s', (_says, indices, field, [index, wanted]) => {
    expect(jobErrorsOf(ofField(field), { object, indices })).toEqual([
      { index, field: wanted, message: 'Not found: "typo"' },
    ]);
  });

  it('returns all causes, in order', () => {
    const causes = ['spec.template.spec.containers[0].env', 'spec.template.spec.containers[1].env'];
    const both = refusal(...causes.map((field) => ({ field, message: 'Required value' })));
    expect(jobErrorsOf(both, { object, indices: [0, 2] }).map(formatJobError)).toEqual([
      'spec.steps[0].env: Required value',
      'spec.steps[2].env: Required value',
    ]);
  });

  it.each<readonly [string, JobRefusal]>([
    ['no cause', { message: 'admission webhook "p" denied the request: no', causes: [] }],
    ['causes without a message', { message: 'admission webhook "p" denied the request: no', causes: [{ field: 'x' }] }],
    [
      'a cause without a field',
      { message: 'jobs is forbidden', causes: [{ message: 'admission webhook "p" denied the request: no' }] },
    ],
  ])('%s: the message of the response is the error, of the step if there is only one', (_says, given) => {
    const message = 'admission webhook "p" denied the request: no';
    expect(jobErrorsOf(given, { object, indices: [1] })).toEqual([{ index: 1, field: '', message }]);
    expect(jobErrorsOf(given, { object, indices: [1, 2] })).toEqual([{ index: undefined, field: '', message }]);
    expect(formatJobError({ index: 1, field: '', message })).toBe(message);
  });

  it.each([
    [
      'formatted by Go',
      'Invalid value: core.SecurityContext{Privileged:(*bool)(0xc002cfcd2a), Caps:map[string]int{}}: cannot set `a` and `b`',
      'Invalid value: cannot set `a` and `b`',
    ],
    [
      'formatted as JSON',
      'Invalid value: {"Name":"d1","Key":null}: must specify one of: `a`, `b`',
      'Invalid value: must specify one of: `a`, `b`',
    ],
    ['but keeps a value that is a string', 'Invalid value: "{x}: y": must be z', 'Invalid value: "{x}: y": must be z'],
    [
      'but keeps a detail in braces',
      'Required value: one of {a, b}: not both',
      'Required value: one of {a, b}: not both',
    ],
  ])('omits a value that is a structure, %s', (_says, message, wanted) => {
    const given = refusal({ field: 'spec.template.spec.containers[0].x', message });
    expect(jobErrorsOf(given, { object, indices: [0] })[0]?.message).toBe(wanted);
  });

  it('translates paths in messages, too', () => {
    const words = 'spec.template.spec.containers[1].image and spec.template.spec.containers[7].image are not allowed';
    const [fault] = jobErrorsOf({ message: words, causes: [] }, { object, indices: [1, 2] });
    expect(fault?.message).toBe('spec.steps[2].image and spec.steps[7].image are not allowed');
  });
});

it('fieldsOf returns the paths of the SequentialJob', () => {
  const fields = ['spec.template.spec.containers[1].restartPolicyRules', 'spec.template.spec.resources'];
  expect(toSequentialJobFields(fields, { object, indices: [0, 2] })).toEqual([
    'spec.steps[2].restartPolicyRules',
    'spec.template.spec.resources',
  ]);
});
