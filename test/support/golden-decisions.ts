/** The inputs of test/golden/decide: snapshots of every state that a sequence can be in. */
import type { Snapshot } from '../../controller/decide/index.ts';
import type { Condition, SequentialJobStatus } from '../../shared/api/types.ts';
import { deepFreeze } from './freeze.ts';
import { Golden } from './golden.ts';

export interface GoldenInput {
  /** RFC 3339. */
  readonly now: string;
  readonly snapshot: Snapshot;
}

export const DECISIONS = new Golden('decide');

/** All of them, frozen, each with the name of its file. */
export function goldenDecisions(): readonly { readonly name: string; readonly input: GoldenInput }[] {
  return DECISIONS.names.map((name) => {
    const { now, object, ...more } = DECISIONS.given(name) as { readonly now: string } & Snapshot;
    const { status } = object;
    const whole = status === undefined ? object : { ...object, status: dated(status) };
    return { name, input: { now, snapshot: deepFreeze({ object: whole, ...more }) } };
  });
}

/** In the files, a condition is of the generation that the status is of, where no other is named. */
function dated(status: SequentialJobStatus): SequentialJobStatus {
  const { observedGeneration, conditions } = status;
  if (conditions === undefined || observedGeneration === undefined) return status;
  const atGeneration = (condition: Condition): Condition => ({ observedGeneration, ...condition });
  return { ...status, conditions: conditions.map(atGeneration) };
}

/** As it is written in the files. */
export function undated(status: SequentialJobStatus | undefined): unknown {
  const conditions = status?.conditions?.map(({ observedGeneration, ...rest }) =>
    observedGeneration === status.observedGeneration
      ? rest
      : { observedGeneration: observedGeneration ?? 'none', ...rest },
  );
  return conditions === undefined ? status : { ...status, conditions };
}
