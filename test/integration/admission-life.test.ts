/** What may change in the life of a SequentialJob: kubectl, a real API server, the webhook, and a controller at work. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { JOBS, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { ADMISSION_LABEL, BYPASSED } from '../support/admission.ts';
import { connect, kubeconfig, kubectl, Namespace, tryKubectl, type CommandResult } from '../support/cluster.ts';
import { Operator } from '../support/operator.ts';
import { FOREVER, sequence, step } from '../support/sequences.ts';

type Json = Readonly<Record<string, unknown>>;

let client: ApiClient;
let namespace: Namespace;
let operator: Operator;
/** A folder that a step waits for a file in. */
let gate: string;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'life');
  gate = await mkdtemp(join(tmpdir(), 'sequentialjob-gate-'));
});

afterAll(async () => {
  await namespace.remove();
  await operator.end('SIGTERM');
  await client.close();
  await rm(gate, { recursive: true });
});

const sequentialJob = (name: string, spec: object): Json => ({
  apiVersion: 'batch.example.com/v1alpha1',
  kind: 'SequentialJob',
  metadata: { name },
  spec,
});

const run = (command: string, object: Json): Promise<CommandResult> => runIn(namespace, command, object);

async function runIn({ name }: Namespace, command: string, object: Json): Promise<CommandResult> {
  const said = await tryKubectl([...command.split(' '), '-n', name, '-f', '-'], object);
  // After `kubectl replace`, `kubectl apply` remarks that the object has none of its notes. That is not the subject here.
  return { ...said, stderr: said.stderr.replace(/^Warning: resource \S+ is missing the .*\n/m, '') };
}

/** What kubectl says when all is well: nothing that would worry a user. */
const TAKEN: CommandResult = { code: 0, stdout: expect.stringMatching(/\S/) as unknown as string, stderr: '' };

/** Asks what the API server would say. */
const ask = (object: Json): Promise<CommandResult> => run('apply --dry-run=server', object);

/** What kubectl prints of a refusal with these faults. */
function refusal(name: string, faults: readonly string[]): CommandResult {
  const [first = '', ...others] = faults;
  const list = others.length === 0 ? first : `\n${faults.map((fault) => `* ${fault}`).join('\n')}`;
  return { code: 1, stdout: '', stderr: `The SequentialJob "${name}" is invalid: ${list}\n` };
}

const [FIRST, WAITING, LAST]: readonly [Container, Container, Container] = [
  { ...step('s0'), resources: { requests: { cpu: '100m', memory: '1Gi' } } },
  {
    ...step('s1', 'until [ -e /gate/open ]; do sleep 0.1; done'),
    volumeMounts: [{ name: 'gate', mountPath: '/gate' }],
  },
  step('s2'),
];

const original = (): SequentialJobSpec => ({
  containers: [FIRST, WAITING, LAST],
  template: {
    metadata: { labels: { team: 'data' } },
    spec: { containers: [], volumes: [{ name: 'gate', hostPath: { path: gate } }] },
  },
  backoffLimit: 0,
  stepPolicies: [{ name: 's2', backoffLimit: 1 }],
});

const changed = (changes: object): Json => sequentialJob('etl', { ...original(), ...changes });

/** `kubectl apply` and what else people use to say the same thing again. */
const SAME: readonly (readonly [how: string, act: () => Promise<CommandResult>])[] = [
  ['kubectl apply of the same file', () => run('apply', changed({}))],
  ['a dry run of it', () => ask(changed({}))],
  ['server-side apply of it', () => run('apply --server-side --force-conflicts', changed({}))],
  ['kubectl replace, which says nothing of defaults', () => run('replace', changed({}))],
  [
    'the same in other words',
    () =>
      run(
        'replace',
        changed({
          containers: [
            { ...FIRST, env: [], resources: { requests: { cpu: (0.1).toString(), memory: '1024Mi' }, limits: {} } },
            { ...WAITING, env: null, ports: [], resources: {} },
            LAST,
          ],
          stepPolicies: [{ name: 's2', backoffLimit: 1 }, { name: 's1' }],
          resume: 0,
          suspend: false,
        }),
      ),
  ],
  [
    'kubectl replace of what kubectl get printed',
    async () => {
      // Whoever writes the status in between makes it a conflict.
      await namespace.until(
        'etl',
        // -1: there is no controller yet.
        ({ metadata, status }) => [-1, metadata.generation].includes(status?.observedGeneration),
      );
      return run('replace', JSON.parse(await kubectl('get', 'sj', 'etl', '-n', namespace.name, '-o', 'json')) as Json);
    },
  ],
  ['a label', () => tryKubectl(['label', 'sj', 'etl', '-n', namespace.name, '--overwrite', `at=${Date.now()}`])],
  [
    'an annotation',
    () => tryKubectl(['annotate', 'sj', 'etl', '-n', namespace.name, '--overwrite', `at=${Date.now()}`]),
  ],
];

