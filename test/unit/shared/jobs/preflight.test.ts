/** The preflight over a server that is a function: which Jobs are asked about, and what comes of the answers. */
import { describe, expect, it } from '@jest/globals';
import type { Container, SequentialJob, SequentialJobSpec } from '../../../../shared/api/types.ts';
import { formatJobError } from '../../../../shared/jobs/job-errors.ts';
import type { JobManifest } from '../../../../shared/jobs/job.ts';
import type { ClaimManifest } from '../../../../shared/jobs/volume-claims.ts';
import {
  type DryRunAnswer,
  dryRunGroups,
  MAX_DRY_RUNS,
  preflight,
  type PreflightVerdict,
} from '../../../../shared/jobs/preflight.ts';
import { container, sequentialJob } from '../../../support/objects.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;

const sequence = (spec: Partial<SequentialJobSpec> = {}): SequentialJob =>
  sequentialJob({ spec: { steps: NAMES.map((name) => container(name)), ...spec } });

const ACCEPTED: DryRunAnswer = { type: 'accepted', unknownFields: [] };

type Containers = readonly Container[];

const containersOf = ({ spec }: JobManifest): Containers => spec.template.spec?.containers ?? [];

interface Asked {
  /** The names of the containers of each Job that was asked about, and the name of each claim. */
  readonly asked: readonly string[];
  readonly verdict: PreflightVerdict;
  readonly faults: readonly string[];
}

/** Asks a server that answers by the containers of the Job, and by the claim. */
async function ask(
  answer: (containers: Containers, job: JobManifest) => DryRunAnswer,
  object = sequence(),
  firstIndex = 0,
  answerOfClaim: (claim: ClaimManifest) => DryRunAnswer = () => ACCEPTED,
): Promise<Asked> {
  const asked: string[] = [];
  const verdict = await preflight(object, { firstIndex, resumes: 0 }, (job) => {
    if (job.kind !== 'Job') {
      asked.push(job.metadata.name);
      return Promise.resolve(answerOfClaim(job));
    }
    asked.push(
      containersOf(job)
        .map(({ name }) => name)
        .join(''),
    );
    return Promise.resolve(answer(containersOf(job), job));
  });
  const faults = verdict.errors.map((fault) => `${fault.index ?? 'all'}: ${formatJobError(fault)}`);
  return { asked, verdict, faults };
}

const refused = (...causes: readonly (readonly [field: string, message: string])[]): DryRunAnswer => ({
  type: 'refused',
  refusal: {
    message: causes.map(([, message]) => message).join(', '),
    causes: causes.flatMap(([field, message]) => (field === '' ? [] : { field, message })),
  },
  unknownFields: [],
});

/** As a server's own validation: every fault of every container, with its field. */
const validated =
  (...bad: readonly string[]) =>
  (containers: Containers): DryRunAnswer => {
    const causes = containers.flatMap(({ name }, i) =>
      bad.includes(name) ? [[`spec.template.spec.containers[${i}].x`, `${name} is bad`] as const] : [],
    );
    return causes.length === 0 ? ACCEPTED : refused(...causes);
  };

/** As an admission webhook: words without a field, as long as one of the containers is bad. */
const denied =
  (...bad: readonly string[]) =>
  (containers: Containers): DryRunAnswer =>
    containers.some(({ name }) => bad.includes(name)) ? refused(['', 'denied']) : ACCEPTED;

