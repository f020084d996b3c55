/** What holds for every decision, whatever the snapshot: tried on those of the golden files. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { decide, type Snapshot } from '../../../../controller/decide/index.ts';
import { statusPatch } from '../../../../controller/report.ts';
import { CONDITION_TYPES, type Phase, type SequentialJobStatus } from '../../../../shared/api/types.ts';
import { getCondition, isTrue } from '../../../../shared/conditions.ts';
import { deepFreeze } from '../../../support/freeze.ts';

interface Input {
  readonly now: string;
  readonly snapshot: Snapshot;
}

const FOLDER = fileURLToPath(new URL('../../../golden/decide/', import.meta.url));
const inputs = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.input.yaml'))
  .map(
    (file) =>
      [file.replace('.input.yaml', ''), deepFreeze(parse(readFileSync(`${FOLDER}${file}`, 'utf8')) as Input)] as const,
  );

function written(snapshot: Snapshot, status: SequentialJobStatus | undefined): Snapshot {
  return status === undefined ? snapshot : deepFreeze({ ...snapshot, object: { ...snapshot.object, status } });
}

const EXPECTED: Readonly<Record<Exclude<Phase, 'Suspended'>, Readonly<Record<string, boolean>>>> = {
  Pending: { Available: false, Failed: false, Complete: false },
  Running: { Available: false, Failed: false, Complete: false, Progressing: true },
  Completed: { Available: true, Failed: false, Complete: true, Progressing: false },
  Failed: { Available: false, Failed: true, Complete: false, Progressing: false },
};

describe.each(inputs)('%s', (_name, { now, snapshot }) => {
  const nowMs = Date.parse(now);
  const decision = decide(snapshot, nowMs);
  const { status } = decision;

  it('is decided the same way each time', () => {
    expect(decide(structuredClone(snapshot), nowMs)).toStrictEqual(decision);
  });

  it('is at rest once the status is written: nothing to patch, nothing to tell, the same to do', () => {
    const later = decide(written(snapshot, status), nowMs + 60_000);
    expect(later.actions).toEqual(decision.actions);
    expect(later.requeueAfterMs).toBe(decision.requeueAfterMs);
    if (status === undefined) return;
    expect(later.events).toEqual([]);
    // An object without its finalizer has not begun: its status is not written before it has.
    expect(statusPatch({ ...snapshot.object, status }, later.status ?? {})).toBeUndefined();
  });

  it('has conditions that agree with each other and with the phase', () => {
    if (status === undefined) return;
    const { phase, conditions } = status;
    expect(conditions?.map(({ type }) => type)).toEqual([...CONDITION_TYPES]);
    for (const condition of conditions ?? []) {
      expect(condition.observedGeneration).toBe(snapshot.object.metadata.generation);
      expect(condition.reason).toMatch(/^[A-Za-z]+$/);
      expect(condition.message).not.toBe('');
    }
    if (phase === undefined || phase === 'Suspended') throw new Error(`not expected here: ${phase}`);
    for (const [type, expected] of Object.entries(EXPECTED[phase])) {
      expect([type, isTrue(conditions, type as 'Failed')]).toEqual([type, expected]);
    }
    expect(status.completionTime !== undefined).toBe(phase === 'Completed' || phase === 'Failed');
  });

  it('counts its steps right', () => {
    if (status === undefined) return;
    const { steps = [], state, progress } = status;
    const count = (one: string): number => steps.filter((step) => step.state === one).length;
    expect(state).toEqual({ active: count('Running'), succeeded: count('Succeeded'), failed: count('Failed') });
    expect(steps.map(({ index }) => index)).toEqual(steps.map((_, i) => i));
    expect(steps.slice(0, -1).every((step) => step.state === 'Succeeded')).toBe(true);
    expect(progress?.completedIndices).toHaveLength(count('Succeeded'));
    expect(progress?.summary).toBe(`${count('Succeeded')}/${snapshot.object.spec.containers.length}`);
    expect(progress?.failedIndex === undefined || getCondition(status.conditions, 'Failed')?.status === 'True').toBe(
      true,
    );
  });
});
