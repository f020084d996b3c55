/** What the API server and the Job controller make of a Job, where releases differ and the operator supports both. */
import { expect, it } from '@jest/globals';
import { completion } from '../../bench/controller/sequences.ts';
import { toObservedJob } from '../../controller/transform.ts';
import { outcomeOf } from '../../shared/api/job.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { JOBS, objectPath } from '../../shared/kube/resources.ts';
import { endCondition, type RawJob } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { FOREVER, step } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';
import { withNamespace } from '../support/with-controller.ts';

const { announcesEnds, suspendsJobs } = await serverOfTests();
const { client, namespace } = withNamespace('job-controller');

async function create(name: string, script: string, more: object = {}): Promise<void> {
  const template = { spec: { restartPolicy: 'Never', containers: [step('main', script)] } };
  await namespace.createObject(JOBS, { metadata: { name }, spec: { backoffLimit: 0, template, ...more } });
}

async function until(name: string, wanted: (job: RawJob) => boolean): Promise<RawJob> {
  return eventually(`the Job ${name} as wanted`, async () => {
    const job = await namespace.job(name);
    return job !== undefined && wanted(job) && job;
  });
}

const hasEnded = (job: RawJob): boolean => endCondition(job) !== undefined;

it.each([
  ['a Job that succeeds', 'good', 'true', 'succeeded', 'SuccessCriteriaMet', 'Complete'],
  ['a Job that fails', 'bad', 'exit 3', 'failed', 'FailureTarget', 'Failed'],
])('%s has one terminal condition, and one condition before it on newer servers', async (_what, ...row) => {
  const [name, script, outcome, before, end] = row;
  await create(name, script);
  const job = await until(name, hasEnded);
  const types = job.status.conditions?.filter(({ status }) => status === 'True').map(({ type }) => type);
  expect(new Set(types)).toEqual(new Set(announcesEnds ? [before, end] : [end]));
  expect(outcomeOf(toObservedJob(job)).type).toBe(outcome);
});

it('newer servers reject a status with Complete but without SuccessCriteriaMet', async () => {
  await create('unfinished', FOREVER);
  await until('unfinished', ({ status }) => status.startTime !== undefined);
  const write = async (status: unknown): Promise<string> => {
    const path = objectPath(JOBS, namespace.name, 'unfinished', 'status');
    const request = { method: 'PATCH', path, query: { dryRun: 'All' }, contentType: PATCH_TYPE.merge } as const;
    return client.request({ ...request, body: { status } }).then(
      () => 'accepted',
      (error: unknown) => (isApiError(error) ? error.code : String(error)),
    );
  };
  const complete = { conditions: [{ type: 'Complete', status: 'True' }] };
  expect(await write(complete)).toBe(announcesEnds ? 'Invalid' : 'accepted');
  // What the load tests and the benchmarks write in place of a Job controller.
  const { status } = JSON.parse(completion(new Date())) as { readonly status: object };
  expect(await write({ ...status, startTime: undefined, active: 0 })).toBe('accepted');
});

it('a suspended Job has no Pod, or runs if the server does not know the field', async () => {
  await create('held', 'true', { suspend: true });
  const isHeld = ({ status }: RawJob): boolean => status.conditions?.some(({ type }) => type === 'Suspended') === true;
  await until('held', suspendsJobs ? isHeld : hasEnded);
  const pods = (await namespace.podNames()).filter((name) => name.startsWith('held-'));
  expect(pods).toHaveLength(suspendsJobs ? 0 : 1);
});
