/**
 * Text that others choose (containers, registries, webhooks, kubelets, whoever writes manifests, Events or Jobs) reaches statuses,
 * Events, logs and terminals without control characters: every way in and every way out, with every kind of harm.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, test } from '@jest/globals';
import { parse } from 'yaml';
import { jsonReport, textReport } from '../../cli/lint-report.ts';
import { decide, type Finding, type Snapshot } from '../../controller/decide/index.ts';
import { truncateMessage } from '../../controller/decide/status-size.ts';
import { EventRecorder } from '../../controller/events.ts';
import { toObservedEvent, toObservedPod } from '../../controller/transform-pod.ts';
import { toObservedJob } from '../../controller/transform.ts';
import { truncateMiddle, truncate } from '../../shared/truncate.ts';
import { API_VERSION, RESULT_PREFIX } from '../../shared/api/group.ts';
import type { SequentialJob } from '../../shared/api/types.ts';
import { convert } from '../../shared/conversion/index.ts';
import { ApiError, errorFromResponse, errorFromStatus } from '../../shared/kube/errors.ts';
import { jobErrorsOf as jobFaultsOf } from '../../shared/jobs/job-errors.ts';
import { formatFieldErrors, readUserObject, validateUpdate, warningsFor } from '../../shared/validation/index.ts';
import { denied, errored } from '../../webhook/response.ts';
import { objectErrors, reviewObject } from '../../webhook/validate.ts';
import { FakeClient } from '../support/fake-client.ts';
import { EVIL, harmful, harmfulIn, HARMS } from '../support/harmful-text.ts';
import { at, completed, container, failed, jobUid, NOW_MS, observedJob, sequentialJob } from '../support/objects.ts';
import { containerStatus, observedPod, podTermination, rawPod, terminated } from '../support/pods.ts';
import { run } from './cli/memory-io.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A text with every kind, and each kind alone. */
const TEXTS: readonly (readonly [string, string])[] = [
  ['all of it', EVIL],
  ...HARMS.map(([says, text]) => [says, `<${text}>`] as const),
];

/** A step that runs, and what is known of it. */
function running(more: Partial<Snapshot> = {}, name = 'extract'): Snapshot {
  const step = { index: 0, name, jobName: 'etl-0-extract', jobUID: jobUid(0), state: 'Running' } as const;
  const object = sequentialJob({
    spec: { steps: [container(name)] },
    status: { startTime: at(0), steps: [step] },
  });
  return { object, jobs: [observedJob(0)], findings: {}, ...more };
}

/** The first step is to start, and something was found out about its Job. */
const starting = (finding: Finding, more: Partial<Snapshot> = {}): Snapshot => ({
  object: sequentialJob({ status: { startTime: at(0) } }),
  jobs: [],
  findings: { 'etl-0-extract': finding },
  ...more,
});

const decided = (snapshot: Snapshot): unknown => decide(snapshot, NOW_MS).status;

function hostileObject(text: string): SequentialJob {
  const steps = [
    {
      ...container(`a${text}`),
      image: `x:${text}`,
      env: [{ name: `${text}=`, value: text }],
      volumeMounts: [{ name: text, mountPath: text }],
      onFailure: text,
    },
    { ...container('b'), image: 'x', [text]: { [text]: 1 }, volumeMounts: [{ name: 'v', mountPath: '/v' }] },
    { ...container(`c${text}`), image: 'x', volumeMounts: [{ name: 'v', mountPath: '/v' }] },
  ];
  const labels = { [text]: text, [`x${text}.batch.example.com/a`]: 'b' };
  const template = {
    metadata: { labels, annotations: labels },
    spec: { volumes: [{ name: 'v' }], nodeSelector: { [text]: 7 } },
  };
  return {
    ...sequentialJob({ metadata: { name: text } }),
    spec: { steps, template, job: { backoffLimit: text }, updatePolicy: text, [text]: text } as never,
  };
}

