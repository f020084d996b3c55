/** What the answers to a dry run mean. The words are those of real servers, 1.20 and 1.36. */
import { describe, expect, it } from '@jest/globals';
import { buildJob } from '../../../../shared/jobs/job.ts';
import type { DryRunAnswer } from '../../../../shared/jobs/preflight.ts';
import { dryRunCreate } from '../../../../shared/kube/dry-run.ts';
import { type ApiError, errorFromResponse } from '../../../../shared/kube/errors.ts';
import { FakeClient } from '../../../support/fake-client.ts';
import { sequentialJob } from '../../../support/objects.ts';

const JOB = buildJob(sequentialJob(), 0, 0);

/** An answer of the API server, as it stands on the wire. */
const status = (code: number, message: string, causes: readonly unknown[] = [], reason?: string): ApiError =>
  errorFromResponse(code, JSON.stringify({ kind: 'Status', message, code, reason, details: { causes } }));

async function ask(...answers: readonly (ApiError | undefined)[]): Promise<{
  readonly answer: DryRunAnswer;
  readonly client: FakeClient;
}> {
  const client = new FakeClient({
    request: () => {
      const error = answers[client.requests.length - 1];
      if (error !== undefined) throw error;
      return undefined;
    },
  });
  return { answer: await dryRunCreate(client, JOB, { fieldManager: 'us' }), client };
}

const UNKNOWN = status(
  400,
  'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.template.spec.containers[0].foo", unknown field "spec.template.spec.bar"',
);

it('sends the create request of the Job with dryRun and strict field validation', async () => {
  const { answer, client } = await ask(undefined);
  expect(answer).toEqual({ type: 'accepted', unknownFields: [] });
  expect(client.requests).toEqual([
    {
      method: 'POST',
      path: '/apis/batch/v1/namespaces/team-a/jobs',
      query: { fieldManager: 'us', fieldValidation: 'Strict', dryRun: 'All' },
      body: JOB,
      ignoresAnswer: true,
    },
  ]);
});

it('sends it again without the fields that the server does not know', async () => {
  const { answer, client } = await ask(UNKNOWN, undefined);
  const unknownFields = ['spec.template.spec.containers[0].foo', 'spec.template.spec.bar'];
  expect(answer).toEqual({ type: 'accepted', unknownFields });
  expect(client.requests.map(({ query }) => query?.['fieldValidation'])).toEqual(['Strict', 'Ignore']);
  const second = await ask(UNKNOWN, status(422, 'Job.batch "x" is invalid: no'));
  expect(second.answer).toMatchObject({ type: 'refused', unknownFields });
});

describe('the result of a dry run', () => {
  const CAUSE = {
    reason: 'FieldValueNotFound',
    message: 'Not found: "x"',
    field: 'spec.template.spec.containers[0].x',
  };

  it.each<readonly [string, ApiError, Partial<DryRunAnswer>]>([
    [
      'AlreadyExists: accepted',
      status(409, 'jobs.batch "etl-0-extract" already exists', [], 'AlreadyExists'),
      { type: 'accepted' },
    ],
    [
      'an invalid Job: rejected',
      status(422, 'Job.batch "x" is invalid', [CAUSE]),
      { type: 'refused', refusal: { message: 'Job.batch "x" is invalid', causes: [CAUSE] } },
    ],
    [
      'denied by an admission webhook: rejected',
      status(403, 'admission webhook "p.example.com" denied the request: no'),
      { type: 'refused' },
    ],
    [
      'denied by a ValidatingAdmissionPolicy: rejected',
      status(422, `jobs.batch "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no`),
      { type: 'refused' },
    ],
    [
      'denied by a webhook whose message is like a missing permission: rejected',
      status(403, `admission webhook "p.example.com" denied the request: jobs is forbidden: User "x" may not`),
      { type: 'refused' },
    ],
    [
      'denied by a webhook with the reason Conflict: rejected',
      status(409, 'admission webhook "p.example.com" denied the request: taken', [], 'Conflict'),
      { type: 'refused' },
    ],
    [
      'a quota whose usage is unknown yet: no verdict',
      status(403, 'jobs.batch "x" is forbidden: status unknown for quota: q, resources: count/jobs.batch'),
      { type: 'unanswered', reason: 'QuotaExceeded' },
    ],
    [
      'no permission to set blockOwnerDeletion: no verdict',
      status(
        403,
        `jobs.batch "x" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: no RBAC policy matched`,
      ),
      { type: 'unanswered', reason: 'PermissionDenied' },
    ],
    [
      'a request that is too large: rejected',
      status(413, 'Request entity too large: limit is 3145728'),
      { type: 'refused' },
    ],
    [
      'a webhook that does not support dry runs: no verdict',
      status(400, 'admission webhook "nodry.example.com" does not support dry run'),
      { type: 'unanswered', reason: 'DryRunUnsupported' },
    ],
    [
      'a full quota: no verdict',
      status(
        403,
        'jobs.batch "x" is forbidden: exceeded quota: q, requested: count/jobs.batch=1, used: count/jobs.batch=0',
      ),
      { type: 'unanswered', reason: 'QuotaExceeded' },
    ],
    [
      'no permission to create Jobs: no verdict',
      status(403, 'jobs.batch is forbidden: User "nobody" cannot create resource "jobs" in API group "batch"'),
      { type: 'unanswered', reason: 'PermissionDenied' },
    ],
  ])('%s', async (_says, error, wanted) => {
    expect((await ask(error)).answer).toMatchObject(wanted);
  });

  it.each<readonly [string, ApiError]>([
    ['the server fails', status(500, 'Internal error occurred: failed calling webhook "down.example.com": refused')],
    ['a webhook fails', status(500, 'admission webhook "p.example.com" denied the request: its own API is down')],
    ['too many requests', status(429, 'slow down')],
    ['the namespace does not exist', status(404, 'namespaces "team-a" not found')],
    [
      'a namespace that is being deleted',
      status(403, 'jobs.batch "x" is forbidden: unable to create new content in namespace team-a', [
        {
          reason: 'NamespaceTerminating',
          message: 'namespace team-a is being terminated',
          field: 'metadata.namespace',
        },
      ]),
    ],
  ])('is an error that is thrown: %s', async (_says, error) => {
    await expect(ask(error)).rejects.toBe(error);
  });
});
