/**
 * Containers and templates from the field, right ones and wrong ones of each kind, to be judged by validation and, as
 * those of a Job, by an API server. The data is in test/fixtures/core-schema: one file for each concern, each case named by
 * a sentence, with what it adds to a plain step (`container`), to the Pod (`pod`) or to the template's metadata. What the
 * verdicts are is not written down: the API server says it. What we refuse although a server takes it is in
 * `deliberate.yaml`, with the reason.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { toV1beta1Spec } from '../../shared/conversion/index.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface CoreCase {
  readonly name: string;
  readonly container?: Json;
  readonly pod?: Json;
  readonly metadata?: Json;
}

/** Cases that validation refuses on purpose, for one reason. */
export interface DeliberateRefusal {
  readonly reason: string;
  /** Only servers before this minor release of Kubernetes 1 take them. */
  readonly before?: number;
  readonly cases: readonly string[];
}

export const FOLDER = join(import.meta.dirname, '../fixtures/core-schema');
const DELIBERATE = 'deliberate.yaml';

const read = (file: string): unknown => parse(readFileSync(join(FOLDER, file), 'utf8'));

/** All cases, by file and in order. Throws when two have the same name. */
export function coreCases(): readonly CoreCase[] {
  const files = readdirSync(FOLDER).filter((file) => file !== DELIBERATE);
  const cases = files.flatMap((file) =>
    Object.entries(read(file) as Readonly<Record<string, Omit<CoreCase, 'name'>>>).map(([name, parts]) =>
      Object.assign({ name }, parts),
    ),
  );
  const names = cases.map(({ name }) => name);
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  if (repeated.length > 0) throw new Error(`cases of the same name: ${repeated.join(', ')}`);
  return cases;
}

export const deliberateRefusals = (): readonly DeliberateRefusal[] => read(DELIBERATE) as readonly DeliberateRefusal[];

/** The spec of a sequence of one step, in v1beta1. */
export function specOf({ container, pod, metadata }: Omit<CoreCase, 'name'>): Json {
  const template = { ...(metadata === undefined ? {} : { metadata }), ...(pod === undefined ? {} : { spec: pod }) };
  return { steps: [{ name: 'load', image: 'busybox:1.36', ...container }], template };
}

/** What a server of some release said of a spec; nothing where it took the Job of its first step. */
interface FieldVerdict {
  readonly spec: Json;
  readonly server: string;
}

const RECORDED = join(import.meta.dirname, '../fixtures/recorded/v1.36.3');
const recorded = (file: string): unknown => JSON.parse(readFileSync(join(RECORDED, file), 'utf8'));

/** What a Kubernetes 1.36.3 said of each case, by its name; nothing where it took the Job. */
export const recordedCoreVerdicts = (): Readonly<Record<string, string>> =>
  recorded('verdicts-core.json') as Readonly<Record<string, string>>;

/** What it said of specs from the field, which were written in v1alpha1 and are in v1beta1 here, by what they show. */
export const recordedFieldVerdicts = (): Readonly<Record<string, FieldVerdict>> =>
  Object.fromEntries(
    Object.entries(recorded('verdicts-field.json') as Readonly<Record<string, FieldVerdict>>).map(
      ([says, { spec, server }]) => [says, { spec: toV1beta1Spec(spec) as Json, server }],
    ),
  );

/** The specs from the field, with what they show. */
export const fieldSpecs = (): readonly (readonly [says: string, spec: Json])[] =>
  Object.entries(recordedFieldVerdicts()).map(([says, { spec }]) => [says, spec] as const);