const CLIENTS_OWN: readonly (readonly [field: string, changes: object])[] = [
  ['suspend', { suspend: true }],
  ['activeDeadlineSeconds', { activeDeadlineSeconds: 3600 }],
  ['ttlSecondsAfterFinished', { ttlSecondsAfterFinished: 3600 }],
  ['updatePolicy', { updatePolicy: 'FutureSteps' }],
];

const ANEW = 'to change it, delete the SequentialJob and create it anew';
const STARTED = `field is immutable after the sequence has started; ${ANEW}`;
const REACHED = `field is immutable once the sequence has reached the step; ${ANEW}`;
const AHEAD = 'field is immutable after the sequence has started; with updatePolicy FutureSteps it may change';
const OTHER = 'busybox:1.35';

describe('before the sequence starts', () => {
  it('everything may change', async () => {
    expect(await run('apply', sequentialJob('etl', { containers: [step('other')] }))).toEqual(TAKEN);
    const all = { containers: [LAST], template: {}, updatePolicy: 'FutureSteps', suspend: true, stepPolicies: [] };
    expect(await run('apply', changed(all))).toEqual(TAKEN);
    const { code, stderr } = await run('replace', changed({}));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^Warning: .*hostPath: .*\n$/) });
    const { spec } = await namespace.get('etl');
    expect(spec.containers.map(({ name }) => name)).toEqual(['s0', 's1', 's2']);
    expect(spec.backoffLimit).toBe(0);
  });

  it('but not to what could not run', async () => {
    const containers = [
      { ...FIRST, image: 'a b' },
      { ...WAITING, volumeMounts: [{ name: 'nope', mountPath: '/a' }] },
    ];
    expect(await run('apply', changed({ containers, resume: 1 }))).toEqual(
      refusal('etl', [
        'spec.resume: Forbidden: may only be raised when the sequence has failed',
        'spec.containers[0].image: Invalid value: "a b": invalid reference format',
        'spec.containers[1].volumeMounts[0].name: Not found: "nope"',
        'spec.stepPolicies[0].name: Not found: "s2"',
      ]),
    );
  });

  it.each(SAME)('%s passes', async (_how, act) => {
    expect(await act()).toEqual(TAKEN);
  });
});