/** The same as a client of v1alpha1 writes it: with policies that name steps, and one that names none. */
function hostileV1alpha1Object(text: string): unknown {
  const object = hostileObject(text);
  const { steps, job, ...spec } = object.spec;
  const stepPolicies = [
    { name: `a${text}`, onFailure: text, [text]: 1 },
    { name: text, backoffLimit: text, when: text },
    { name: text },
  ];
  return {
    ...object,
    apiVersion: 'batch.example.com/v1alpha1',
    spec: { ...spec, ...job, containers: steps, stepPolicies },
  };
}

const podWith = (status: object): unknown => toObservedPod(rawPod({ status: status as never }));

/** Each way in, with what comes of it. */
const WAYS_IN: Readonly<Record<string, (text: string) => unknown>> = {
  "a container's termination message and reason": (text) =>
    podWith({
      phase: 'Failed',
      containerStatuses: [containerStatus(terminated(1, { message: text, reason: text }))],
    }),
  'the result of a step': (text) =>
    podWith({ phase: 'Succeeded', containerStatuses: [containerStatus(terminated(0, { message: text }))] }),
  'the end of a Pod as a whole': (text) => podWith({ phase: 'Failed', reason: text, message: text }),
  'a disruption': (text) => {
    const conditions = [{ type: 'DisruptionTarget', status: 'True', reason: text, message: text }];
    return podWith({ phase: 'Failed', message: text, conditions });
  },
  'an image that cannot be pulled, in the words of its registry': (text) =>
    podWith({
      phase: 'Pending',
      containerStatuses: [containerStatus({ waiting: { reason: 'ErrImagePull', message: text } })],
    }),
  'a Pod that cannot be scheduled': (text) => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: text }];
    return podWith({ phase: 'Pending', conditions });
  },
  'a container that was injected and runs on': (text) => {
    const containerStatuses = [containerStatus(terminated(0)), containerStatus({ running: {} }, {}, text)];
    return podWith({ phase: 'Running', containerStatuses });
  },
  "a Job's conditions": (text) => {
    const [one = {}] = failed().conditions ?? [];
    return toObservedJob({
      ...observedJob(0),
      status: { conditions: [{ ...one, type: 'Failed', reason: text, message: text }] },
    }).status;
  },
  'a field manager': (text) => {
    const managedFields = [{ manager: text, fieldsV1: { 'f:spec': { 'f:suspend': {} } } }];
    const job = observedJob(0);
    return toObservedJob({ ...job, metadata: { ...job.metadata, managedFields }, spec: { suspend: true } }).suspended;
  },
  'an Event': (text) => toObservedEvent({ reason: 'FailedMount', message: text }),
  'a refusal of the API server, or of a webhook behind it': (text) => {
    const details = { causes: [{ field: text, message: text, reason: 'FieldValueInvalid' }] };
    const { message, causes } = errorFromResponse(
      422,
      JSON.stringify({ kind: 'Status', reason: 'Invalid', message: text, details }),
    );
    return [message, causes, jobFaultsOf({ message, causes }, { object: sequentialJob(), indices: [0] })];
  },
  'an answer that is no Status': (text) => errorFromResponse(502, `<html>${text}`).message,
  'an error in a watch': (text) => errorFromStatus({ code: 410, message: text }).message,
  'any other failure of a request': (text) => new ApiError('Unreachable', text).message,
  'the faults of an object, its keys and its values': (text) =>
    formatFieldErrors(objectErrors(readUserObject(hostileObject(text)))),
  'the faults of an object in v1alpha1': (text) =>
    formatFieldErrors(objectErrors(readUserObject(hostileV1alpha1Object(text)))),
  'an object that cannot be converted': (text) => messageOf(() => convert(hostileV1alpha1Object(text), API_VERSION)),
  'the faults of a change': (text) => {
    const before = { ...running().object, metadata: { name: 'etl' } };
    return formatFieldErrors(validateUpdate(before, { ...before, spec: hostileObject(text).spec }));
  },
  'a refusal of a change in v1alpha1 that takes a policy away': (text) => {
    const { spec, metadata } = sequentialJob();
    const containers = [container(text), ...spec.steps];
    const before = (stepPolicies: unknown): unknown => ({
      ...sequentialJob({ status: { startTime: at(0) } }),
      apiVersion: 'batch.example.com/v1alpha1',
      metadata,
      spec: { containers, stepPolicies },
    });
    const [oldObject, object] = [before([{ name: text, backoffLimit: 1, onFailure: 'Continue' }]), before([])];
    const of = { operation: 'UPDATE', subResource: '', namespace: 'team-a', bytes: 0 } as const;
    return reviewObject({ ...of, object, oldObject });
  },
  'warnings about an object': (text) => warningsFor(hostileObject(text)),
  'a refusal of our webhook': (text) =>
    denied(hostileObject(text), objectErrors(readUserObject(hostileObject(text))), warningsFor(hostileObject(text))),
  'a review that makes no sense': (text) => errored(400, `no such operation ${text}`),
};

