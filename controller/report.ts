/** The end of a reconcile: writes the status and the events, also after a failure. */
import { EVENT, REASON } from '../shared/api/reasons.ts';
import type { SequentialJob, SequentialJobStatus } from '../shared/api/types.ts';
import { getCondition } from '../shared/conditions.ts';
import { keyOf } from '../shared/kube/cache.ts';
import { type ApiError, isApiError } from '../shared/kube/errors.ts';
import type { ActObserver } from './act/index.ts';
import type { ExecuteDeps } from './act/deps.ts';
import { recordSpec } from './act/record-spec.ts';
import { type Decision, decide, type Snapshot } from './decide/index.ts';
import { hasUnreportedFields, rememberPreflight } from './preflights.ts';
import type { QuotaRetries } from './quota-retries.ts';
import { type StatusObserver, writeStatus, type WriteStatusDeps } from './write-status.ts';

export interface ReportDeps extends ExecuteDeps, WriteStatusDeps {
  readonly quotaRetries: QuotaRetries;
  readonly observer?: ReconcileObserver | undefined;
}

/** Receives the results of reconciles, for metrics. Must not throw. */
export type ReconcileObserver = StatusObserver & ActObserver;

/** Failures that users need not know: the cache was behind, the object is deleted, or the operator shuts down. */
const NOT_REPORTED = ['Conflict', 'NotFound', 'Aborted'] as const;

/**
 * Writes the status of a decision without actions and emits its events; returns when to reconcile again. A start that
 * was found after a crash is recorded like any other: its spec before its status. Rejects with ApiError.
 */
export async function report(
  decision: Decision,
  observation: { snapshot: Snapshot },
  deps: ReportDeps,
): Promise<{ readonly requeueAfterMs: number | undefined }> {
  const key = keyOf(observation.snapshot.object);
  if (isStart(decision, observation.snapshot)) {
    observation.snapshot = await deps.uncertainWrites.track(key, () => recordSpec(observation.snapshot, deps));
  }
  const { object } = observation.snapshot;
  await writeStatus({ ...decision, object }, deps);
  rememberPreflight(observation.snapshot, deps);
  const retryMs = deps.quotaRetries.update(key, object.metadata.namespace, isWaitingForQuota(decision.status));
  return { requeueAfterMs: retryMs ?? decision.requeueAfterMs };
}

const isStart = ({ status }: Decision, { object }: Snapshot): boolean =>
  object.status?.startTime === undefined && status?.startTime !== undefined;

function isWaitingForQuota(status: SequentialJobStatus | undefined): boolean {
  const condition = getCondition(status?.conditions, 'ResourcesUnavailable');
  return condition?.status === 'True' && condition.reason === REASON.quotaExceeded;
}

/**
 * Reports the failure of a reconcile in the status and by an event. Rejects only for a bug of the operator: if the API
 * server does not accept the report, the log has the failure and the next reconcile tries again.
 */
export async function reportFailure(error: unknown, snapshot: Snapshot, deps: ReportDeps): Promise<void> {
  const isReportable = isApiError(error) && !isApiError(error, ...NOT_REPORTED);
  const isReported = isReportable && (await reportError(error, snapshot, deps));
  // The decision itself may be the bug: no status then, but an event.
  if (!isApiError(error)) deps.events.emit(snapshot.object, failureEvent(internalError(error)));
  // Ignored fields are reported with the next status; until then the preflight has to find them again.
  if (isReported || !hasUnreportedFields(snapshot)) rememberPreflight(snapshot, deps);
}

async function reportError(error: ApiError, snapshot: Snapshot, deps: ReportDeps): Promise<boolean> {
  const message = withoutPorts(error.message);
  const decision = decide({ ...snapshot, lastError: message }, deps.now());
  const event = failureEvent(message, error.code);
  // An object that is being deleted gets no status: the events of the decision follow its actions, when these succeed.
  const events = decision.status === undefined ? [event] : [...decision.events, event];
  try {
    await writeStatus({ ...decision, events, object: snapshot.object }, deps);
    return true;
  } catch (failure) {
    if (!isApiError(failure)) throw failure;
    return false;
  }
}

/**
 * Runs what has to succeed before there is a decision, and so a status, to report: a failure is reported by an event
 * alone. Rejects with it.
 */
export async function reportByEvent<T>(
  object: SequentialJob,
  deps: Pick<ReportDeps, 'events'>,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (isApiError(error) && error.code !== 'NotFound' && error.code !== 'Aborted') {
      deps.events.emit(object, failureEvent(withoutPorts(error.message), error.code));
    }
    throw error;
  }
}

const failureEvent = (message: string, series?: string) =>
  ({
    type: 'Warning',
    reason: EVENT.reconciliationFailed,
    message,
    ...(series === undefined ? {} : { series }),
  }) as const;

const internalError = (error: unknown): string =>
  `internal error: ${error instanceof Error ? error.message : String(error)}`;

/** Go's network errors name the local port, which differs each time: the same failure has to read the same. */
function withoutPorts(message: string): string {
  return message.replace(/(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]{2,45}\]):\d{1,5}->/g, '');
}
