/** Updates the snapshot of a schedule with answers of the API server. */
import type { SequentialJob } from '../../../shared/api/types.ts';
import type { Run, RunFinding, ScheduleSnapshot } from '../decide/types.ts';
import { toRun } from '../runs.ts';

/** Adds the run to the snapshot, in place of its earlier state. */
export function withRun(snapshot: ScheduleSnapshot, object: SequentialJob): ScheduleSnapshot {
  return { ...snapshot, runs: [...withoutRun(snapshot, object.metadata).runs, toRun(object)] };
}

export function withoutRun(snapshot: ScheduleSnapshot, { uid }: Pick<Run, 'uid'>): ScheduleSnapshot {
  return { ...snapshot, runs: snapshot.runs.filter((run) => run.uid !== uid) };
}

export function withFinding(snapshot: ScheduleSnapshot, name: string, finding: RunFinding): ScheduleSnapshot {
  return { ...snapshot, findings: { ...snapshot.findings, [name]: finding } };
}