describe('the dry run', () => {
  it('is one Job for all steps if the server accepts it', async () => {
    const { asked, verdict } = await ask(() => ACCEPTED);
    expect(asked).toEqual(['abcd']);
    expect(verdict).toEqual({ errors: [], ignoredFields: [] });
  });

  it('omits the steps that have already run', async () => {
    expect((await ask(() => ACCEPTED, sequence(), 2)).asked).toEqual(['cd']);
    expect((await ask(() => ACCEPTED, sequence(), 4)).asked).toEqual([]);
  });

  it('has the name, the labels and the limits of the first step’s Job', async () => {
    const steps = NAMES.map((name) => container(name, { job: { backoffLimit: 7 } }));
    let job: JobManifest | undefined;
    await ask((_, given) => ((job = given), ACCEPTED), sequence({ steps }), 1);
    expect(job).toMatchObject({ metadata: { name: 'etl-1-b' }, spec: { backoffLimit: 7 } });
    expect(job?.metadata.labels['batch.example.com/step-index']).toBe('1');
  });

  it('is one Job for all steps with the same settings, and one for a step whose container the Pod failure policy names', () => {
    const rules = (containerName?: string): never =>
      ({ rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42], containerName } }] }) as never;
    const object = sequence({
      steps: [
        container('a'),
        container('b', { job: { backoffLimit: 1 } }),
        container('c', { job: { podFailurePolicy: rules() } }),
        container('d', { job: { podFailurePolicy: rules('d') } }),
        container('e', { onFailure: 'Continue' }),
        container('f', { job: { backoffLimit: 1 } }),
        container('g', { job: { podFailurePolicy: rules() } }),
        // In one Job with `d` the server would find that container.
        container('h', { job: { podFailurePolicy: rules('d') } }),
      ],
    });
    expect(dryRunGroups(object, 0)).toEqual([[0, 4], [1, 5], [2, 6], [3], [7]]);
    expect(dryRunGroups(object, 3)).toEqual([[3], [4], [5], [6], [7]]);
    // What all steps have is that of a step which says nothing else.
    const all = { ...object, spec: { ...object.spec, job: { backoffLimit: 1, podFailurePolicy: rules('d') } } };
    expect(dryRunGroups(all, 0)).toEqual([[0, 1, 4, 5], [2, 6], [3], [7]]);
    // An init container is in every Pod.
    const init = { ...object, spec: { ...object.spec, job: { backoffLimit: 1, podFailurePolicy: rules('init') } } };
    expect(dryRunGroups(init, 0)).toEqual([[0, 1, 4, 5], [2, 6], [3], [7]]);
    const same = { ...object, spec: { ...object.spec, job: { backoffLimit: 1, podFailurePolicy: rules() } } };
    expect(dryRunGroups(same, 0)).toEqual([[0, 1, 2, 4, 5, 6], [3], [7]]);
  });
});

describe('steps with settings of their own', () => {
  const pod = { tolerations: [{ operator: 'Nope' }] };

  it('have one Job together if their settings are the same, and unset ones in any way are none', () => {
    const steps = [
      container('a'),
      container('b', { pod }),
      container('c', { job: { metadata: { labels: { team: 'a' } } } }),
      container('d', { pod: { serviceAccountName: '', tolerations: [] }, job: { metadata: { labels: {} } } }),
      container('e', { pod: { nodeSelector: {}, tolerations: [{ operator: 'Nope' }] } }),
      container('f', { job: { metadata: { labels: { team: 'b' } } } }),
      container('g', { pod: { metadata: { annotations: { a: 'b' } } } }),
      container('h', { job: { metadata: { labels: { 'job-name': 'reserved' } } } }),
    ];
    const last = [container('i', { pod }), container('j', { job: { metadata: { labels: { team: 'a' } } } })];
    const object = sequence({ steps, finally: last });
    expect(dryRunGroups(object, 0)).toEqual([[0, 3, 7], [1, 4, 8], [2, 9], [5], [6]]);
    // The label of all steps is what some have by themselves.
    const all = sequence({ steps, finally: last, job: { metadata: { labels: { team: 'a' } } } });
    expect(dryRunGroups(all, 0)).toEqual([[0, 2, 3, 7, 9], [1, 4, 8], [5], [6]]);
  });

  /** As a server that validates tolerations. */
  const validatesTolerations = (_: Containers, { spec }: JobManifest): DryRunAnswer => {
    const list = spec.template.spec?.tolerations ?? [];
    const causes = list.flatMap(({ operator }, i) =>
      operator === 'Nope'
        ? [[`spec.template.spec.tolerations[${i}].operator`, 'Unsupported value: "Nope"'] as const]
        : [],
    );
    return causes.length === 0 ? ACCEPTED : refused(...causes);
  };

  it('have the errors in their settings themselves, also where several have the same', async () => {
    const steps = [container('a'), container('b', { pod }), container('c'), container('d', { pod })];
    const template = { spec: { containers: [], tolerations: [{ operator: 'Exists' }] } };
    const { asked, faults } = await ask(validatesTolerations, sequence({ steps, template }));
    expect(asked).toEqual(['ac', 'bd', 'b', 'd']);
    expect(faults).toEqual([
      '1: spec.steps[1].pod.tolerations[0].operator: Unsupported value: "Nope"',
      '3: spec.steps[3].pod.tolerations[0].operator: Unsupported value: "Nope"',
    ]);
  });

  it('do not have the error in the template, which is reported once', async () => {
    const steps = [container('a'), container('b', { pod: { serviceAccountName: 'own' } }), container('c', { pod })];
    const template = { spec: { containers: [], tolerations: [{ operator: 'Nope' }] } };
    const { faults } = await ask(validatesTolerations, sequence({ steps, template }));
    expect(faults).toEqual([
      'all: spec.template.spec.tolerations[0].operator: Unsupported value: "Nope"',
      '2: spec.steps[2].pod.tolerations[0].operator: Unsupported value: "Nope"',
    ]);
  });
});

