/** What holds for every decision, whatever the snapshot: tried on all of the golden files at once. */
import { describe, expect, it } from '@jest/globals';
import { type Decision, decide, type Snapshot } from '../../../../controller/decide/index.ts';
import { statusPatch } from '../../../../controller/status-patch.ts';
import {
  CONDITION_TYPES,
  type ConditionType,
  type Phase,
  type SequentialJobStatus,
  type StepStatus,
} from '../../../../shared/api/types.ts';
import { isTrue } from '../../../../shared/conditions.ts';
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
  Finishing: { Available: false, Failed: false, Complete: false, Suspended: false, Progressing: true },
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
  Finishing: 'InProgress',
  Suspended: 'InProgress',
  Completed: 'Current',
  Failed: 'Failed',
};

interface Case {
  readonly name: string;
  readonly snapshot: Snapshot;
  readonly nowMs: number;
  readonly decision: Decision;
}

const CASES: readonly Case[] = goldenDecisions().map(({ name, input: { now, snapshot } }) => {
  const nowMs = Date.parse(now);
  return { name, snapshot, nowMs, decision: decide(snapshot, nowMs) };
});

/** Checks every case. `check` says whether the case had something to check: that some had is checked too. */
function expectOfAll(check: (one: Case) => boolean): void {
  const checked = CASES.filter((one) => {
    try {
      return check(one);
    } catch (error) {
      throw new Error(`it does not hold where ${one.name}`, { cause: error });
    }
  });
  expect(checked).not.toEqual([]);
}

/** The same of the cases that write a status. */
function expectOfStatuses(check: (one: Case, status: SequentialJobStatus, steps: Steps) => boolean): void {
  expectOfAll((one) => {
    const { status } = one.decision;
    return status !== undefined && check(one, status, stepsOf(status));
  });
}

interface Steps {
  readonly started: readonly StepStatus[];
  readonly indicesOf: (state: StepStatus['state']) => readonly number[];
}

function stepsOf({ steps = [] }: SequentialJobStatus): Steps {
  return {
    started: steps.filter(({ state }) => state !== 'Skipped'),
    indicesOf: (wanted) => steps.filter(({ state }) => state === wanted).map(({ index }) => index),
  };
}

describe('a decision', () => {
  it('is deterministic', () => {
    expectOfAll(({ snapshot, nowMs, decision }) => {
      expect(decide(structuredClone(snapshot), nowMs)).toStrictEqual(decision);
      return true;
    });
  });

  it('is stable after the status is written, until the time that it asked to be requeued at', () => {
    expectOfAll(({ snapshot, nowMs, decision }) => {
      const { status, requeueAfterMs = DAY_MS } = decision;
      // What is due at once is for the next reconcile.
      if (requeueAfterMs === 0) return false;
      const later = decide(written(snapshot, status), nowMs + requeueAfterMs - 1);
      expect(later.actions).toEqual(decision.actions);
      expect(later.requeueAfterMs === undefined).toBe(decision.requeueAfterMs === undefined);
      if (status === undefined) return false;
      expect(later.events).toEqual([]);
      // An object without its finalizer has not begun: its status is not written before it has.
      expect(statusPatch({ ...snapshot.object, status }, later.status ?? {})).toBeUndefined();
      return true;
    });
  });

  it('has the same requeue time after the status is written', () => {
    expectOfAll(({ snapshot, nowMs, decision: { status, requeueAfterMs } }) => {
      if (requeueAfterMs === 0) return false;
      expect(decide(written(snapshot, status), nowMs).requeueAfterMs).toBe(requeueAfterMs);
      return requeueAfterMs !== undefined;
    });
  });

  it('has no action on the Job of a step before the earlier steps have ended', () => {
    expectOfAll(({ snapshot, decision: { status, actions } }) => {
      const { started, indicesOf } = stepsOf(status ?? {});
      const next =
        status?.finally === undefined ? started.length : snapshot.object.spec.steps.length + status.finally.length;
      const wanted = actions.flatMap((action) => (action.type === 'CreateJob' ? [action.position] : []));
      expect(wanted).toEqual(wanted.map(() => next));
      if (wanted.length > 0) expect(indicesOf('Running')).toEqual([]);
      return wanted.length > 0;
    });
  });
});

describe('a status', () => {
  it('has conditions that are consistent with each other and with the phase', () => {
    expectOfStatuses(({ snapshot }, status) => {
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
      return true;
    });
  });

  it('has correct counts of steps', () => {
    expectOfStatuses(({ snapshot }, status, { started, indicesOf }) => {
      const { state, progress, phase, conditions } = status;
      expect(state).toEqual({
        // A step that stands still has no Pod.
        active: phase === 'Suspended' ? 0 : indicesOf('Running').length,
        succeeded: indicesOf('Succeeded').length,
        failed: indicesOf('Failed').length,
      });
      expect(progress?.completedIndices).toEqual(indicesOf('Succeeded'));
      // The last step may have been taken out of the spec after its Job was made.
      const total = Math.max(started.length, snapshot.object.spec.steps.length);
      expect(progress?.summary).toBe(`${indicesOf('Succeeded').length}/${total}`);
      // While the steps of finally run, the failure is recorded, and the sequence has not failed yet.
      const mayHaveFailed = isTrue(conditions, 'Failed') || status.finally !== undefined;
      expect(progress?.failedIndex === undefined || mayHaveFailed).toBe(true);
      return started.length > 0;
    });
  });

  it('has its steps in order: the started ones without a gap, of which only the last may be running', () => {
    expectOfStatuses(({ snapshot }, _status, { started }) => {
      const before = started.slice(0, -1);
      expect(started.map(({ index }) => index)).toEqual(started.map((_, i) => i));
      expect(before.every(({ state }) => state === 'Succeeded' || state === 'Failed')).toBe(true);
      const passedOver = before.filter(({ state }) => state === 'Failed');
      const { steps } = snapshot.object.spec;
      expect(passedOver.map(({ name }) => steps.find((one) => one.name === name)?.onFailure)).toEqual(
        passedOver.map(() => 'Continue'),
      );
      expect(new Set(started.map(({ jobUID }) => jobUID)).size).toBe(started.length);
      return passedOver.length > 0;
    });
  });

  it('has all steps after the failed one as Skipped, and no others', () => {
    expectOfStatuses(({ snapshot }, { startTime, progress }, { indicesOf }) => {
      const failedIndex = startTime === undefined ? undefined : progress?.failedIndex;
      const all = snapshot.object.spec.steps.map((_, index) => index);
      expect(indicesOf('Skipped')).toEqual(failedIndex === undefined ? [] : all.slice(failedIndex + 1));
      return indicesOf('Skipped').length > 0;
    });
  });
});
