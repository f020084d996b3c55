/** The preflight in a whole reconcile: when the API server is asked, and what the user is told of its answer. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { Preflights } from '../../../controller/preflights.ts';
import { getCondition } from '../../../shared/conditions.ts';
import { ApiError, errorFromResponse } from '../../../shared/kube/errors.ts';
import type { ApiRequest } from '../../../shared/kube/client.ts';
import type { SequentialJob } from '../../../shared/api/types.ts';
import { describeRequest, FakeApi, jobPath } from '../../support/fake-api.ts';
import { completed, container, failed, NAMESPACE, sequentialJob } from '../../support/objects.ts';
import { Process } from '../../support/process.ts';

const PREFLIGHT = 'POST jobs (dry run)';

let api: FakeApi;
let process: Process;

beforeEach(() => {
  api = new FakeApi();
  process = new Process(api);
});

const isDryRun = (request: ApiRequest): boolean => describeRequest(request) === PREFLIGHT;
const dryRuns = (): number => api.client.requests.filter(isDryRun).length;

function stored(): SequentialJob {
  const object = api.sequentialJob(NAMESPACE, 'etl');
  if (object === undefined) throw new Error('the object is gone');
  return object;
}

/** Every answer to a dry run is this one. */
function answer(code: number, message: string): void {
  api.intercept = (request) =>
    isDryRun(request)
      ? { error: errorFromResponse(code, JSON.stringify({ kind: 'Status', message })), after: false }
      : undefined;
}

/** The object is there, and the watch has told of it. */
function begin(object: SequentialJob): void {
  api.putSequentialJob(object);
  process.sync();
}

/** The step's Job ends, and the watch tells of it. */
function end(name: string, status = completed()): void {
  api.setJobStatus(jobPath(NAMESPACE, name), status);
  process.sync();
}

/** The user changes the spec, and the watch tells of it. */
function edit(change: Partial<SequentialJob['spec']>): void {
  api.edit(NAMESPACE, 'etl', change);
  process.sync();
}

/** Reconciles the object again and again, the watch telling of whatever that brought. */
async function reconcileOften(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    await process.reconcile();
    process.sync();
  }
}

/** A server that refuses every Job that has a container of this name. */
function refuseStep(name: string): void {
  api.refuse = (job) => {
    const { template } = job['spec'] as { template: { spec: { containers: readonly { name: string }[] } } };
    const at = template.spec.containers.findIndex((one) => one.name === name);
    if (at === -1) return undefined;
    const field = `spec.template.spec.containers[${at}].resources.claims[0]`;
    const causes = [{ field, message: 'Not found: "typo"', reason: 'FieldValueNotFound' }];
    return new ApiError('Invalid', 'the Job is invalid', { status: 422, causes });
  };
}

