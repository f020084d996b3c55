/** `lint --server`, before an API server that answers as it is told. What real ones say is in test/integration/cli.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Received, startServer, type TestServer } from '../../support/http-server.ts';
import { type Ran, run } from './memory-io.ts';

const TWO_STEPS = `apiVersion: batch.example.com/v1alpha1
kind: SequentialJob
metadata:
  name: etl
spec:
  containers:
    - name: extract
      image: busybox:1.36
    - name: load
      image: busybox:1.36
      resources:
        claims:
          - name: gpu
`;
const V1BETA1 = TWO_STEPS.replace('v1alpha1', 'v1beta1').replace('containers:', 'steps:');
const PLACED = TWO_STEPS.replace('name: etl', 'name: etl\n  namespace: own');

interface Status {
  readonly code: number;
  readonly message: string;
  readonly reason?: string;
  readonly causes?: readonly unknown[];
}

let server: TestServer;
let folder: string;
let kubeconfig: string;
/** What the API server says to a request; undefined: yes. */
let answer: (request: Received) => Status | undefined;
let from: number;

beforeAll(async () => {
  server = await startServer((request, response) => {
    const status = answer(request);
    response.statusCode = status?.code ?? 201;
    response.setHeader('content-type', 'application/json');
    const { causes, ...rest } = status ?? {};
    response.end(JSON.stringify(status === undefined ? {} : { kind: 'Status', ...rest, details: { causes } }));
  });
  folder = await mkdtemp(join(tmpdir(), 'lint-server-'));
  kubeconfig = join(folder, 'config');
  const config = {
    clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: {} }],
    contexts: [
      { name: 'plain', context: { cluster: 'c', user: 'u' } },
      { name: 'team', context: { cluster: 'c', user: 'u', namespace: 'team-a' } },
    ],
    'current-context': 'plain',
  };
  await writeFile(kubeconfig, JSON.stringify(config));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  answer = () => undefined;
  from = server.received.length;
});

const lintServer = async (text = TWO_STEPS, ...flags: readonly string[]): Promise<Ran> =>
  run('lint', ['--server', `--kubeconfig=${kubeconfig}`, ...flags, 'a'], { a: text });

const isJob = ({ url }: Received): boolean => url.includes('/jobs?');
const asked = (): readonly string[] =>
  server.received.slice(from).map(({ method, url }) => `${method} ${url.replace(/\?.*/, '')}`);

const OBJECTS = '/apis/batch.example.com/v1alpha1/namespaces/default/sequentialjobs';
const JOBS = '/apis/batch/v1/namespaces/default/jobs';

const NO_CLAIM: Status = {
  code: 422,
  message: 'the Job is invalid',
  causes: [{ field: 'spec.template.spec.containers[1].resources.claims[0]', message: 'Not found: "gpu"' }],
};
const refuseJob = (status: Status): void => {
  answer = (request) => (isJob(request) ? status : undefined);
};
/** As a server refuses it: whichever Job has the container. */
const refuseClaims = (): void => {
  answer = (request) => {
    if (!isJob(request)) return undefined;
    const { spec } = JSON.parse(request.body) as { spec: { template: { spec: { containers: { name: string }[] } } } };
    const at = spec.template.spec.containers.findIndex(({ name }) => name === 'load');
    const field = `spec.template.spec.containers[${at}].resources.claims[0]`;
    return at === -1 ? undefined : { ...NO_CLAIM, causes: [{ field, message: 'Not found: "gpu"' }] };
  };
};

describe('requests to the cluster', () => {
  it('are sent for the object and for its Jobs, as dry runs', async () => {
    expect(await lintServer()).toEqual({ code: 0, out: '', err: '1 SequentialJob, no errors\n' });
    expect(asked()).toEqual([`POST ${OBJECTS}`, `POST ${JOBS}`]);
    for (const { url } of server.received.slice(from)) expect(url).toContain('dryRun=All');
  });

  it('are sent at the path of the version that the object has', async () => {
    expect((await lintServer(V1BETA1)).code).toBe(0);
    expect(asked()).toEqual([`POST ${OBJECTS.replace('v1alpha1', 'v1beta1')}`, `POST ${JOBS}`]);
  });

  it('have the object as in the file, and Jobs without an owner reference', async () => {
    await lintServer();
    const [object, job] = server.received.slice(from).map(({ body }) => JSON.parse(body) as Record<string, never>);
    expect(Object.keys(object?.['spec'] ?? {})).toEqual(['containers']);
    expect(job).toMatchObject({ metadata: { name: 'etl-0-extract', namespace: 'default', ownerReferences: [] } });
  });

  it.each([
    ['default, if none is set', [], TWO_STEPS, 'default'],
    ['that of the context', ['--context=team'], TWO_STEPS, 'team-a'],
    ['that of -n', ['--context=team', '-n', 'chosen'], TWO_STEPS, 'chosen'],
    ['that of --namespace', ['--namespace=chosen'], TWO_STEPS, 'chosen'],
    ['that of the object', ['-n', 'chosen'], PLACED, 'own'],
  ] as const)('in a namespace: %s', async (_says, flags, text, namespace) => {
    await lintServer(text, ...flags);
    for (const path of asked()) expect(path).toContain(`/namespaces/${namespace}/`);
  });

  it('are updates if the object exists', async () => {
    answer = ({ method }) =>
      method === 'POST' ? { code: 409, message: 'it exists', reason: 'AlreadyExists' } : undefined;
    expect((await lintServer()).code).toBe(0);
    expect(asked()).toEqual([`POST ${OBJECTS}`, `PATCH ${OBJECTS}/etl`, `POST ${JOBS}`]);
  });

  it('are not sent for an object in which lint itself finds an error', async () => {
    const { code, out } = await lintServer(TWO_STEPS.replace('image: busybox:1.36', 'image: UPPER:1'));
    expect(code).toBe(1);
    expect(out).toContain('must be lowercase');
    expect(asked()).toEqual([]);
  });
});

