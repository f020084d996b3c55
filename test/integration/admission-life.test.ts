/** What may change in the life of a SequentialJob: kubectl, a real API server, the webhook, and a controller at work. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import { ADMISSION_LABEL, BYPASSED } from '../support/admission.ts';
import { type CommandResult, kubectl } from '../support/cluster.ts';
import type { Namespace } from '../support/namespace.ts';
import { refusal } from '../support/refusal.ts';
import { FOREVER, gated, manifest, sequence, step, waitsFor } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const here = withController('life');
const { namespace } = here;

const run = (command: string, object: object): Promise<CommandResult> => runIn(namespace, command, object);

async function runIn(where: Namespace, command: string, object: object): Promise<CommandResult> {
  const said = await where.kubectl([...command.split(' '), '-f', '-'], object);
  // kubectl apply after kubectl replace warns that its annotation is missing. That is not the subject here.
  return { ...said, stderr: said.stderr.replace(/^Warning: resource \S+ is missing the .*\n/m, '') };
}

/** What kubectl prints when all is well: nothing that would worry a user. */
const ACCEPTED: CommandResult = { code: 0, stdout: expect.stringMatching(/\S/) as unknown as string, stderr: '' };

const [FIRST, WAITING, LAST]: readonly [Container, Container, Container] = [
  { ...step('s0'), resources: { requests: { cpu: '100m', memory: '1Gi' } } },
  { ...step('s1', waitsFor('etl')), volumeMounts: [{ name: 'gate', mountPath: '/gate' }] },
  step('s2'),
];

const LAST_WITH_JOB = { ...LAST, job: { backoffLimit: 1 } };

const original = (): SequentialJobSpec =>
  ({
    steps: [FIRST, WAITING, LAST_WITH_JOB],
    template: { metadata: { labels: { team: 'data' } }, spec: gated(here.folder, { steps: [] }).template?.spec },
    job: { backoffLimit: 0 },
  }) as SequentialJobSpec;

const etl = (changes: object = {}): object => manifest('etl', { ...original(), ...changes });

const stored = async (): Promise<{ readonly spec: object }> =>
  JSON.parse(await kubectl('get', 'sj', 'etl', '-n', namespace.name, '-o', 'json')) as { readonly spec: object };

/** kubectl apply and other ways to send the same spec again. */
const SAME: readonly (readonly [how: string, act: () => Promise<CommandResult>])[] = [
  ['kubectl apply of the same file', () => run('apply', etl())],
  ['a dry run of the same file', () => run('apply --dry-run=server', etl())],
  ['server-side apply of the same file', () => run('apply --server-side --force-conflicts', etl())],
  ['kubectl replace without the defaults', () => run('replace', etl())],
  [
    'an equivalent spec in another notation',
    () => {
      const requests = { cpu: (0.1).toString(), memory: '1024Mi' };
      const first = { ...FIRST, env: [], resources: { requests, limits: {} } };
      const waiting = { ...WAITING, env: null, ports: [], resources: {}, job: {} };
      const steps = [first, waiting, LAST_WITH_JOB];
      return run('replace', etl({ steps, resume: 0, suspend: false }));
    },
  ],
  [
    'kubectl replace with the output of kubectl get',
    async () => {
      // A status write in between would make it a conflict. -1: there is no controller yet.
      await namespace.until('etl', ({ metadata, status }) =>
        [-1, metadata.generation].includes(status?.observedGeneration),
      );
      return run('replace', await stored());
    },
  ],
  ['a label', () => namespace.kubectl(['label', 'sj', 'etl', '--overwrite', `at=${Date.now()}`])],
];

const MUTABLE: readonly object[] = [
  { suspend: true },
  { activeDeadlineSeconds: 3600 },
  { ttlSecondsAfterFinished: 3600 },
  { updatePolicy: 'FutureSteps' },
];

const OTHER = 'busybox:1.35';
const RECREATE = 'to change it, delete the SequentialJob and create it anew';
const STARTED = `field is immutable after the sequence has started; ${RECREATE}`;
const REACHED = `field is immutable once the sequence has reached the step; ${RECREATE}`;
const AHEAD = 'field is immutable after the sequence has started; with updatePolicy FutureSteps it may change';
const NO_RESUME = 'spec.resume: Forbidden: may only be raised when the sequence has failed';
const NO_REMOVAL =
  'spec.steps: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "s2"';