describe('the dry run', () => {
  it('is repeated once after a restart during the sequence', async () => {
    begin(sequentialJob());
    await process.reconcile();
    end('etl-0-extract');
    process = new Process(api);
    await process.reconcile();
    end('etl-1-transform');
    await process.reconcile();
    expect(dryRuns()).toBe(2);
  });

  it('is not repeated while the first step waits for a Secret', async () => {
    const needs = container('extract', { envFrom: [{ secretRef: { name: 'db' } }] });
    begin(sequentialJob({ spec: { steps: [needs] } }));
    await reconcileOften();
    expect(dryRuns()).toBe(1);
  });

  it('is repeated if later steps have changed, only for them and before the first of them starts', async () => {
    begin(sequentialJob({ spec: { updatePolicy: 'FutureSteps' } }));
    await process.reconcile();
    edit({ steps: [...sequentialJob().spec.steps.slice(0, 2), container('store')] });
    await process.reconcile();
    expect(dryRuns()).toBe(1);
    end('etl-0-extract');
    await process.reconcile();
    const [, second] = api.client.requests.filter(isDryRun);
    expect(second?.body).toMatchObject({
      spec: { template: { spec: { containers: [{ name: 'transform' }, { name: 'store' }] } } },
    });
    end('etl-1-transform');
    await process.reconcile();
    expect(dryRuns()).toBe(2);
  });

  it.each<readonly [string, Partial<SequentialJob['spec']>]>([
    ['a new deadline', { activeDeadlineSeconds: 600 }],
    ['a new TTL', { ttlSecondsAfterFinished: 5 }],
    ['a change that is rejected', { job: { backoffLimit: 9 } }],
  ])('is not repeated for %s', async (_says, change) => {
    begin(sequentialJob());
    await process.reconcile();
    edit(change);
    await process.reconcile();
    end('etl-0-extract');
    await process.reconcile();
    expect(stored().status?.steps).toHaveLength(2);
    expect(dryRuns()).toBe(1);
  });

  it('is repeated on a resume, with the new names', async () => {
    begin(sequentialJob());
    await process.reconcile();
    end('etl-0-extract', failed());
    await process.reconcile();
    edit({ resume: 1 });
    await process.settle();
    const [, second] = api.client.requests.filter(isDryRun);
    expect(second?.body).toMatchObject({ metadata: { name: 'etl-0-extract-r1' } });
  });

  it('is not sent with --preflight=false', async () => {
    const { client } = api;
    const preflights = new Preflights({ client, log: { warn: () => undefined }, enabled: false, now: () => 0 });
    Object.assign(process.deps, { preflights });
    begin(sequentialJob());
    await process.reconcile();
    expect(api.client.requests.map(describeRequest)).toEqual(['POST jobs', 'PATCH sequentialjobs/status']);
  });
});

describe('a rejection', () => {
  it('of a later step fails the sequence before the first has run, and the fixed spec runs', async () => {
    refuseStep('load');
    begin(sequentialJob());
    await process.reconcile();
    const { status } = stored();
    expect(api.jobs()).toEqual([]);
    expect(status?.startTime).toBeUndefined();
    expect(status?.progress).toMatchObject({ currentStep: 'load', failedIndex: 2, failureReason: 'JobRejected' });
    expect(getCondition(status?.conditions, 'Failed')).toMatchObject({ status: 'True', reason: 'JobRejected' });
    expect(process.events).toEqual(['SequenceFailed']);
    const before = dryRuns();
    process.sync();
    await process.settle();
    expect(dryRuns()).toBe(before);

    edit({ steps: sequentialJob().spec.steps.slice(0, 2) });
    await process.settle();
    expect(stored().status).toMatchObject({ phase: 'Running', steps: [{ jobName: 'etl-0-extract' }] });
  });

  it('of a changed step fails the sequence before that step, and can be fixed', async () => {
    refuseStep('store');
    begin(sequentialJob({ spec: { updatePolicy: 'FutureSteps' } }));
    await process.reconcile();
    const { steps } = sequentialJob().spec;
    edit({ steps: [...steps.slice(0, 2), container('store')] });
    await process.reconcile();
    expect(stored().status?.phase).toBe('Running');
    end('etl-0-extract');
    await process.reconcile();
    expect(stored().status).toMatchObject({
      phase: 'Failed',
      progress: { failedIndex: 1, failureReason: 'JobRejected' },
      steps: [{ state: 'Succeeded' }, { index: 2, state: 'Skipped' }],
    });
    expect(api.jobs()).toHaveLength(1);

    edit({ steps });
    await process.settle();
    expect(stored().status).toMatchObject({ phase: 'Running', progress: { currentStep: 'transform' } });
  });
});

