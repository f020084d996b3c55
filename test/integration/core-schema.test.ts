/**
 * The core schema against an API server: what a container and a template may say is accepted by validation, and by the
 * CustomResourceDefinition, exactly when the server takes the Job that the controller would make of it. The cases are in
 * test/fixtures/core-schema; every difference is in its differences.yaml, with the reason, and in docs/core-schema.md.
 * Everything is sent with dryRun, and the webhook is bypassed: what it would say is said in this process.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { withDefaults } from '../../shared/api/defaults.ts';
import type { SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, JOBS, SEQUENTIAL_JOBS, type Resource } from '../../shared/kube/resources.ts';
import { formatFieldErrors, validateSequentialJob } from '../../shared/validation/index.ts';
import { BYPASSED } from '../support/admission.ts';
import { connect, Namespace } from '../support/cluster.ts';
import { type CoreCase, coreCases, coreDifferences, specOf } from '../support/core-cases.ts';
import { mixes } from '../support/core-mix.ts';

const CASES = coreCases();
const DIFFERENCES = coreDifferences();
const DIFFERING = new Set(DIFFERENCES.flatMap(({ cases }) => cases));

const MIXES = 400;
const SEED = 20_260_101;

let client: ApiClient;
let namespace: Namespace;
/** The server is Kubernetes 1 and this. */
let minor: number;
/**
 * Whether the server's schema takes an empty text for a text. 1.20 built with Go 1.18 or newer takes it for null: its
 * validator compares reflect.Values, which hold the same address for every empty text since then. Its releases don't.
 */
let takesEmptyTexts: boolean;

beforeAll(async () => {
  client = connect();
  namespace = await Namespace.create(client, 'core', BYPASSED);
  const version = await client.request<{ minor: string }>({ method: 'GET', path: '/version' });
  minor = Number.parseInt(version.minor, 10);
  const empty = { name: 'empty', container: { env: [{ name: 'A', value: '' }] } };
  takesEmptyTexts = (await judge(empty)).schema === '';
});

afterAll(async () => {
  await namespace.remove();
  await client.close();
});

/** Gives what the server says against an object, or nothing. */
async function refusal(resource: Resource, body: unknown): Promise<string> {
  try {
    await client.request({
      method: 'POST',
      path: collectionPath(resource, namespace.name),
      query: { dryRun: 'All' },
      body,
    });
    return '';
  } catch (error) {
    // A 400 is an object that can't be decoded, a 422 one that breaks a rule; everything else is a failure of the test.
    if (isApiError(error) && (error.status === 400 || error.status === 422)) return error.message;
    throw error;
  }
}

function objectOf(coreCase: CoreCase): SequentialJob {
  const spec = withDefaults(specOf(coreCase) as unknown as SequentialJobSpec);
  const metadata = {
    name: 'etl',
    namespace: namespace.name,
    uid: '00000000-0000-0000-0000-000000000001',
    resourceVersion: '1',
  };
  return { apiVersion: 'batch.example.com/v1alpha1', kind: 'SequentialJob', metadata, spec };
}

interface Verdict {
  /** What validation says, and what the definition's schema and the server of Jobs do; nothing where they accept. */
  readonly ours: string;
  readonly schema: string;
  readonly theirs: string;
}

async function judge(coreCase: CoreCase): Promise<Verdict> {
  const object = objectOf(coreCase);
  const faults = validateSequentialJob(object);
  const { name } = object.metadata;
  return {
    ours: faults.length === 0 ? '' : formatFieldErrors(faults),
    schema: await refusal(SEQUENTIAL_JOBS, { ...object, metadata: { name }, spec: specOf(coreCase) }),
    theirs: await refusal(JOBS, buildJob(object, 0, 0)),
  };
}

const EMPTY_TEXT = /[\w.]+: Invalid value: "null": [\w.]+ in body must be of type string: "null"/g;

/** What the schema says against an object that validation takes, but for the server's fault with empty texts. */
function contradiction({ ours, schema }: Verdict): string {
  if (ours !== '' || takesEmptyTexts) return ours === '' ? schema : '';
  const rest = schema.slice(schema.indexOf(': ') + 1).replaceAll(EMPTY_TEXT, '');
  return /^[[\], ]*$/.test(rest) ? '' : schema;
}

/** The difference that is expected of a case on this server. */
const expected = (name: string): boolean | undefined =>
  DIFFERENCES.find(({ cases, before = Infinity }) => cases.includes(name) && minor < before)?.weTake;

test.each(CASES.map((coreCase) => [coreCase.name, coreCase] as const))('%s', async (name, coreCase) => {
  const verdict = await judge(coreCase);
  const weTake = verdict.ours === '';
  const difference = weTake === (verdict.theirs === '') ? undefined : weTake;
  expect({ ...verdict, difference }).toMatchObject({ difference: expected(name) });
  // The definition is a part of validation: what validation takes the server stores.
  expect(contradiction(verdict)).toBe('');
});

test('every difference is of a case, and has one reason', () => {
  const names = new Set(CASES.map(({ name }) => name));
  const listed = DIFFERENCES.flatMap(({ cases }) => cases);
  expect(listed.filter((name) => !names.has(name))).toEqual([]);
  expect(new Set(listed).size).toBe(listed.length);
});

test('manifests put together from the cases are judged alike, without a difference', async () => {
  const alike = CASES.filter(({ name }) => !DIFFERING.has(name));
  const isGood = (coreCase: CoreCase): boolean => validateSequentialJob(objectOf(coreCase)).length === 0;
  const parts = { good: alike.filter(isGood), bad: alike.filter((coreCase) => !isGood(coreCase)) };
  const differences: unknown[] = [];
  let taken = 0;
  for (const mix of mixes(parts, MIXES, SEED)) {
    const verdict = await judge(mix);
    const weTake = verdict.ours === '';
    if (weTake) taken += 1;
    if (weTake !== (verdict.theirs === '') || contradiction(verdict) !== '') differences.push([mix.name, verdict]);
  }
  expect(differences).toEqual([]);
  expect(taken).toBeGreaterThan(MIXES / 4);
  expect(MIXES - taken).toBeGreaterThan(MIXES / 4);
});