describe('before the sequence starts', () => {
  beforeAll(() => here.crash());

  it('every field may change', async () => {
    expect(await run('apply', manifest('etl', { steps: [step('other')] }))).toEqual(ACCEPTED);
    const all = { steps: [LAST], template: {}, updatePolicy: 'FutureSteps', suspend: true };
    expect(await run('apply', etl(all))).toEqual(ACCEPTED);
    expect(await run('replace', etl())).toMatchObject({ code: 0, stderr: expect.stringMatching(/^Warning: .*\n$/) });
    const { spec } = await namespace.get('etl');
    expect(spec.steps.map(({ name }) => name)).toEqual(['s0', 's1', 's2']);
    expect(spec.job?.backoffLimit).toBe(0);
  });

  it('the spec must stay valid: an invalid one is denied', async () => {
    const steps = [
      { ...FIRST, image: 'a b' },
      { ...WAITING, job: { activeDeadlineSeconds: 3600 } },
    ];
    expect(await run('apply', etl({ steps, activeDeadlineSeconds: 60, resume: 1 }))).toEqual(
      refusal(
        'etl',
        NO_RESUME,
        'spec.steps[0].image: Invalid value: "a b": invalid reference format',
        'spec.steps[1].job.activeDeadlineSeconds: Invalid value: 3600: must be less than or equal to spec.activeDeadlineSeconds of 60',
      ),
    );
  });

  it.each(SAME)('%s is accepted', async (_how, act) => {
    expect(await act()).toEqual(ACCEPTED);
  });
});

describe('while the second of three steps runs', () => {
  beforeAll(async () => {
    await here.restart();
    await namespace.untilRunning('etl', 1);
  });

  it.each(SAME)('%s is accepted', async (_how, act) => {
    expect(await act()).toEqual(ACCEPTED);
  });

  it.each(MUTABLE)('%j is accepted', async (changes) => {
    expect(await run('apply --dry-run=server', etl(changes))).toEqual(ACCEPTED);
  });

  it.each<readonly [what: string, changes: () => object, faults: readonly string[]]>([
    [
      'a new step between two others',
      () => ({ steps: [FIRST, step('between'), WAITING, LAST_WITH_JOB] }),
      [
        'spec.steps[1]: Forbidden: a step may not be added after the sequence has started; with updatePolicy FutureSteps it may, after the current one, "s1"',
      ],
    ],
    ['a removed step', () => ({ steps: [FIRST, WAITING] }), [NO_REMOVAL]],
    [
      'another order',
      () => ({ steps: [FIRST, LAST_WITH_JOB, WAITING] }),
      ['spec.steps: Forbidden: steps may not change places after the sequence has started'],
    ],
    [
      'changes of completed, current and later steps, and of fields for all steps',
      () => ({
        steps: [
          { ...FIRST, image: OTHER },
          { ...WAITING, env: [{ name: 'A', value: 'b' }] },
          { ...LAST, image: OTHER, job: { backoffLimit: 2 } },
        ],
        template: { ...original().template, metadata: { labels: { team: 'web' } } },
        job: { backoffLimit: 5 },
        resume: 1,
      }),
      [
        `spec.steps[0].image: Invalid value: "${OTHER}": ${REACHED}`,
        `spec.steps[1].env: Invalid value: ${REACHED}`,
        `spec.steps[2].image: Invalid value: "${OTHER}": ${AHEAD}`,
        `spec.steps[2].job.backoffLimit: Invalid value: 2: ${AHEAD}`,
        `spec.template.metadata.labels[team]: Invalid value: "web": ${STARTED}`,
        `spec.job.backoffLimit: Invalid value: 5: ${STARTED}`,
        NO_RESUME,
      ],
    ],
  ])('%s: denied for every way to send it', async (_what, changes, faults) => {
    for (const command of ['apply', 'apply --dry-run=server', 'apply --server-side --force-conflicts', 'replace']) {
      expect(await run(command, etl(changes()))).toEqual(refusal('etl', ...faults));
    }
  });

  // Not with server-side apply: that removes only what no other manager of the object has set.
  it.each(['apply', 'replace'])('removed settings of a step: denied (%s)', async (command) => {
    expect(await run(command, etl({ steps: [FIRST, WAITING, LAST] }))).toEqual(
      refusal('etl', `spec.steps[2].job.backoffLimit: Invalid value: null: ${AHEAD}`),
    );
  });

  it('the status can be written', async () => {
    const { status } = await namespace.setStatus('etl', { phase: 'Running' });
    expect(status).toMatchObject({ phase: 'Running', startTime: expect.any(String) });
  });
});

