/** Executes the actions of a decision and emits their events. */
import { EVENT_MESSAGE } from '../../shared/api/reasons.ts';
import { keyOf } from '../../shared/kube/cache.ts';
import { ApiError } from '../../shared/kube/errors.ts';
import type { Action, Decision, Snapshot } from '../decide/index.ts';
import type { EventRecorder } from '../events.ts';
import type { StatusTruncations } from '../status-truncations.ts';
import type { UncertainWrites } from '../uncertain-writes.ts';
import type { ExecuteDeps } from './deps.ts';
import { execute } from './execute.ts';

export interface ActDeps extends ExecuteDeps {
  readonly events: Pick<EventRecorder, 'emit'>;
  readonly uncertainWrites: UncertainWrites;
  readonly statusTruncations: StatusTruncations;
  readonly observer?: ActObserver | undefined;
}

/** Receives executed actions, for metrics. Must not throw. */
export interface ActObserver {
  acted(actions: readonly Action[], after: Snapshot): void;
}

/**
 * Executes the actions of the decision in order and emits their events; returns the snapshot after them. An object that
 * is being deleted gets no status, so the events of the decision follow its actions directly. Rejects with the ApiError
 * of the first action that failed, and does not create a Job whose start the status could not record.
 */
export async function act(decision: Decision, snapshot: Snapshot, deps: ActDeps): Promise<Snapshot> {
  const { actions, status, events } = decision;
  // After a restart nothing would show that the step has run.
  if (actions.some(({ type }) => type === 'CreateJob') && deps.statusTruncations.isFull(snapshot.object)) {
    throw new ApiError('Invalid', EVENT_MESSAGE.statusRefused(), { status: 413 });
  }
  const { object } = snapshot;
  const isDeleted = status === undefined;
  const after = await deps.uncertainWrites.track(
    keyOf(object),
    () => execute(actions, snapshot, deps),
    isDeleted ? { object, status, events } : undefined,
  );
  deps.observer?.acted(actions, after);
  for (const action of actions) {
    if ('event' in action && action.event !== undefined) deps.events.emit(after.object, action.event);
  }
  if (!isDeleted) return after;
  for (const event of events) deps.events.emit(after.object, event);
  deps.uncertainWrites.supersede(keyOf(after.object));
  return after;
}