describe('a Pod failure policy of all steps that names the container of one', () => {
  /** As ValidateJob does (pkg/apis/batch/validation/validation.go). */
  const answer = (containers: Containers): DryRunAnswer =>
    containers.some(({ name }) => name === 'c')
      ? ACCEPTED
      : refused([
          'spec.podFailurePolicy.rules[0].onExitCodes.containerName',
          'Invalid value: "c": must be one of the container or initContainer names in the pod template',
        ]);

  it('is refused once, after few dry runs, with the place where the rule belongs', async () => {
    const onExitCodes = { operator: 'In', values: [42], containerName: 'c' };
    const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes, onPodConditions: [] }] };
    const { asked, verdict } = await ask(answer, sequence({ job: { podFailurePolicy } }));
    expect(asked).toEqual(['abd', 'a', 'c']);
    expect(verdict.errors).toEqual([
      {
        index: undefined,
        field: 'spec.job.podFailurePolicy.rules[0].onExitCodes.containerName',
        message:
          'Invalid value: "c": must be one of the container or initContainer names in the pod template; ' +
          'spec.job applies to every step: put a rule about the container of one step into spec.steps[2].job.podFailurePolicy',
      },
    ]);
  });

  it('is accepted where it is the policy of that step alone', async () => {
    const onExitCodes = { operator: 'In', values: [42], containerName: 'c' };
    const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes, onPodConditions: [] }] };
    const steps = NAMES.map((name) => container(name, name === 'c' ? { job: { podFailurePolicy } } : {}));
    const { asked, verdict } = await ask(
      (containers, job) => (job.spec.podFailurePolicy === undefined ? ACCEPTED : answer(containers)),
      sequence({ steps }),
    );
    expect(asked).toEqual(['abd', 'c']);
    expect(verdict.errors).toEqual([]);
  });
});