const ADDED = { ...step('s3', 'echo as added'), job: { backoffLimit: 0 } };

describe('with updatePolicy FutureSteps', () => {
  const future = { updatePolicy: 'FutureSteps' } as const;

  it('later steps may change, be added and be removed, by the update that sets the policy', async () => {
    const removal = etl({ ...future, steps: [FIRST, WAITING] });
    expect(await run('apply --dry-run=server', removal)).toEqual(ACCEPTED);
    const steps = [FIRST, WAITING, step('s2', 'echo as changed'), ADDED];
    expect(await run('apply', etl({ ...future, steps }))).toEqual(ACCEPTED);
  });

  it('steps that have started, and the template, stay immutable', async () => {
    const changes = {
      steps: [
        { ...FIRST, image: OTHER },
        step('between'),
        { ...WAITING, image: OTHER, job: { backoffLimit: 1 } },
        LAST,
      ],
      template: {},
    };
    const { code, stderr } = await run('apply', etl({ ...future, ...changes }));
    expect(code).toBe(1);
    const fields = [...stderr.matchAll(/^\* (spec\.[^: ]+): /gm)].map(
      ([, field]) => field?.split(/(?<=template)\./)[0],
    );
    expect(fields).toEqual([
      'spec.steps[1]',
      'spec.steps[0].image',
      'spec.steps[2].image',
      'spec.steps[2].job.backoffLimit',
      'spec.template',
      'spec.template',
      'spec.steps[2].volumeMounts[0].name',
    ]);
  });

  it('the later steps run with the changed spec', async () => {
    await here.open('etl');
    expect((await namespace.untilCompleted('etl')).progress?.summary).toBe('4/4');
    const jobs = await namespace.jobs('etl');
    expect(jobs.map(({ metadata }) => metadata.name)).toEqual(['etl-0-s0', 'etl-1-s1', 'etl-2-s2', 'etl-3-s3']);
    expect(jobs[2]?.spec.template.spec.containers[0]?.command.at(-1)).toBe('echo as changed');
  });
});

describe('after completion', () => {
  const withSpec = async (changes: object): Promise<object> => {
    const object = await stored();
    return { ...object, spec: { ...object.spec, ...changes } };
  };

  it('an unchanged spec is accepted, and labels may change', async () => {
    expect(await run('replace', await stored())).toEqual(ACCEPTED);
    expect(await namespace.kubectl(['label', 'sj', 'etl', 'done=yes'])).toEqual(ACCEPTED);
  });

  it.each(MUTABLE)('%j is accepted', async (changes) => {
    expect(await run('replace --dry-run=server', await withSpec(changes))).toEqual(ACCEPTED);
  });

  it('no step may change, for any updatePolicy, and resume is denied', async () => {
    const steps = [FIRST, WAITING, LAST, ADDED, step('s4')];
    expect(await run('replace', await withSpec({ steps, resume: 1 }))).toEqual(
      refusal(
        'etl',
        'spec.steps[4]: Forbidden: a step may not be added after the sequence has started',
        `spec.steps[2].command[2]: Invalid value: "true": ${REACHED}`,
        NO_RESUME,
      ),
    );
  });
});