/** What it throws. */
function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it throws nothing');
}

const INSPECTED = { 'etl-0-extract': { type: 'inspected' } } as const;
/** The status of a step whose Job failed. */
const failedStep = (job: object, more: Partial<Snapshot> = {}): unknown =>
  decided(running({ jobs: [observedJob(0, { status: job })], findings: INSPECTED, ...more }));
const podOfStep = (more: object): Partial<Snapshot> => ({ pods: [observedPod({ jobUID: jobUid(0), ...more })] });

/** Each way out, with what comes of it. Where a text could not come in, it is put in behind that. */
const WAYS_OUT: Readonly<Record<string, (text: string) => unknown>> = {
  'a status: a termination message': (text) =>
    failedStep(failed(), podOfStep({ failed: true, termination: podTermination({ message: text, reason: text }) })),
  'a status: a result': (text) => {
    const fieldPath = `metadata.annotations['${RESULT_PREFIX}extract']`;
    const env = [{ name: 'V', valueFrom: { fieldRef: { fieldPath } } }];
    const termination = { container: 'extract', exitCode: 0, reason: 'Completed', message: '', result: text };
    const { object, ...more } = running({
      jobs: [observedJob(0, { status: completed() })],
      ...podOfStep({ termination }),
    });
    return decided({
      ...more,
      object: { ...object, spec: { steps: [...object.spec.steps, container('load', { env })] } },
    });
  },
  "a status: a Job's conditions": (text) =>
    failedStep({ failed: 1, conditions: [{ type: 'Failed', status: 'True', reason: text, message: text }] }),
  "a status: a Pod's obstacle": (text) =>
    decided(running(podOfStep({ obstacle: { reason: 'ErrImagePull', message: text } }))),
  'a status: a Pod that does not end, and its node': (text) =>
    decided(running(podOfStep({ metadata: { name: text, deletionTimestamp: at(-3600) }, node: text }))),
  'a status: who has suspended a Job': (text) =>
    decided(running({ jobs: [{ ...observedJob(0), suspended: { byOperator: false, manager: text } }] })),
  'a status: who undoes a suspension': (text) => {
    const { object, ...more } = running({
      jobs: [{ ...observedJob(0), suspensions: { count: 9, at: at(-1), undoneBy: text } }],
    });
    return decided({ ...more, object: { ...object, spec: { ...object.spec, suspend: true } } });
  },
  'a status: a refused Job': (text) => decided(starting({ type: 'rejected', message: text })),
  'a status: a quota': (text) => decided(starting({ type: 'postponed', reason: 'QuotaExceeded', message: text })),
  "a status: somebody else's Job": (text) => decided(starting({ type: 'nameConflict', owner: `CronJob "${text}"` })),
  "a status: somebody else's Job that goes": (text) =>
    decided(starting({ type: 'nameConflict', owner: text, pendingRemoval: 'deleted' })),
  'a status: what is missing': (text) =>
    decided(starting({ type: 'dependencies', missing: [{ kind: 'Secret', name: text }] })),
  'a status: a preflight': (text) =>
    decided(
      starting(
        { type: 'notFound' },
        { preflight: { type: 'refused', errors: [{ index: 0, field: text, message: text }], ignoredFields: [text] } },
      ),
    ),
  'a status: trouble': (text) => decided(starting({ type: 'notFound' }, { lastError: text })),
  'a status: a spec that no webhook has seen': (text) =>
    decided({ object: hostileObject(text), jobs: [], findings: {} }),
  'a status: a step that runs under such a name': (text) => decided(running({}, text)),
  'an Event, and the log of it': (text) => {
    const client = new FakeClient({ request: () => ({}) });
    const told: unknown[] = [];
    const onEmit = (_: unknown, event: unknown): void => void told.push(event);
    const events = new EventRecorder({ client, now: () => NOW_MS, random: () => 0, onEmit, onDrop: () => undefined });
    events.emit(sequentialJob(), { type: 'Warning', reason: 'JobFailed', message: text });
    events.emit(sequentialJob(), { type: 'Warning', reason: 'ReconciliationFailed', message: text });
    return [client.requests.map(({ body }) => body), told];
  },
  'a report of lint': (text) => {
    const finding = {
      line: 1,
      column: 1,
      severity: 'error',
      place: { document: 1, items: [] },
      path: text,
      message: text,
    } as const;
    const reports = [{ file: text, sequences: 0, schedules: 0, skipped: 0, hasOneObject: true, findings: [finding] }];
    return [textReport(reports), jsonReport(reports)];
  },
};

