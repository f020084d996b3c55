/**
 * Nothing that the API server takes is refused: what a container and a template may say is accepted by validation, and by
 * the CustomResourceDefinition, whenever this server takes the Job that the controller would make of it, but for what is
 * refused on purpose. The cases are in test/fixtures/core-schema, what is deliberate in its deliberate.yaml, with the reason,
 * and in docs/validation.md; specs from the field, some with the fields of newer releases, are in test/fixtures/recorded.
 * Everything is sent with dryRun, and the webhook is bypassed: what it would say is said in this process.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { withDefaults } from '../../shared/api/defaults.ts';
import type { SequentialJob, SequentialJobSpec } from '../../shared/api/types.ts';
import { buildJob } from '../../shared/jobs/job.ts';
import type { ApiRequest } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, JOBS, SEQUENTIAL_JOBS, type Resource } from '../../shared/kube/resources.ts';
import { formatFieldErrors, validateSequentialJob } from '../../shared/validation/index.ts';
import { BYPASSED } from '../support/admission.ts';
import { type CoreCase, coreCases, deliberateRefusals, fieldSpecs, type Json, specOf } from '../support/core-cases.ts';
import { mixes } from '../support/core-mix.ts';
import { manifest } from '../support/sequences.ts';
import { serverOfTests } from '../support/server-features.ts';
import { withNamespace } from '../support/with-controller.ts';

const { minor, validatesStrictly } = await serverOfTests();
const { client, namespace } = withNamespace('core', BYPASSED);

const CASES = coreCases();
const DELIBERATE = deliberateRefusals();
const FIELD = fieldSpecs();

const MIXES = 400;
const SEED = 20_260_101;

/**
 * Whether the server's schema accepts an empty string. 1.20 built with Go 1.18 or newer takes it for null: its validator
 * compares reflect.Values, which hold the same address for every empty string since then. Its releases do not.
 */
let acceptsEmptyStrings: boolean;

beforeAll(async () => {
  const empty = { name: 'empty', container: { env: [{ name: 'A', value: '' }] } };
  acceptsEmptyStrings = (await verdictOf(specOf(empty))).schema === '';
});

type Query = NonNullable<ApiRequest['query']>;

/** Gives what the server says against an object, or nothing. */
async function refusal(resource: Resource, body: unknown, query: Query = {}): Promise<string> {
  try {
    const path = collectionPath(resource, namespace.name);
    await client.request({ method: 'POST', path, query: { dryRun: 'All', ...query }, body });
    return '';
  } catch (error) {
    // A 400 is an object that can't be decoded, a 422 one that breaks a rule; everything else is a failure of the test.
    if (isApiError(error) && (error.status === 400 || error.status === 422)) return error.message;
    throw error;
  }
}

function objectOf(written: Json): SequentialJob {
  const spec = withDefaults(written as unknown as SequentialJobSpec);
  const uid = '00000000-0000-0000-0000-000000000001';
  return manifest('etl', spec, { namespace: namespace.name, uid, resourceVersion: '1' }) as unknown as SequentialJob;
}

interface Verdict {
  /** What validation says, and what the definition's schema and the server of Jobs do; nothing where they accept. */
  readonly ours: string;
  readonly schema: string;
  readonly theirs: string;
}

/** Of each case, by its name. */
const verdicts = new Map<string, Verdict>();

async function judgeOnce(coreCase: CoreCase): Promise<Verdict> {
  const verdict = verdicts.get(coreCase.name) ?? (await verdictOf(specOf(coreCase)));
  verdicts.set(coreCase.name, verdict);
  return verdict;
}

async function verdictOf(spec: Json): Promise<Verdict> {
  const object = objectOf(spec);
  const faults = validateSequentialJob(object);
  return {
    ours: faults.length === 0 ? '' : formatFieldErrors(faults),
    schema: await refusal(SEQUENTIAL_JOBS, manifest('etl', spec)),
    theirs: await refusal(JOBS, jobOf(object)),
  };
}

/**
 * The Job of the first step with all volumes, claims, labels and annotations of the template: buildJob leaves out what no
 * container of a case uses and what is reserved, and the server would not judge that.
 */