describe('a rejection', () => {
  it.each<readonly [string, (containers: Containers) => DryRunAnswer, readonly string[], readonly string[]]>([
    [
      'of one step: one dry run for that step, and one for the others',
      validated('b'),
      ['abcd', 'b', 'acd'],
      ['1: spec.steps[1].x: b is bad'],
    ],
    [
      'of two steps: one dry run for each',
      validated('b', 'd'),
      ['abcd', 'b', 'd', 'ac'],
      ['1: spec.steps[1].x: b is bad', '3: spec.steps[3].x: d is bad'],
    ],
    ['without a field: the steps are bisected', denied('d'), ['abcd', 'ab', 'cd', 'c', 'd'], ['3: denied']],
    [
      'of every step, without a field',
      denied('a', 'b', 'c', 'd'),
      ['abcd', 'ab', 'a', 'b', 'cd', 'c', 'd'],
      ['0: denied', '1: denied', '2: denied', '3: denied'],
    ],
    [
      'of the template: one step represents all',
      () => refused(['spec.template.spec.volumes[0].name', 'no']),
      ['abcd', 'a'],
      ['all: spec.template.spec.volumes[0].name: no'],
    ],
    [
      'of the template and of a step: that step represents all',
      (containers) => {
        const ofSteps = containers.flatMap(({ name }, i) =>
          name === 'c' ? [[`spec.template.spec.containers[${i}].x`, 'c is bad'] as const] : [],
        );
        return refused(['spec.template.spec.volumes[0].name', 'no'], ...ofSteps);
      },
      ['abcd', 'c'],
      ['all: spec.template.spec.volumes[0].name: no', '2: spec.steps[2].x: c is bad'],
    ],
    [
      'because the steps conflict with each other: no step is rejected',
      (containers) =>
        containers.length > 1
          ? refused([`spec.template.spec.containers[1].ports[0].hostPort`, 'Duplicate value'])
          : ACCEPTED,
      ['abcd', 'b', 'acd', 'c', 'ad', 'd', 'a'],
      [],
    ],
    [
      'because of the sum of the steps: no step is rejected',
      (containers) => (containers.length > 1 ? refused(['spec.template.spec.resources', 'too much']) : ACCEPTED),
      ['abcd', 'a', 'bcd', 'b', 'cd', 'c', 'd'],
      [],
    ],
    [
      'without a field, of more than two containers: no step is rejected',
      (containers) => (containers.length > 2 ? refused(['', 'too many']) : ACCEPTED),
      ['abcd', 'ab', 'cd'],
      [],
    ],
  ])('%s', async (_says, answer, asked, faults) => {
    const result = await ask(answer);
    expect(result.asked).toEqual(asked);
    expect(result.faults).toEqual(faults);
    expect(result.verdict.unanswered).toBeUndefined();
  });

  it.each([
    ['its labels', 'metadata.labels'],
    ['a setting that no step has', 'spec.activeDeadlineSeconds'],
  ])('of the Job itself, for %s: one step represents all', async (_says, field) => {
    const { asked, faults } = await ask(() => refused([field, 'Required value']));
    expect(asked).toEqual(['abcd', 'a']);
    expect(faults).toHaveLength(1);
  });

  it('is found after any number of steps that only conflict with each other', async () => {
    const names = Array.from({ length: 200 }, (_, i) => `s${i}`);
    const object = sequence({ steps: names.map((name) => container(name)) });
    const { verdict } = await ask((containers) => {
      const causes = containers.flatMap(({ name }, i) => [
        ...(i > 0 ? [[`spec.template.spec.containers[${i}].ports[0].hostPort`, 'Duplicate value: 80'] as const] : []),
        ...(name === 's199' ? [[`spec.template.spec.containers[${i}].x`, 'Not found'] as const] : []),
      ]);
      return causes.length === 0 ? ACCEPTED : refused(...causes);
    }, object);
    expect(verdict.errors.map(({ index }) => index)).toEqual([199]);
  });

  it('never reports a step whose own Job the server accepts, and finds every step that it rejects', async () => {
    // Every combination of bad steps, of conflicts between two, and of words with and without fields.
    for (let bad = 0; bad < 16; bad++) {
      const names = NAMES.filter((_, i) => (bad & (1 << i)) !== 0);
      for (const judge of [validated, denied]) {
        const single = judge(...names);
        const withConflict = (containers: Containers): DryRunAnswer => {
          const answer = single(containers);
          if (answer.type === 'refused' || containers.length < 3) return answer;
          return refused(['spec.template.spec.containers[0].ports[0].hostPort', 'Duplicate value']);
        };
        const { verdict } = await ask(withConflict);
        expect(verdict.errors.map(({ index }) => NAMES[index ?? -1])).toEqual(names);
      }
    }
  });

  it('is bounded: it does not send a thousand rejected steps one by one', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `s${i}`);
    const object = sequence({ steps: names.map((name) => container(name)) });
    const { asked, verdict } = await ask(validated(...names), object);
    expect(asked).toHaveLength(MAX_DRY_RUNS);
    expect(verdict.errors).toHaveLength(MAX_DRY_RUNS - 1);
    expect(verdict.unanswered?.reason).toBe('TooMany');
  });
});