describe.each(TEXTS)('with %s', (_says, text) => {
  it.each(Object.entries(WAYS_IN))('what comes in is plain: %s', (_way, come) => {
    const came = come(text);
    expect(harmfulIn(came)).toEqual([]);
    expect(JSON.stringify(came) ?? '').not.toBe(JSON.stringify(come('')));
  });

  it.each(Object.entries(WAYS_OUT))('what goes out is plain: %s', (_way, go) => {
    const gone = go(text);
    expect(harmfulIn(gone)).toEqual([]);
    expect(JSON.stringify(gone)).not.toBe(JSON.stringify(go('x')));
  });
});

describe('the command line', () => {
  const manifest = (object: object): string =>
    JSON.stringify({ apiVersion: 'batch.example.com/v1beta1', kind: 'SequentialJob', ...object });
  const files = Object.fromEntries(
    TEXTS.map(([, text], i) => [
      `${i}\u001B]0;x\u0007.yaml`,
      manifest({ ...hostileObject(text), apiVersion: undefined, status: undefined, [text]: 1 }),
    ]),
  );

  it.each(['text', 'json'])('lint says what is wrong in %s, and nothing that a terminal obeys', async (format) => {
    const said = await run('lint', [`--format=${format}`, ...Object.keys(files), 'no\u009B2Jsuch.yaml'], files);
    expect(harmful(said.out)).toEqual([]);
    expect(said.out.length).toBeGreaterThan(1000);
  });

  it('lint finds the position of a key that it prints escaped', async () => {
    const yaml = `apiVersion: batch.example.com/v1beta1\nkind: SequentialJob\nmetadata: {name: etl}\nspec:\n  steps:\n    - {name: a, image: "x:1"}\n  "we\\e[31mird": 1\n`;
    const { out } = await run('lint', ['a.yaml'], { 'a.yaml': yaml });
    expect(out).toContain('a.yaml:7:3: warning: unknown field "spec.we\\u001b[31mird"');
  });

  it('render writes equivalent Jobs without control characters', async () => {
    // What is legal in a Pod, and what Unicode text is: half a pair is none.
    const texts = TEXTS.map(([, text]) => text.toWellFormed());
    const steps = [
      { ...container('a'), image: 'x:1', args: texts, env: texts.map((value, i) => ({ name: `V${i}`, value })) },
    ];
    const template = { metadata: { annotations: Object.fromEntries(texts.map((text, i) => [`a${i}`, text])) } };
    const file = manifest({ metadata: { name: 'etl', namespace: `a\nb: ${EVIL}` }, spec: { steps, template } });
    const { code, out } = await run('render', ['a.json'], { 'a.json': file });
    expect(code).toBe(0);
    expect(harmful(out)).toEqual([]);
    const [first = ''] = out.split('---\n', 1);
    expect(first).toMatch(/^(?:#[^\n]*\n)+$/);
    const job = parse(out.slice(out.indexOf('---\n'))) as {
      spec: { template: { metadata: object; spec: { containers: object[] } } };
    };
    expect(job.spec.template.spec.containers[0]).toMatchObject({ args: texts });
    expect(job.spec.template.metadata).toMatchObject(template.metadata);
  });
});

describe('a process', () => {
  const node = async (...args: readonly string[]): Promise<string> => {
    const env = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' };
    const { stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, env }).catch(
      (error) => error as { stderr: string },
    );
    return stderr;
  };

  it.each(['json', 'pretty'])('logs nothing that a terminal obeys (%s)', async (format) => {
    const lines = `const { openLog } = await import('./shared/log.ts');
      const log = await openLog({ level: 'info', format: '${format}' });
      for (const text of ${JSON.stringify(TEXTS.map(([, text]) => text))}) {
        log.warn({ err: text, reason: text, nested: { text: [text] } }, text);
        log.error({ err: new Error(text) }, 'failed');
      }`;
    const said = await node('--input-type=module', '-e', lines);
    expect(said).toContain('before');
    expect(said).toContain('click');
    expect(harmful(said)).toEqual([]);
    if (format === 'json') {
      const messages = said
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg.toWellFormed());
      expect(messages.filter((message) => message !== 'failed')).toEqual(TEXTS.map(([, text]) => text.toWellFormed()));
    }
  });

  it('reports wrong arguments without control characters', async () => {
    const said = await node('main.ts', `run\u001B]0;pwned\u0007`);
    expect(said).toContain("unknown command 'run'");
    expect(harmful(said)).toEqual([]);
  });
});

