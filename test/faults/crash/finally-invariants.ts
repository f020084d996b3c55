/** What has to be true of `finally`, whatever happened on the way. Each check throws what is wrong. */
import { expect } from '@jest/globals';
import { LABELS, OUTCOME_ANNOTATIONS } from '../../../shared/api/group.ts';
import type { SequentialJob, SequentialJobStatus } from '../../../shared/api/types.ts';
import type { Actor } from './actor.ts';
import type { History } from './history.ts';
import type { Ending } from './scenario.ts';

/** Over all versions of the object that were ever stored: its steps run after the others, and before the sequence ends. */
export function expectFinally(versions: readonly SequentialJob[]): void {
  for (const [i, { status = {} }] of versions.entries()) {
    const { finally: last, steps = [], completionTime, conditions = [] } = status;
    const isDone = conditions.some(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True');
    expect(isDone).toBe(completionTime !== undefined);
    if (last === undefined) continue;
    expect(steps.map(({ state }) => state)).not.toContain('Running');
    if (isDone) expect(last.map(({ state }) => state)).not.toContain('Running');
    const before = versions[i - 1]?.status ?? {};
    if (before.finally !== undefined && before.resumes === status.resumes) expectKept(before, status);
  }
}

/** In one attempt: what has ended stays as it is, nothing runs after the end, and the other steps end in one way. */
function expectKept(
  before: SequentialJobStatus,
  { finally: last, steps, completionTime, progress }: SequentialJobStatus,
): void {
  for (const step of before.finally ?? []) if (step.state !== 'Running') expect(last).toContainEqual(step);
  expect(steps).toEqual(before.steps);
  if (before.completionTime !== undefined)
    expect([last, completionTime]).toEqual([before.finally, before.completionTime]);
  const reasons =
    before.progress?.failureReason === undefined ? [undefined, 'FinallyFailed'] : [before.progress.failureReason];
  expect(reasons).toContain(progress?.failureReason);
}

/** The Pods of finally were told how the other steps have ended, in the words of a status. */
export function expectTold({ name, created, stage }: Actor, { told = [] }: Ending, history: History): void {
  const pods = history.podsOf(stage.namespace.name, name).map(({ last }) => last.metadata);
  const annotations = pods
    .filter(({ labels }) => labels?.[LABELS.finallyIndex] !== undefined)
    .map((pod) => pod.annotations ?? {});
  const { outcome, failedStep, failureReason, failureMessage } = OUTCOME_ANNOTATIONS;
  const said = annotations.map((one) =>
    [outcome, failedStep, failureReason].flatMap((key) => one[key] ?? []).join(' '),
  );
  // A short-lived Pod is not always seen, nor is one that a suspension has deleted the last of its step.
  expect(new Set(said)).toEqual(new Set(told));
  const versions = history.sequences.get(created?.metadata.uid ?? '') ?? [];
  const messages = versions.map(({ status }) => status?.progress?.failureMessage);
  for (const one of annotations) expect(messages).toContain(one[failureMessage]);
}
