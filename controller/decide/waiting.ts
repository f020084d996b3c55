/** Why the current step cannot start, as the ResourcesUnavailable condition says it. */
import { MESSAGE, REASON } from '../../shared/api/reasons.ts';
import type { Obstacle } from '../../shared/api/pod.ts';
import type { Dependency } from '../../shared/jobs/dependencies.ts';
import { getCondition } from '../../shared/conditions.ts';
import { nextJobName, runningJob, runningStep } from './draft.ts';
import { obstacleOf } from './explain.ts';
import { fitMessage } from './size.ts';
import type { Context } from './types.ts';

const REASON_OF: Readonly<Record<Dependency['kind'], string>> = {
  Secret: REASON.secretNotFound,
  ConfigMap: REASON.configMapNotFound,
  PersistentVolumeClaim: REASON.claimNotFound,
};

export interface Wait extends Obstacle {
  /** The condition on record says the same already. */
  readonly isKnown: boolean;
}

/** What keeps the current step from starting; undefined where nothing does, as far as anybody has looked. */
export function obstacle(context: Context): Wait | undefined {
  const { draft, snapshot } = context;
  const found =
    runningStep(draft) === undefined
      ? missing(context)
      : obstacleOf(snapshot.pods ?? [], snapshot.warnings ?? [], runningJob(context));
  if (found === undefined) return undefined;
  const message = fitMessage(found.message);
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return { reason: found.reason, message, isKnown: known?.status === 'True' && known.message === message };
}

function missing(context: Context): Obstacle | undefined {
  const finding = context.snapshot.findings[nextJobName(context)];
  const [first] = finding?.type === 'needs' ? finding.missing : [];
  if (finding?.type !== 'needs' || first === undefined) return undefined;
  const names = finding.missing.map(({ kind, name }) => `${kind} "${name}"`);
  return { reason: REASON_OF[first.kind], message: MESSAGE.missing(names) };
}

/** The failure of a step whose time was up, with what kept it from starting until then, as far as that is on record. */
export function withObstacle({ snapshot }: Context, failure: string): string {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  return known?.status === 'True' ? MESSAGE.neverStarted(failure, known.message) : failure;
}

/** Every 5 s at first, every 30 s in the end. */
const RECHECK = { minMs: 5_000, maxMs: 30_000 } as const;

/** When to look again for what is missing: the longer it has been, the later; read off the condition, so that a restart changes nothing. */
export function recheckMs({ snapshot, nowMs }: Context): number {
  const known = getCondition(snapshot.object.status?.conditions, 'ResourcesUnavailable');
  if (known?.status !== 'True') return RECHECK.minMs;
  const waitedMs = nowMs - Date.parse(known.lastTransitionTime);
  return Math.min(RECHECK.maxMs, Math.max(RECHECK.minMs, Math.round(waitedMs / 4)));
}