describe('while the second of three steps runs', () => {
  beforeAll(async () => {
    operator = await Operator.start(kubeconfig(), namespace.name);
    await namespace.until('etl', ({ status }) => status?.steps?.[1]?.state === 'Running');
  }, 60_000);

  it.each(SAME)('%s passes', async (_how, act) => {
    expect(await act()).toEqual(TAKEN);
  });

  it.each(CLIENTS_OWN)('%s may change', async (_field, changes) => {
    expect(await ask(changed(changes))).toEqual(TAKEN);
  });

  it.each<readonly [what: string, changes: () => object, faults: readonly string[]]>([
    [
      'a step that has run',
      () => ({ containers: [{ ...FIRST, image: OTHER }, WAITING, LAST] }),
      [`spec.containers[0].image: Invalid value: "${OTHER}": ${REACHED}`],
    ],
    [
      'the step that runs',
      () => ({ containers: [FIRST, { ...WAITING, env: [{ name: 'A', value: 'b' }] }, LAST] }),
      [`spec.containers[1].env: Invalid value: ${REACHED}`],
    ],
    [
      'a step to come',
      () => ({ containers: [FIRST, WAITING, { ...LAST, image: OTHER }] }),
      [`spec.containers[2].image: Invalid value: "${OTHER}": ${AHEAD}`],
    ],
    [
      'a step more',
      () => ({ containers: [FIRST, WAITING, LAST, step('s3')] }),
      [
        'spec.containers[3]: Forbidden: a step may not be added after the sequence has started; with updatePolicy FutureSteps it may, after the current one, "s1"',
      ],
    ],
    [
      'a step less',
      () => ({ containers: [FIRST, WAITING] }),
      [
        'spec.containers: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "s2"',
        'spec.stepPolicies[0].name: Not found: "s2"',
      ],
    ],
    [
      'the order',
      () => ({ containers: [FIRST, LAST, WAITING] }),
      ['spec.containers: Forbidden: steps may not change places after the sequence has started'],
    ],
    [
      'what all steps share, and several things at once',
      () => ({
        containers: [{ ...FIRST, image: OTHER }, WAITING, { ...LAST, image: OTHER }],
        template: { ...original().template, metadata: { labels: { team: 'web' } } },
        backoffLimit: 5,
        stepPolicies: [{ name: 's2', backoffLimit: 2 }],
        resume: 1,
      }),
      [
        `spec.containers[0].image: Invalid value: "${OTHER}": ${REACHED}`,
        `spec.containers[2].image: Invalid value: "${OTHER}": ${AHEAD}`,
        `spec.template.metadata.labels[team]: Invalid value: "web": ${STARTED}`,
        `spec.backoffLimit: Invalid value: 5: ${STARTED}`,
        `spec.stepPolicies[0].backoffLimit: Invalid value: 2: ${AHEAD}`,
        'spec.resume: Forbidden: may only be raised when the sequence has failed',
      ],
    ],
  ])('%s may not change', async (_what, changes, faults) => {
    for (const command of ['apply', 'apply --dry-run=server', 'apply --server-side --force-conflicts', 'replace']) {
      expect(await run(command, changed(changes()))).toEqual(refusal('etl', faults));
    }
  });

  // Not by server-side apply: from a list with keys that takes only what no other manager of the object has set.
  it.each(['apply', 'apply --dry-run=server', 'replace'])('a step policy less may not be (%s)', async (command) => {
    expect(await run(command, changed({ containers: [FIRST, WAITING], stepPolicies: [] }))).toEqual(
      refusal('etl', [
        'spec.containers: Forbidden: a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "s2"',
        'spec.stepPolicies: Forbidden: the policy of a step may not be removed after the sequence has started, unless updatePolicy is FutureSteps: "s2"',
      ]),
    );
  });

  it('the status is written as before', async () => {
    const { status } = await namespace.get('etl');
    expect(status?.startTime).toBeDefined();
    const path = objectPath(SEQUENTIAL_JOBS, namespace.name, 'etl', 'status');
    const contentType = 'application/merge-patch+json';
    const answer = client.request({ method: 'PATCH', path, contentType, body: { status: { phase: 'Running' } } });
    await expect(answer).resolves.toMatchObject({ status: { phase: 'Running' } });
  });
});

