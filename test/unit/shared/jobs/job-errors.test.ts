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
    containers: ['extract', 'transform', 'load'].map((name) => container(name)),
    stepPolicies: [{ name: 'transform' }, { name: 'load', backoffLimit: 5 }],
  },
});

const refusal = (...causes: JobRefusal['causes']): JobRefusal => ({ message: 'Job.batch "x" is invalid', causes });

const ofField = (field: string): JobRefusal => refusal({ field, message: 'Not found: "typo"' });

describe('faultsOf', () => {
  interface Row {
    readonly says: string;
    readonly indices: readonly number[];
    readonly field: string;
    readonly index?: number;
    readonly wanted: string;
  }

  it.each<Row>([
    {
      says: "of the only container: the step's",
      indices: [2],
      field: 'spec.template.spec.containers[0].resources.claims[0]',
      index: 2,
      wanted: 'spec.containers[2].resources.claims[0]',
    },
    {
      says: "of one container of several: that step's",
      indices: [1, 2],
      field: 'spec.template.spec.containers[1].image',
      index: 2,
      wanted: 'spec.containers[2].image',
    },
    {
      says: 'of a container as a whole',
      indices: [1, 2],
      field: 'spec.template.spec.containers[0]',
      index: 1,
      wanted: 'spec.containers[1]',
    },
    {
      says: 'of the template: as the user wrote it, of no step',
      indices: [1],
      field: 'spec.template.spec.volumes[0].nfs.path',
      wanted: 'spec.template.spec.volumes[0].nfs.path',
    },
    {
      says: "of the template's metadata, whose path Kubernetes shortens",
      indices: [1],
      field: 'spec.template.annotations[example.com/a]',
      wanted: 'spec.template.metadata.annotations[example.com/a]',
    },
    {
      says: 'of a limit that the step has for itself',
      indices: [2],
      field: 'spec.backoffLimit',
      index: 2,
      wanted: 'spec.stepPolicies[1].backoffLimit',
    },
    {
      says: 'of a limit that it has of the sequence',
      indices: [1],
      field: 'spec.backoffLimit',
      wanted: 'spec.backoffLimit',
    },
    {
      says: "of a limit of the step, which is not the sequence's of that name",
      indices: [2],
      field: 'spec.activeDeadlineSeconds',
      wanted: 'spec.stepPolicies[1].activeDeadlineSeconds',
    },
    {
      says: 'of a limit of a step without a policy',
      indices: [0],
      field: 'spec.podFailurePolicy.rules[0].action',
      wanted: 'spec.stepPolicies[name=extract].podFailurePolicy.rules[0].action',
    },
    {
      says: 'of what the user did not write',
      indices: [2],
      field: 'metadata.labels',
      wanted: '(Job) metadata.labels',
    },
  ])('a field $says', ({ indices, field, index, wanted }) => {
    expect(jobErrorsOf(ofField(field), { object, indices })).toEqual([
      { index, field: wanted, message: 'Not found: "typo"' },
    ]);
  });

  it('gives every cause, in order', () => {
    const causes = ['spec.template.spec.containers[0].env', 'spec.template.spec.containers[1].env'];
    const both = refusal(...causes.map((field) => ({ field, message: 'Required value' })));
    expect(jobErrorsOf(both, { object, indices: [0, 2] }).map(formatJobError)).toEqual([
      'spec.containers[0].env: Required value',
      'spec.containers[2].env: Required value',
    ]);
  });

  it.each<readonly [string, JobRefusal]>([
    ['no cause', { message: 'admission webhook "p" denied the request: no', causes: [] }],
    ['causes that say nothing', { message: 'admission webhook "p" denied the request: no', causes: [{ field: 'x' }] }],
    [
      'a cause without a field',
      { message: 'jobs is forbidden', causes: [{ message: 'admission webhook "p" denied the request: no' }] },
    ],
  ])('%s: the words are the fault, of the step where there is but one', (_says, given) => {
    const message = 'admission webhook "p" denied the request: no';
    expect(jobErrorsOf(given, { object, indices: [1] })).toEqual([{ index: 1, field: '', message }]);
    expect(jobErrorsOf(given, { object, indices: [1, 2] })).toEqual([{ index: undefined, field: '', message }]);
    expect(formatJobError({ index: 1, field: '', message })).toBe(message);
  });

  it.each([
    [
      'as Go prints it',
      'Invalid value: core.SecurityContext{Privileged:(*bool)(0xc002cfcd2a), Caps:map[string]int{}}: cannot set `a` and `b`',
      'Invalid value: cannot set `a` and `b`',
    ],
    [
      'as JSON',
      'Invalid value: {"Name":"d1","Key":null}: must specify one of: `a`, `b`',
      'Invalid value: must specify one of: `a`, `b`',
    ],
    ['but no text', 'Invalid value: "{x}: y": must be z', 'Invalid value: "{x}: y": must be z'],
    ['and no detail', 'Required value: one of {a, b}: not both', 'Required value: one of {a, b}: not both'],
  ])('leaves out a value that is a structure, %s', (_says, message, wanted) => {
    const given = refusal({ field: 'spec.template.spec.containers[0].x', message });
    expect(jobErrorsOf(given, { object, indices: [0] })[0]?.message).toBe(wanted);
  });

  it('mends paths in the words, too', () => {
    const words = 'spec.template.spec.containers[1].image and spec.template.spec.containers[7].image are not allowed';
    const [fault] = jobErrorsOf({ message: words, causes: [] }, { object, indices: [1, 2] });
    expect(fault?.message).toBe('spec.containers[2].image and spec.containers[7].image are not allowed');
  });
});

it('fieldsOf gives the paths of the SequentialJob', () => {
  const fields = ['spec.template.spec.containers[1].restartPolicyRules', 'spec.template.spec.resources'];
  expect(toSequentialJobFields(fields, { object, indices: [0, 2] })).toEqual([
    'spec.containers[2].restartPolicyRules',
    'spec.template.spec.resources',
  ]);
});