describe('no result of the preflight', () => {
  it('because the server fails: the dry run is sent again later, then the sequence runs', async () => {
    answer(500, 'Internal error occurred: failed calling webhook "down.example.com"');
    begin(sequentialJob());
    await expect(process.reconcile()).rejects.toMatchObject({ code: 'ServerError' });
    expect(api.jobs()).toEqual([]);
    await process.reconcile();
    expect(stored().status?.phase).toBe('Running');
    // The question is open still: before the second step it is put again.
    api.intercept = () => undefined;
    end('etl-0-extract');
    await process.reconcile();
    end('etl-1-transform');
    await process.reconcile();
    expect(dryRuns()).toBe(3);
  });

  it('because a webhook does not support dry runs: the sequence runs, and the dry run is not repeated', async () => {
    answer(400, 'admission webhook "old.example.com" does not support dry run');
    begin(sequentialJob());
    await process.reconcile();
    end('etl-0-extract');
    await process.reconcile();
    expect(stored().status?.steps).toHaveLength(2);
    expect(dryRuns()).toBe(1);
  });

  it.each([
    ['QuotaExceeded', 'jobs.batch "x" is forbidden: exceeded quota: q, requested: count/jobs.batch=1'],
    ['PermissionDenied', 'jobs.batch is forbidden: User "x" cannot create resource "jobs"'],
  ])('because of %s: that does not reject the Job, and the preflight is repeated', async (_reason, message) => {
    answer(403, message);
    begin(sequentialJob());
    await process.reconcile();
    expect(stored().status?.phase).toBe('Running');
    end('etl-0-extract');
    await process.reconcile();
    expect(dryRuns()).toBe(2);
  });

  it('is not requested again while the sequence waits for something else', async () => {
    answer(403, 'jobs.batch "x" is forbidden: exceeded quota: q, requested: count/jobs.batch=1');
    const needs = container('extract', { envFrom: [{ secretRef: { name: 'db' } }] });
    begin(sequentialJob({ spec: { steps: [needs] } }));
    await reconcileOften();
    expect(dryRuns()).toBe(1);
  });

  it('is not recorded if the object is deleted meanwhile', async () => {
    const preflights = new Preflights({
      client: api.client,
      log: { warn: () => undefined },
      enabled: true,
      now: () => 0,
    });
    Object.assign(process.deps, { preflights });
    const object = sequentialJob();
    begin(object);
    api.intercept = (request) => {
      if (isDryRun(request)) process.deps.sequentialJobs.replace([], '9999');
      return undefined;
    };
    await process.reconcile().catch(() => undefined);
    expect(preflights.isDue(object)).toBe(true);
  });

  it.each([
    ['DryRunUnsupported', 400, 'admission webhook "old.example.com" does not support dry run', 1],
    ['an error of the server', 500, 'oh', 1],
    ['QuotaExceeded', 403, 'jobs.batch "x" is forbidden: exceeded quota: q', 0],
  ] as const)('is logged once for all sequences: %s', async (_says, code, message, times) => {
    const warnings: unknown[] = [];
    const log = { warn: (...args: readonly unknown[]) => void warnings.push(args) };
    Object.assign(process.deps, {
      preflights: new Preflights({ client: api.client, log, enabled: true, now: () => 0 }),
    });
    answer(code, message);
    for (const uid of ['one', 'two']) {
      begin(sequentialJob({ metadata: { uid } }));
      await process.reconcile().catch(() => undefined);
      await process.reconcile().catch(() => undefined);
      for (const { metadata } of api.jobs()) api.remove(jobPath(NAMESPACE, metadata.name));
    }
    expect(warnings).toHaveLength(times);
  });
});

describe('fields that the server does not know', () => {
  const UNKNOWN =
    'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.template.spec.containers[1].restartPolicyRules"';

  function dropFields(): void {
    api.intercept = ({ query }) =>
      query?.['fieldValidation'] === 'Strict'
        ? { error: errorFromResponse(400, JSON.stringify({ kind: 'Status', message: UNKNOWN })), after: false }
        : undefined;
  }

  it('are reported once, and the sequence runs', async () => {
    dropFields();
    begin(sequentialJob());
    await process.reconcile();
    end('etl-0-extract');
    await process.reconcile();
    expect(process.events).toEqual(['FieldsIgnored', 'SequenceStarted', 'JobStarted', 'JobCompleted', 'JobStarted']);
    expect(dryRuns()).toBe(2);
  });

  it('are reported even if the status could not be written at first', async () => {
    dropFields();
    begin(sequentialJob());
    api.putSequentialJob(sequentialJob({ metadata: { labels: { touched: 'yes' } } }));
    await expect(process.reconcile()).rejects.toMatchObject({ code: 'Conflict' });
    expect(process.events).toEqual([]);
    process.sync();
    await process.reconcile();
    end('etl-0-extract');
    await process.reconcile();
    expect(process.events.filter((reason) => reason === 'FieldsIgnored')).toHaveLength(1);
  });
});