describe('with updatePolicy FutureSteps', () => {
  const future = { updatePolicy: 'FutureSteps' } as const;

  it('steps to come may change, be added and be removed, by the update that sets it', async () => {
    const taken = await ask(changed({ ...future, containers: [FIRST, WAITING], stepPolicies: [] }));
    expect(taken).toEqual(TAKEN);
    const containers = [FIRST, WAITING, step('s2', 'echo as changed'), step('s3', 'echo as added')];
    const stepPolicies = [{ name: 's3', backoffLimit: 0 }];
    const said = await run('apply', changed({ ...future, containers, stepPolicies }));
    expect(said).toEqual(TAKEN);
  });

  it('the steps so far, and what all steps share, are held as before', async () => {
    const changes = {
      ...future,
      containers: [{ ...FIRST, image: OTHER }, step('between'), { ...WAITING, image: OTHER }, LAST],
      template: {},
      stepPolicies: [{ name: 's1', backoffLimit: 1 }],
    };
    const { code, stderr } = await run('apply', changed(changes));
    expect(code).toBe(1);
    expect(stderr.split('\n').slice(1, -1)).toEqual([
      '* spec.containers[1]: Forbidden: a step may only be added after the current one, "s1"',
      `* spec.containers[0].image: Invalid value: "${OTHER}": ${REACHED}`,
      `* spec.containers[2].image: Invalid value: "${OTHER}": ${REACHED}`,
      expect.stringMatching(/^\* spec\.template\.metadata.*immutable after the sequence has started/),
      expect.stringMatching(/^\* spec\.template\.spec.*immutable after the sequence has started/),
      '* spec.stepPolicies[0]: Forbidden: the policy of a step may not be added once the sequence has reached it: "s1"',
      expect.stringMatching(/^\* spec\.containers\[2\]\.volumeMounts\[0\]\.name: Not found: "gate"/),
    ]);
  });

  it('the later steps run as they have become', async () => {
    await writeFile(join(gate, 'open'), '');
    const { status } = await namespace.untilFinished('etl');
    expect(status).toMatchObject({ phase: 'Completed', progress: { summary: '4/4' } });
    const path = objectPath(JOBS, namespace.name, 'etl-2-s2');
    await expect(client.request({ method: 'GET', path })).resolves.toMatchObject({
      spec: { template: { spec: { containers: [{ command: ['sh', '-c', 'echo as changed'] }] } } },
    });
    expect(await namespace.jobNames('etl')).toEqual(['etl-0-s0', 'etl-1-s1', 'etl-2-s2', 'etl-3-s3']);
  });
});

describe('after completion', () => {
  const stored = async (): Promise<Json> =>
    JSON.parse(await kubectl('get', 'sj', 'etl', '-n', namespace.name, '-o', 'json')) as Json;
  const withSpec = async (changes: object): Promise<Json> => {
    const object = await stored();
    return { ...object, spec: { ...(object['spec'] as Json), ...changes } };
  };

  it('the same again passes, and so do labels', async () => {
    expect(await run('replace', await stored())).toEqual(TAKEN);
    expect(await tryKubectl(['label', 'sj', 'etl', '-n', namespace.name, 'done=yes'])).toEqual(TAKEN);
  });

  it.each(CLIENTS_OWN)('%s may change', async (_field, changes) => {
    expect(await run('replace --dry-run=server', await withSpec(changes))).toEqual(TAKEN);
  });

  it('no step may, whatever the policy, and there is nothing to resume', async () => {
    const containers = [FIRST, WAITING, LAST, step('s3', 'echo as added'), step('s4')];
    expect(await run('replace', await withSpec({ containers, resume: 1 }))).toEqual(
      refusal('etl', [
        'spec.containers[4]: Forbidden: a step may not be added after the sequence has started',
        `spec.containers[2].command[2]: Invalid value: "true": ${REACHED}`,
        'spec.resume: Forbidden: may only be raised when the sequence has failed',
      ]),
    );
  });
});

describe('a failed sequence', () => {
  const failing = (changes: object): Json => sequentialJob('failing', { ...sequence(2, { 0: 'exit 1' }), ...changes });

  it('may be resumed, and is not mended by the way', async () => {
    expect(await run('apply', failing({}))).toEqual(TAKEN);
    await namespace.untilFinished('failing');
    const mended = { ...sequence(2), updatePolicy: 'FutureSteps', resume: 1 };
    expect(await run('apply', failing(mended))).toEqual(
      refusal('failing', [`spec.containers[0].command[2]: Invalid value: "true": ${REACHED}`]),
    );
    expect(await run('apply', failing({}))).toEqual(TAKEN);
    expect(await run('apply', failing({ resume: 1 }))).toEqual(TAKEN);
  });

  it('is applied again from a file that knows nothing of the resume, with a warning', async () => {
    await namespace.until('failing', ({ status }) => status?.resumes === 1 && status.completionTime !== undefined);
    const { code, stdout, stderr } = await run('apply', failing({ resume: 0 }));
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'sequentialjob.batch.example.com/failing configured\n',
    });
    expect(stderr).toBe(
      'Warning: spec.resume: lowered from 1 to 0, which is ignored: it undoes no resume and asks for none; to resume the sequence when it has failed, set it to 2\n',
    );
    expect(await run('apply', failing({ resume: 0 }))).toEqual(TAKEN);
  });

  it('is not resumed by a number that has been acted on, and is told which one would', async () => {
    expect(await run('apply', failing({ resume: 1 }))).toMatchObject({
      code: 0,
      stderr:
        'Warning: spec.resume: 1 asks for no resume, because status.resumes is 1 already; to resume the sequence when it has failed, set it to 2\n',
    });
    expect(await run('apply', failing({ resume: 2 }))).toEqual(TAKEN);
    await namespace.until('failing', ({ status }) => status?.resumes === 2 && status.completionTime !== undefined);
    expect(await namespace.jobNames('failing')).toEqual(['failing-0-s0', 'failing-0-s0-r1', 'failing-0-s0-r2']);
  });
});