describe('a failed sequence', () => {
  const failing = (changes: object = {}): object =>
    manifest('failing', { ...sequence(2, { 0: 'exit 1' }), ...changes });

  it('may be resumed, but the failed step may not change in the same update', async () => {
    expect(await run('apply', failing())).toEqual(ACCEPTED);
    await namespace.untilFinished('failing');
    const fixed = { ...sequence(2), updatePolicy: 'FutureSteps', resume: 1 };
    expect(await run('apply', failing(fixed))).toEqual(
      refusal('failing', `spec.steps[0].command[2]: Invalid value: "true": ${REACHED}`),
    );
    expect(await run('apply', failing())).toEqual(ACCEPTED);
    expect(await run('apply', failing({ resume: 1 }))).toEqual(ACCEPTED);
  });

  it('accepts a file without resume, or with a resume that was already acted on, with a warning', async () => {
    await namespace.until('failing', ({ status }) => status?.resumes === 1 && status.completionTime !== undefined);
    const warning = (text: string): object => ({ code: 0, stderr: expect.stringContaining(`spec.resume: ${text}`) });
    expect(await run('apply', failing({ resume: 0 }))).toMatchObject(warning('lowered from 1 to 0, which is ignored'));
    expect(await run('apply', failing({ resume: 0 }))).toEqual(ACCEPTED);
    expect(await run('apply', failing({ resume: 1 }))).toMatchObject(warning('1 asks for no resume'));
    expect(await run('apply', failing({ resume: 2 }))).toEqual(ACCEPTED);
    await namespace.until('failing', ({ status }) => status?.resumes === 2 && status.completionTime !== undefined);
    expect(await namespace.jobNames('failing')).toEqual(['failing-0-s0', 'failing-0-s0-r1', 'failing-0-s0-r2']);
  });
});

describe('an object that is being deleted', () => {
  it('may change in any way, and is deleted', async () => {
    const object = manifest('going', sequence(2, { 0: FOREVER }), { finalizers: ['example.com/hold'] });
    expect(await run('apply', object)).toEqual(ACCEPTED);
    await namespace.untilRunning('going', 0);
    await namespace.delete('going');
    const refusedElsewhere = { spec: { steps: [{ name: 'X', image: 'a b' }], job: { backoffLimit: 9 } } };
    await expect(namespace.patch('going', refusedElsewhere)).resolves.toMatchObject({
      spec: { job: { backoffLimit: 9 } },
    });
    await namespace.until('going', ({ metadata: { finalizers } }) => finalizers?.length === 1);
    await namespace.patch('going', { metadata: { finalizers: null } });
    await namespace.untilGone('going', 30);
    expect(await namespace.jobNames('going')).toEqual([]);
  });
});

describe('an object that was stored before the webhook was installed', () => {
  const { namespace: older } = withController('older', { labels: BYPASSED });
  const invalid = (changes: object = {}): object =>
    manifest('invalid', { steps: [{ ...step('s0'), image: 'a b' }], ...changes });

  beforeAll(async () => {
    await runIn(older, 'apply', invalid());
    await runIn(older, 'apply', manifest('sound', sequence(1)));
    await older.untilFinished('invalid');
    await older.untilFinished('sound');
    await kubectl('label', 'namespace', older.name, `${ADMISSION_LABEL}-`);
  });

  it('a default may be set explicitly, and nothing else may change', async () => {
    const restarts = (restartPolicy: string): object =>
      manifest('sound', { ...sequence(1), template: { spec: { restartPolicy } } });
    expect((await older.get('sound')).spec.template).toEqual({});
    expect(await runIn(older, 'apply', manifest('sound', sequence(1)))).toEqual(ACCEPTED);
    expect(await runIn(older, 'apply', restarts('Never'))).toEqual(ACCEPTED);
    expect(await runIn(older, 'apply', restarts('OnFailure'))).toEqual(
      refusal('sound', `spec.template.spec.restartPolicy: Invalid value: "OnFailure": ${STARTED}`),
    );
  });

  it('may be labeled, changed elsewhere and fixed if it is invalid; new errors are denied', async () => {
    expect(await older.kubectl(['label', 'sj', 'invalid', 'a=b'])).toEqual(ACCEPTED);
    expect(await runIn(older, 'apply', invalid({ job: { backoffLimit: 1 } }))).toEqual(ACCEPTED);
    expect(await runIn(older, 'apply', invalid({ steps: [{ ...step('s0'), image: 'a b' }, step('a.b')] }))).toEqual(
      refusal('invalid', 'spec.steps[1].name: Invalid value: "a.b": must not contain dots'),
    );
    expect(await runIn(older, 'apply --dry-run=server', manifest('invalid', sequence(1)))).toEqual(ACCEPTED);
  });

  it('is deleted like any other object, even if it is invalid', async () => {
    await kubectl('delete', 'sj', 'invalid', '-n', older.name, '--timeout=30s');
    await older.untilGone('invalid');
  });
});