it('a dry run without a result stops the preflight, and the errors found before are kept', async () => {
  const answer = (containers: Containers): DryRunAnswer =>
    containers.length === 1 && containers[0]?.name === 'd'
      ? { type: 'unanswered', reason: 'QuotaExceeded', message: 'full' }
      : validated('b', 'd')(containers);
  const { asked, verdict, faults } = await ask(answer);
  expect(asked).toEqual(['abcd', 'b', 'd']);
  expect(faults).toEqual(['1: spec.steps[1].x: b is bad']);
  expect(verdict.unanswered).toEqual({ reason: 'QuotaExceeded', message: 'full' });
});

it('fields that the server does not know are reported once, with their paths in the SequentialJob', async () => {
  const unknownFields = ['spec.template.spec.containers[1].y', 'spec.template.spec.z'];
  const { verdict } = await ask((containers) => {
    const answer = validated('c')(containers);
    return answer.type === 'unanswered'
      ? answer
      : { ...answer, unknownFields: containers.length > 1 ? unknownFields : [] };
  });
  expect(verdict.ignoredFields).toEqual(['spec.steps[1].y', 'spec.template.spec.z']);
});

it('an error of the server is thrown', async () => {
  await expect(
    preflight(sequence(), { firstIndex: 0, resumes: 0 }, () => Promise.reject(new Error('down'))),
  ).rejects.toThrow('down');
});

describe('claims', () => {
  const claim = (name: string) => ({ metadata: { name }, spec: {} });
  const object = sequence({ volumeClaimTemplates: [claim('work'), claim('cache')] });
  const bad = (claims: readonly string[]) => (manifest: ClaimManifest) =>
    claims.includes(manifest.metadata.name) ? refused(['spec.accessModes', 'Required value']) : ACCEPTED;

  it('are checked one by one, before the first step', async () => {
    expect((await ask(() => ACCEPTED, object)).asked).toEqual(['abcd', 'work-etl', 'cache-etl']);
    expect((await ask(() => ACCEPTED, object, 1)).asked).toEqual(['bcd']);
  });

  it('are reported with the errors of the Jobs', async () => {
    const { faults } = await ask(validated('b'), object, 0, bad(['work-etl', 'cache-etl']));
    expect(faults).toEqual([
      'all: spec.volumeClaimTemplates[0].spec.accessModes: Required value',
      'all: spec.volumeClaimTemplates[1].spec.accessModes: Required value',
      '1: spec.steps[1].x: b is bad',
    ]);
  });

  it('are all checked if there is no verdict on a Job or on one of them', async () => {
    const unanswered: DryRunAnswer = { type: 'unanswered', reason: 'QuotaExceeded', message: 'full' };
    const answerOfClaim = ({ metadata }: ClaimManifest) =>
      metadata.name === 'work-etl' ? unanswered : bad(['cache-etl'])({ metadata } as ClaimManifest);
    const { asked, faults, verdict } = await ask(() => unanswered, object, 0, answerOfClaim);
    expect(asked).toEqual(['abcd', 'work-etl', 'cache-etl']);
    expect(faults).toEqual(['all: spec.volumeClaimTemplates[1].spec.accessModes: Required value']);
    expect(verdict.unanswered).toEqual({ reason: 'QuotaExceeded', message: 'full' });
  });

  it('are reported with the fields that the server does not know', async () => {
    const { verdict } = await ask(
      () => ACCEPTED,
      object,
      0,
      () => ({ type: 'accepted', unknownFields: ['spec.x'] }),
    );
    expect(verdict.ignoredFields).toEqual([
      'spec.volumeClaimTemplates[0].spec.x',
      'spec.volumeClaimTemplates[1].spec.x',
    ]);
  });
});
