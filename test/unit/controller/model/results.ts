/** Steps that refer to the results of steps before them, and what must be in the status and on the Jobs for that. */
import { isDeepStrictEqual } from 'node:util';
import { RESULT_PREFIX } from '../../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobSpec, SequentialJobStatus, Step } from '../../../../shared/api/types.ts';
import type { StepPlace } from '../../../../shared/jobs/position.ts';
import { isReferenced } from '../../../../shared/jobs/results.ts';
import type { Stored } from '../../../support/fake-api.ts';
import type { RawJob } from './cluster.ts';
import { broken } from './promises.ts';

/** What the Pods of this Job hand on. */
export const resultOf = (jobUID: string): string => `of ${jobUID}\n`;

const START = `metadata.annotations['${RESULT_PREFIX}`;

/** A step refers to the one before it, and to the first one; a step of `finally` only to that. */
export function references({ list, index }: StepPlace): Pick<Step, 'env'> {
  const before = index === 0 ? [] : [...new Set([`s${index - 1}`, 's0'])];
  const names = list === 'finally' ? ['s0'] : before;
  return {
    env: names.map((name) => ({ name: `OF_${name}`, valueFrom: { fieldRef: { fieldPath: `${START}${name}']` } } })),
  };
}

/** With the references to a step that has another name now. */
export const renamed = (spec: SequentialJobSpec, from: string, to: string): SequentialJobSpec =>
  JSON.parse(
    JSON.stringify(spec).replaceAll(`${RESULT_PREFIX}${from}'`, `${RESULT_PREFIX}${to}'`),
  ) as SequentialJobSpec;

interface WithAnnotations {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** A Job carries the results that its container refers to, and no others. They are on record before it is created. */
export function* jobFaults(
  { metadata, spec }: RawJob,
  status: SequentialJobStatus | undefined,
  hasCompleted: (step: string) => boolean,
): Generator<string> {
  const env = (spec.template.spec.containers[0] as Step | undefined)?.env ?? [];
  const paths = env.flatMap(({ valueFrom }) => valueFrom?.fieldRef?.fieldPath ?? []);
  const names = new Set(paths.filter((path) => path.startsWith(START)).map((path) => path.slice(START.length, -2)));
  const recorded = (status?.steps ?? []).filter(({ name, result }) => names.has(name) && result !== undefined);
  const wanted = Object.fromEntries(recorded.map(({ name, result }) => [`${RESULT_PREFIX}${name}`, result]));
  const ended = new Set((status?.steps ?? []).flatMap(({ name, state }) => (state === 'Running' ? [] : name)));
  for (const name of names) {
    if (hasCompleted(name) && !ended.has(name))
      yield broken('results', `${metadata.name} was created before the end of ${name} was on record`);
  }
  const { annotations = {} } = (spec.template as WithAnnotations).metadata ?? {};
  const found = Object.fromEntries(Object.entries(annotations).filter(([key]) => key.startsWith(RESULT_PREFIX)));
  if (!isDeepStrictEqual(found, wanted))
    yield broken('results', `${metadata.name} has ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

/** A step is recorded with the result of its own Job's Pod, if that exists, and never changes it. */
export function* statusFaults(
  before: SequentialJob,
  { status }: SequentialJob,
  { spec, pods }: { readonly spec: SequentialJobSpec; readonly pods: readonly Stored[] },
): Generator<string> {
  for (const { jobUID = '', jobName, name, state, result } of status?.steps ?? []) {
    const old = before.status?.steps?.find((one) => one.jobUID === jobUID && one.state === 'Succeeded');
    if (result !== undefined && (state !== 'Succeeded' || result !== resultOf(jobUID)))
      yield broken('results', `${state} ${jobName} has ${result}`);
    if (old !== undefined && old.result !== result) yield broken('results', `${jobName} had ${old.result}`);
    const isLost = old === undefined && state === 'Succeeded' && result === undefined && isReferenced(spec, name);
    if (isLost && pods.some((pod) => hasSucceeded(pod, jobUID)))
      yield broken('results', `${jobName} has none, and its Pod is there`);
  }
}

function hasSucceeded({ metadata, status }: Stored & { readonly status?: unknown }, jobUID: string): boolean {
  const isItsOwn = metadata.ownerReferences?.some(({ uid }) => uid === jobUID) === true;
  return isItsOwn && (status as { readonly phase?: string } | undefined)?.phase === 'Succeeded';
}
