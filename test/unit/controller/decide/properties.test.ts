/** What holds for every decision, whatever the snapshot: tried on those of the golden files. */
import { describe, expect, it } from '@jest/globals';
import { decide, type Snapshot } from '../../../../controller/decide/index.ts';
import { statusPatch } from '../../../../controller/report.ts';
import {
  CONDITION_TYPES,
  type ConditionType,
  type Phase,
  type SequentialJobStatus,
  type StepStatus,
} from '../../../../shared/api/types.ts';
import { getCondition, isTrue } from '../../../../shared/conditions.ts';
import { deepFreeze } from '../../../support/freeze.ts';
import { goldenDecisions } from '../../../support/golden-decisions.ts';
import { type Kstatus, kstatusOf } from '../../../support/kstatus.ts';

const DAY_MS = 86_400_000;

function written(snapshot: Snapshot, status: SequentialJobStatus | undefined): Snapshot {
  if (status === undefined) return snapshot;
  // What a preflight brought is told with the status; one that is due is still due.
  const { preflight, ...rest } = snapshot;
  const due = preflight?.type === 'due' ? { preflight } : {};
  return deepFreeze({ ...rest, ...due, object: { ...snapshot.object, status } });
}

/** What each phase says of the conditions; of one that is not named it says nothing. */
const EXPECTED: Readonly<Record<Phase, Readonly<Partial<Record<ConditionType, boolean>>>>> = {
  Pending: { Available: false, Failed: false, Complete: false, Suspended: false },
  Running: { Available: false, Failed: false, Complete: false, Suspended: false, Progressing: true },
  Suspended: {
    Available: false,
    Failed: false,
    Complete: false,
    Suspended: true,
    Progressing: false,
    ResourcesUnavailable: false,
  },
  Completed: {
    Available: true,
    Failed: false,
    Complete: true,
    Suspended: false,
    Progressing: false,
    ResourcesUnavailable: false,
  },
  Failed: {
    Available: false,
    Failed: true,
    Complete: false,
    Suspended: false,
    Progressing: false,
    ResourcesUnavailable: false,
  },
};

/** What tools that wait by kstatus are told; a sequence that has no status yet is in progress by the schema's default. */
const KSTATUS: Readonly<Record<Phase, Kstatus>> = {
  Pending: 'InProgress',
  Running: 'InProgress',
  Suspended: 'InProgress',
  Completed: 'Current',
  Failed: 'Failed',
};

describe.each(goldenDecisions())('$name', ({ input: { now, snapshot } }) => {
  const nowMs = Date.parse(now);
  const decision = decide(snapshot, nowMs);
  const { status } = decision;
  const steps = status?.steps ?? [];
  const started = steps.filter(({ state }) => state !== 'Skipped');
  const indicesOf = (wanted: StepStatus['state']): readonly number[] =>
    steps.filter(({ state }) => state === wanted).map(({ index }) => index);

  it('is decided the same way each time', () => {
    expect(decide(structuredClone(snapshot), nowMs)).toStrictEqual(decision);
  });

  it('is at rest once the status is written, until it asked to be looked at again', () => {
    const { requeueAfterMs = DAY_MS } = decision;
    // What is due at once is for the next reconcile.
    if (requeueAfterMs === 0) return;
    const later = decide(written(snapshot, status), nowMs + requeueAfterMs - 1);
    expect(later.actions).toEqual(decision.actions);
    expect(later.requeueAfterMs === undefined).toBe(decision.requeueAfterMs === undefined);
    if (status === undefined) return;
    expect(later.events).toEqual([]);
    // An object without its finalizer has not begun: its status is not written before it has.
    expect(statusPatch({ ...snapshot.object, status }, later.status ?? {})).toBeUndefined();
  });

  it('says the same of when to look again once the status is written', () => {
    if (decision.requeueAfterMs === 0) return;
    expect(decide(written(snapshot, status), nowMs).requeueAfterMs).toBe(decision.requeueAfterMs);
  });

  it('has conditions that agree with each other and with the phase', () => {
    if (status === undefined) return;
    const { phase, conditions } = status;
    const transient = { Completed: [], Failed: ['Stalled'] }[phase as string] ?? ['Reconciling'];
    expect(conditions?.map(({ type }) => type)).toEqual([...CONDITION_TYPES, ...transient]);
    expect(kstatusOf({ ...snapshot.object, status })).toBe(KSTATUS[phase ?? 'Pending']);
    for (const condition of conditions ?? []) {
      expect(condition.observedGeneration).toBe(snapshot.object.metadata.generation);
      expect(condition.reason).toMatch(/^[A-Za-z]+$/);
      expect(condition.message).not.toBe('');
    }
    if (phase === undefined) throw new Error('there is no phase');
    const said = Object.keys(EXPECTED[phase]).map((type) => [type, isTrue(conditions, type as ConditionType)]);
    expect(Object.fromEntries(said)).toEqual(EXPECTED[phase]);
    expect(status.completionTime !== undefined).toBe(phase === 'Completed' || phase === 'Failed');
  });

  it('counts its steps right', () => {
    if (status === undefined) return;
    const { state, progress, phase } = status;
    expect(state).toEqual({
      // A step that stands still has no Pod.
      active: phase === 'Suspended' ? 0 : indicesOf('Running').length,
      succeeded: indicesOf('Succeeded').length,
      failed: indicesOf('Failed').length,
    });
    expect(progress?.completedIndices).toEqual(indicesOf('Succeeded'));
    // The last step may have been taken out of the spec after its Job was made.
    const total = Math.max(started.length, snapshot.object.spec.containers.length);
    expect(progress?.summary).toBe(`${indicesOf('Succeeded').length}/${total}`);
    expect(progress?.failedIndex === undefined || getCondition(status.conditions, 'Failed')?.status === 'True').toBe(
      true,
    );
  });

  it('has its steps in order: those that were started without a gap, of which only the last may run', () => {
    expect(started.map(({ index }) => index)).toEqual(started.map((_, i) => i));
    expect(started.slice(0, -1).every(({ state }) => state === 'Succeeded' || state === 'Failed')).toBe(true);
    const passedOver = started.slice(0, -1).filter(({ state }) => state === 'Failed');
    const policies = snapshot.object.spec.stepPolicies ?? [];
    expect(passedOver.map(({ name }) => policies.find((one) => one.name === name)?.onFailure)).toEqual(
      passedOver.map(() => 'Continue'),
    );
    expect(new Set(started.map(({ jobUID }) => jobUID)).size).toBe(started.length);
  });

  it('skips the steps behind the one that failed, all of them, and no others', () => {
    const failedIndex = status?.startTime === undefined ? undefined : status.progress?.failedIndex;
    const all = snapshot.object.spec.containers.map((_, index) => index);
    expect(indicesOf('Skipped')).toEqual(failedIndex === undefined ? [] : all.slice(failedIndex + 1));
  });

  it('asks of a Job only what no earlier step is in the way of', () => {
    const wanted = decision.actions.flatMap((action) => (action.type === 'CreateJob' ? [action.index] : []));
    expect(wanted).toEqual(wanted.map(() => started.length));
    if (wanted.length > 0) expect(indicesOf('Running')).toEqual([]);
  });
});
