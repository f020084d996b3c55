/** What has to be true of a sequence in the end, whatever happened on the way. Each check throws what is wrong. */
import { expect } from '@jest/globals';
import { FINALIZER, LABELS } from '../../../shared/api/group.ts';
import { toTimestamp } from '../../../shared/api/time.ts';
import type {
  Condition,
  SequentialJob,
  SequentialJobStatus,
  StepState,
  StepStatus,
} from '../../../shared/api/types.ts';
import { CONTROLLER_REVISIONS } from '../../../shared/kube/resources.ts';
import type { RawJob } from '../../support/cluster.ts';
import { eventually } from '../../support/eventually.ts';
import type { Actor } from './actor.ts';
import type { History, JobLife, Life } from './history.ts';
import { expectFinally, expectTold } from './finally-invariants.ts';
import type { Ending } from './scenario.ts';

/** The sequence has come to this end, and the API server's own record of the way there is as it should be. */
export async function expectEnding(actor: Actor, ending: Ending, history: History): Promise<void> {
  const { name, stage } = actor;
  const uid = actor.created?.metadata.uid ?? '';
  if (ending.phase === undefined) await expectNothingLeft(actor, uid);
  else expectDone(await stage.namespace.get(name), ending);
  const jobs = await seen(actor, ending, history);
  expect(jobs.map(({ last }) => last.metadata.name)).toEqual(ending.jobs.map((tail) => `${name}-${tail}`));
  expectOneAfterAnother(jobs, 'Jobs');
  expectClaims(actor, ending, jobs, history);
  expectPods(actor, ending, jobs, history);
  const versions = history.sequences.get(uid) ?? [];
  expectSteady(versions);
  expectFinally(versions);
  expectTold(actor, ending, history);
  if (ending.phase !== undefined) await expectRecord(actor, jobs);
}

/** All Jobs that were ever made, once the watch has brought them: each deletion too, where all is to be gone. */
async function seen({ name, stage }: Actor, { phase, jobs }: Ending, history: History): Promise<readonly JobLife[]> {
  const lives = (): readonly JobLife[] => history.jobsOf(stage.namespace.name, name);
  await eventually(`the watch that shows the Jobs of ${name}`, () => {
    const settled = lives().filter(({ ended, isGone }) => (phase === undefined ? isGone : ended !== undefined));
    return settled.length >= jobs.length;
  });
  return lives();
}

async function expectNothingLeft(actor: Actor, uid: string): Promise<void> {
  const { namespace } = actor.stage;
  expect(await namespace.jobNames(actor.name)).toEqual([]);
  await namespace.untilNoPods(actor.name);
  const labelSelector = `${LABELS.uid}=${uid}`;
  expect(await namespace.list(CONTROLLER_REVISIONS, { labelSelector })).toEqual([]);
}

const TRUE_AT_THE_END = { Completed: ['Available', 'Complete'], Failed: ['Failed', 'Stalled'] } as const;

function expectDone({ metadata, status, spec }: SequentialJob, { phase = 'Failed', resumes, ...ending }: Ending): void {
  expect(metadata.finalizers).toEqual([FINALIZER]);
  expect(status).toMatchObject({
    phase,
    observedGeneration: metadata.generation,
    resumes: resumes ?? spec.resume ?? 0,
  });
  const conditions = status?.conditions ?? [];
  expect(conditions.filter(isSet).map(({ type }) => type)).toEqual(TRUE_AT_THE_END[phase]);
  expect(conditions.map(({ observedGeneration }) => observedGeneration)).toEqual(
    conditions.map(() => metadata.generation),
  );
  const reasons = conditions.map(({ reason }) => reason);
  expect(reasons).not.toContain('ReconciliationError');
  for (const list of ['steps', 'finally'] as const) {
    const said = status?.[list]?.map(inWords);
    expect(said?.map((words, i) => words.slice(0, ending[list]?.[i]?.length))).toEqual(ending[list]);
  }
  const count = (state: string): number => (status?.steps ?? []).filter((one) => one.state === state).length;
  expect(status?.state).toEqual({ active: 0, succeeded: count('Succeeded'), failed: count('Failed') });
  expect(status?.progress?.summary).toBe(`${count('Succeeded')}/${spec.steps.length}`);
  expectInOrder(status?.startTime, status?.completionTime);
}

const isSet = ({ status }: Condition): boolean => status === 'True';

function inWords({ index, state, exitCode, message }: StepStatus): string {
  const said = exitCode === undefined ? [] : [exitCode, ...(message === undefined ? [] : [message.trim()])];
  return [index, state, ...said].join(' ');
}

/** Timestamps that are all there, none before the one before it, and none in the future. */
function expectInOrder(...times: readonly (string | undefined)[]): void {
  const all = [...times, toTimestamp(Date.now())].map((time) => Date.parse(time ?? 'never'));
  expect(all).not.toContain(Number.NaN);
  expect(all).toEqual([...all].sort((a, b) => a - b));
}