describe('errors that the cluster returns', () => {
  it('in a Job have their position in the file', async () => {
    refuseClaims();
    const { code, out, err } = await lintServer();
    expect(code).toBe(1);
    expect(out).toBe('a:13:13: spec.containers[1].resources.claims[0]: Not found: "gpu"\n');
    expect(err).toBe('1 SequentialJob, 1 error\n');
  });

  it('in a Job without a field have the position of the step', async () => {
    answer = (request) =>
      isJob(request) && request.body.includes('"load"') ? { code: 403, message: 'the policy says no' } : undefined;
    expect((await lintServer()).out).toBe('a:9:7: step 1 (load): the policy says no\n');
  });

  it('in a setting of a step have the path that the file has, in either version', async () => {
    const causes = [{ field: 'spec.backoffLimit', message: 'Invalid value: 7' }];
    refuseJob({ code: 422, message: 'the Job is invalid', causes });
    const policies = '  stepPolicies: [{name: extract, backoffLimit: 7}, {name: load, backoffLimit: 7}]\n';
    expect((await lintServer(`${TWO_STEPS}${policies}`)).out).toContain(
      'a:14:34: spec.stepPolicies[0].backoffLimit: Invalid value: 7\n',
    );
    const steps = V1BETA1.replace('name: extract', 'name: extract\n      job: {backoffLimit: 7}');
    expect((await lintServer(steps)).out).toContain('a:8:13: spec.steps[0].job.backoffLimit: Invalid value: 7\n');
    expect((await lintServer(V1BETA1)).out).toContain('spec.job.backoffLimit: Invalid value: 7\n');
    expect((await lintServer(TWO_STEPS)).out).toContain('spec.backoffLimit: Invalid value: 7\n');
  });

  it('in the object are reported for each cause', async () => {
    const causes = [
      { field: 'spec.containers[0].image', message: 'Invalid value: "x"' },
      { field: 'metadata.labels', message: 'Required value' },
    ];
    answer = (request) => (isJob(request) ? undefined : { code: 422, message: 'denied', causes });
    expect((await lintServer()).out.split('\n')).toEqual([
      'a:3:1: metadata.labels: Required value',
      'a:8:7: spec.containers[0].image: Invalid value: "x"',
      '',
    ]);
  });
});

it('about a field that the server does not know are warnings', async () => {
  answer = (request) =>
    isJob(request) && request.url.includes('fieldValidation=Strict')
      ? {
          code: 400,
          message: 'strict decoding error: unknown field "spec.template.spec.containers[1].resources.claims"',
        }
      : undefined;
  const { code, out, err } = await lintServer();
  expect(code).toBe(0);
  expect(out).toBe(
    'a:12:9: warning: spec.containers[1].resources.claims: this API server does not know the field; the steps run without it\n',
  );
  expect(err).toBe('1 SequentialJob, no errors, 1 warning\n');
});

describe('without a response the exit code is 2, and the message has the reason', () => {
  it.each<readonly [string, Status, string]>([
    [
      'a permission is missing',
      { code: 403, message: 'jobs.batch is forbidden: User "eve" cannot create resource "jobs"' },
      'a: could not check its Jobs: jobs.batch is forbidden: User "eve" cannot create resource "jobs"',
    ],
    ['the API server fails', { code: 500, message: 'etcd is down' }, 'a: could not check its Jobs: etcd is down'],
  ])('%s', async (_says, status, line) => {
    refuseJob(status);
    const { code, err } = await lintServer();
    expect(code).toBe(2);
    expect(err).toBe(`sequentialjob: ${line}\n1 SequentialJob, no errors\n`);
  });

  it('the operator is not installed', async () => {
    answer = (request) => (isJob(request) ? undefined : { code: 404, message: 'the server could not find it' });
    const { code, err } = await lintServer();
    expect(code).toBe(2);
    expect(err).toContain('a: could not check the SequentialJob: the operator is not installed in this cluster\n');
  });

  it('the API server cannot be reached', async () => {
    const elsewhere = join(folder, 'elsewhere');
    const text = JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1', 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    });
    await writeFile(elsewhere, text);
    const { code, err } = await run('lint', ['--server', '--kubeconfig', elsewhere, 'a'], { a: TWO_STEPS });
    expect(code).toBe(2);
    expect(err).toContain('could not check the SequentialJob: connect ECONNREFUSED 127.0.0.1:1');
  });
});

describe('wrong usage', () => {
  it.each([
    [['--server=yes', 'a'], "unknown option '--server=yes'"],
    [['--kubeconfig=x', 'a'], '--kubeconfig needs --server'],
    [['-n', 'x', '--context=y', 'a'], '--context needs --server; --namespace needs --server'],
    [['--server', '--context=', 'a'], "option '--context <name>' argument '' is invalid. It must not be empty."],
    [['--server', '--kubeconfig=/no/such/file', 'a'], 'cannot read the kubeconfig /no/such/file'],
  ])('%j', async (args, problem) => {
    const { code, out, err } = await run('lint', args, { a: TWO_STEPS });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^sequentialjob: [^\n]+\n$/);
    expect(err).toContain(problem);
  });
});