function jobOf(object: SequentialJob): object {
  const job = buildJob(object, 0, 0);
  const { spec, metadata: built = {} } = job.spec.template;
  const { volumes, resourceClaims } = (object.spec.template?.spec ?? {}) as Json;
  const { labels, annotations } = (object.spec.template?.metadata ?? {}) as Readonly<Record<string, object>>;
  const metadata = {
    labels: { ...labels, ...built.labels },
    annotations: { ...annotations, ...built.annotations },
  };
  const whole = {
    ...spec,
    ...(volumes !== undefined && { volumes }),
    ...(resourceClaims !== undefined && { resourceClaims }),
  };
  return { ...job, spec: { ...job.spec, template: { metadata, spec: whole } } };
}

const EMPTY_STRING = /[\w./-]+: Invalid value: "null": [\w./-]+ in body must be of type string: "null"/g;

/** What the definition says against an object, but for the server's error with empty strings. */
function refusedBySchema({ schema }: Verdict): string {
  if (acceptsEmptyStrings) return schema;
  const rest = schema.slice(schema.indexOf(': ') + 1).replaceAll(EMPTY_STRING, '');
  return /^[[\], ]*$/.test(rest) ? '' : schema;
}

/** Everything that is said here against what the server takes; nothing where it is taken here too, or by nobody. */
function contradictions(verdict: Verdict): readonly string[] {
  if (verdict.theirs !== '') return [];
  return [verdict.ours, refusedBySchema(verdict)].filter((says) => says !== '');
}

/** Whether a case is refused here on purpose although this server takes it. */
const isDeliberate = (name: string): boolean =>
  DELIBERATE.some(({ cases, before = Infinity }) => cases.includes(name) && minor < before);

describe('what the server accepts is accepted by validation, or rejected deliberately', () => {
  it.each(CASES.map((coreCase) => [coreCase.name, coreCase] as const))('%s', async (name, coreCase) => {
    const verdict = await judgeOnce(coreCase);
    const says = contradictions(verdict);
    expect({ ...verdict, isRefused: says.length > 0 }).toMatchObject({ isRefused: isDeliberate(name) });
  });

  it('combinations of cases, too', async () => {
    const good: CoreCase[] = [];
    for (const coreCase of CASES) {
      if (!isDeliberate(coreCase.name) && (await judgeOnce(coreCase)).theirs === '') good.push(coreCase);
    }
    const refused: unknown[] = [];
    let taken = 0;
    for (const mix of mixes({ good, bad: good }, MIXES, SEED)) {
      const verdict = await verdictOf(specOf(mix));
      if (verdict.theirs === '') taken += 1;
      if (contradictions(verdict).length > 0) refused.push([mix.name, verdict]);
    }
    expect(refused).toEqual([]);
    // Some parts can't stand together, on any server.
    expect(taken).toBeGreaterThan(MIXES / 2);
  });
});

it('what validation accepts is accepted by the CRD, and the server stores it', async () => {
  const refused: unknown[] = [];
  for (const coreCase of CASES) {
    const verdict = await judgeOnce(coreCase);
    if (verdict.ours === '' && refusedBySchema(verdict) !== '') refused.push([coreCase.name, verdict]);
  }
  expect(refused).toEqual([]);
});

it.each(FIELD)('a field that the server accepts is accepted by validation: %s', async (_name, spec) => {
  expect(contradictions(await verdictOf(spec))).toEqual([]);
});

it('what the server accepts with strict field validation is accepted by the CRD, so that no field is missing', async () => {
  const strict = { fieldValidation: 'Strict' };
  const cases = CASES.filter(({ name }) => !isDeliberate(name)).map((one) => [one.name, specOf(one)] as const);
  const refused: unknown[] = [];
  let taken = 0;
  for (const [name, spec] of validatesStrictly ? [...cases, ...FIELD] : []) {
    if ((await refusal(JOBS, jobOf(objectOf(spec)), strict)) !== '') continue;
    taken += 1;
    const schema = await refusal(SEQUENTIAL_JOBS, manifest('etl', spec), strict);
    if (schema !== '') refused.push([name, schema]);
  }
  expect(refused).toEqual([]);
  expect(taken > 0).toBe(validatesStrictly);
});