/** Each was made after the one before it had ended. */
function expectOneAfterAnother(
  lives: readonly Life<{ readonly metadata: { readonly name: string } }>[],
  what: string,
): void {
  const order = lives.map(({ created }) => created);
  expect(order).toEqual([...order].sort((a, b) => a - b));
  for (const [i, { created, last }] of lives.entries()) {
    const before = lives[i - 1];
    if (before !== undefined && !(before.ended !== undefined && before.ended < created))
      throw new Error(`${what} overlap: ${last.metadata.name} was made before ${before.last.metadata.name} had ended`);
  }
}

/** Each was created once, before the first Job, and is the sequence's own. */
function expectClaims(
  { name, stage, created }: Actor,
  ending: Ending,
  jobs: readonly JobLife[],
  history: History,
): void {
  const claims = history.claimsOf(stage.namespace.name, name);
  expect(claims).toHaveLength(ending.claims ?? 0);
  for (const claim of claims) {
    expect(claim.last.metadata.ownerReferences).toMatchObject([{ uid: created?.metadata.uid, controller: true }]);
    expect(claim.created).toBeLessThan(jobs[0]?.created ?? 0);
  }
}

/** No Pod without one of these Jobs, no Job with another one than it should have, no two at once. */
function expectPods({ name, stage }: Actor, ending: Ending, jobs: readonly JobLife[], history: History): void {
  const wanted = (ending.pods ?? ending.jobs).map((tail) => `${name}-${tail}`);
  const names = new Map(jobs.map(({ last }) => [last.metadata.uid, last.metadata.name]));
  const pods = history.podsOf(stage.namespace.name, name);
  const owners = pods.map(({ last }) => names.get(last.metadata.ownerReferences?.[0]?.uid ?? ''));
  expect(owners).toEqual(wanted.slice(0, owners.length));
  expect(owners.length).toBeGreaterThanOrEqual(wanted.length - 1);
  expectOneAfterAnother(pods, 'Pods');
}

/** Over all versions of the object that were ever stored: what is over stays as it is, and times move only for a reason. */
function expectSteady(versions: readonly SequentialJob[]): void {
  for (const [i, { status }] of versions.entries()) {
    const before = versions[i - 1]?.status;
    if (before === undefined || status === undefined) continue;
    expectConditionsFlip(before, status);
    expect(status.startTime ?? before.startTime).toBe(before.startTime ?? status.startTime);
    // A new object says no more than observedGeneration: -1.
    expect(status.resumes ?? 0).toBeGreaterThanOrEqual(before.resumes ?? 0);
    expect(status.observedGeneration).toBeGreaterThanOrEqual(before.observedGeneration ?? 0);
    for (const step of before.steps ?? []) {
      if (step.state === 'Succeeded') expect(status.steps).toContainEqual(step);
    }
  }
}

function expectConditionsFlip(before: SequentialJobStatus, { conditions = [] }: SequentialJobStatus): void {
  for (const { type, status, lastTransitionTime } of conditions) {
    const known = before.conditions?.find((one) => one.type === type);
    if (known?.status === status) expect([type, lastTransitionTime]).toEqual([type, known.lastTransitionTime]);
  }
}

/** The status says of each step what its Job says, the Jobs of the last attempts are kept, and there is no other. */
async function expectRecord({ name, stage: { namespace } }: Actor, jobs: readonly JobLife[]): Promise<void> {
  const kept = await namespace.jobs(name);
  expect(kept.map(({ metadata }) => metadata.uid).sort()).toEqual(jobs.map(({ last }) => last.metadata.uid).sort());
  const { status } = await namespace.get(name);
  for (const { state, jobName, jobUID, startTime, completionTime, attempts } of [
    ...(status?.steps ?? []),
    ...(status?.finally ?? []),
  ]) {
    // A step that never got a Job has nothing to compare; which Jobs there are is known.
    if (state === 'Skipped' || (state === 'Failed' && jobUID === undefined)) continue;
    const job = jobs.find(({ last }) => last.metadata.uid === jobUID);
    expect(job?.last.metadata.name).toBe(jobName);
    // A Job controller that lags behind (1.20) writes over what it has written itself: either is the Job's own word.
    const words = [job?.atEnd, job?.last].map((one) => ownWords(state, one?.status ?? {}));
    expect(words).toContainEqual([startTime, attempts, ...(state === 'Succeeded' ? [completionTime] : [])]);
    expectInOrder(status?.startTime, startTime, completionTime, status?.completionTime);
  }
}

function ownWords(state: StepState, status: RawJob['status']): readonly unknown[] {
  const { active = 0, succeeded = 0, failed = 0, startTime, completionTime } = status;
  return [startTime, active + succeeded + failed, ...(state === 'Succeeded' ? [completionTime] : [])];
}