describe('an object that is being deleted', () => {
  it('may change in any way, and goes', async () => {
    const held = { ...sequentialJob('going', sequence(2, { 0: FOREVER })) };
    const metadata = { name: 'going', finalizers: ['example.com/hold'] };
    expect(await run('apply', { ...held, metadata })).toEqual(TAKEN);
    await namespace.until('going', ({ status }) => status?.steps?.[0]?.state === 'Running');
    await namespace.delete('going');
    const refusedElsewhere = { spec: { containers: [{ name: 'X', image: 'a b' }], backoffLimit: 9 } };
    await expect(namespace.patch('going', refusedElsewhere)).resolves.toMatchObject({ spec: { backoffLimit: 9 } });
    await namespace.until('going', ({ metadata: { finalizers } }) => finalizers?.length === 1);
    await namespace.patch('going', { metadata: { finalizers: null } });
    await namespace.untilGone('going', 30);
    expect(await namespace.jobNames('going')).toEqual([]);
  });
});

describe('an object from before there was a webhook', () => {
  let older: Namespace;
  let theirs: Operator;
  const inOlder = (command: string, object: Json): Promise<CommandResult> => runIn(older, command, object);
  const invalid = (changes: object = {}): Json =>
    sequentialJob('invalid', { containers: [{ ...step('s0'), image: 'a b' }], ...changes });

  beforeAll(async () => {
    older = await Namespace.create(client, 'older', BYPASSED);
    theirs = await Operator.start(kubeconfig(), older.name);
    await inOlder('apply', invalid());
    await inOlder('apply', sequentialJob('sound', sequence(1)));
    await older.untilFinished('invalid');
    await older.untilFinished('sound');
    await kubectl('label', 'namespace', older.name, `${ADMISSION_LABEL}-`);
  }, 60_000);

  afterAll(async () => {
    await older.remove();
    await theirs.end('SIGTERM');
  });

  it('has no default held against it', async () => {
    const { spec } = await older.get('sound');
    expect(spec.template).toEqual({});
    expect(await inOlder('apply', sequentialJob('sound', sequence(1)))).toEqual(TAKEN);
    const explicit = { ...sequence(1), template: { spec: { restartPolicy: 'Never' } } };
    expect(await inOlder('apply', sequentialJob('sound', explicit))).toEqual(TAKEN);
    const other = { ...sequence(1), template: { spec: { restartPolicy: 'OnFailure' } } };
    expect(await inOlder('apply', sequentialJob('sound', other))).toEqual(
      refusal('sound', [`spec.template.spec.restartPolicy: Invalid value: "OnFailure": ${STARTED}`]),
    );
  });

  it('with faults may be labelled, changed elsewhere and mended; new faults are refused', async () => {
    const said = await tryKubectl(['label', 'sj', 'invalid', '-n', older.name, 'a=b']);
    expect(said).toEqual(TAKEN);
    expect(await inOlder('apply', invalid({ backoffLimit: 1 }))).toEqual(TAKEN);
    expect(await inOlder('apply', invalid({ stepPolicies: [{ name: 'nobody' }] }))).toEqual(
      refusal('invalid', ['spec.stepPolicies[0].name: Not found: "nobody"']),
    );
    expect(await inOlder('apply --dry-run=server', sequentialJob('invalid', sequence(1)))).toEqual(TAKEN);
  });

  it('with faults is deleted like any other', async () => {
    await kubectl('delete', 'sj', 'invalid', '-n', older.name, '--timeout=30s');
    await older.untilGone('invalid');
  });
});