describe('all outputs are covered', () => {
  const sources = ['cli', 'controller', 'shared', 'webhook', 'certs'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(folder, file)),
  );
  const found = (pattern: RegExp): readonly string[] =>
    ['main.ts', ...sources].flatMap((file) =>
      Array.from(readFileSync(join(ROOT, file), 'utf8').matchAll(pattern), ([, name]) => `${file}: ${name}`),
    );

  /** Whatever cuts a message makes it plain. */
  const FITTERS = {
    truncate,
    truncateMiddle,
    truncateMessage,
  } as const;

  it('every function that truncates a message is tested here', () => {
    const all = found(/(?:function|const) (truncate\w*)(?: = )?\(message: string/g);
    expect(all.map((one) => one.replace(/^.*: /, '')).toSorted()).toEqual(Object.keys(FITTERS).toSorted());
  });

  it.each(Object.entries(FITTERS))('%s makes it plain, short or long', (_name, fit) => {
    for (const [, text] of TEXTS) for (const times of [1, 500]) expect(harmful(fit(text.repeat(times)))).toEqual([]);
  });

  it('only one module writes to terminals, except for constant text', () => {
    expect(found(/(process\.std(?:out|err)\.write|console\.\w+)\(/g)).toEqual([
      'cli/stdio.ts: process.stderr.write',
      'cli/stdio.ts: process.stdout.write',
    ]);
  });

  it('only one module looks for control characters', () => {
    expect(found(/(\\u001B|\\u0000|\\u202E|\\x1b)/gi).map((one) => one.replace(/:.*$/, ''))).toEqual(
      expect.not.arrayContaining(sources.filter((file) => file !== 'shared/printable-text.ts')),
    );
  });

  it('every pino logger is created with the hook', () => {
    expect(found(/\b(pino)\((?!settings)/g)).toEqual([]);
  });
});

test('text in any script is printed unchanged', () => {
  const labels = { 'größe/ключ': '値', 'a"b\\c': 'd' };
  const steps = [{ ...container('загрузка'), image: 'bild:größe' }];
  const object = {
    ...sequentialJob(),
    spec: { steps, template: { metadata: { labels: { ...labels, 'x.batch.example.com/é': '' } } } },
  };
  const text = formatFieldErrors(objectErrors(readUserObject(object)));
  expect(text).toContain('spec.steps[0].name: Invalid value: "загрузка": ');
  expect(text).toContain('spec.steps[0].image: Invalid value: "bild:größe": ');
  expect(text).toContain('spec.template.metadata.labels[x.batch.example.com/é]: Forbidden: ');
});
