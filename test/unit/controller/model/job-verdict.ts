/** What the newer Job controller makes of the Pods of a Job. Pure, but for the marks on the Pods that it counts. */
import { dueMs, type End, type RawJob, type RawStatus } from './cluster.ts';
import { isActive, isGoing, isTerminating, type Pod } from './kubelet.ts';
import { isLive } from './pod-object.ts';

export interface Verdict {
  readonly type: End;
  readonly reason: string;
}

/** The condition that comes before each end. */
export const ANNOUNCED: Readonly<Record<End, string>> = { Failed: 'FailureTarget', Complete: 'SuccessCriteriaMet' };

/** The end that the Job has announced. */
export function verdictOn({ status }: RawJob): Verdict | undefined {
  for (const type of ['Failed', 'Complete'] as const) {
    const found = status?.conditions?.find((one) => one.type === ANNOUNCED[type]);
    if (found !== undefined) return { type, reason: found.reason ?? '' };
  }
  return undefined;
}

/** Whether the Job is over, now that these of its Pods have ended too. A failure counts before a success. */
export function judge(job: RawJob, pods: readonly Pod[], ended: readonly Pod[], nowMs: number): Verdict | undefined {
  const { failed = 0, succeeded = 0 } = job.status ?? {};
  const won = ended.filter(({ state }) => state === 'succeeded').length;
  if (failed + ended.length - won > (job.spec.backoffLimit ?? 6))
    return { type: 'Failed', reason: 'BackoffLimitExceeded' };
  const due = dueMs(job);
  if (due !== undefined && due <= nowMs) return { type: 'Failed', reason: 'DeadlineExceeded' };
  const isComplete = succeeded + won > 0 && !pods.some(isActive);
  return isComplete ? { type: 'Complete', reason: 'CompletionsReached' } : undefined;
}

/** Without `podReplacementPolicy: Failed`, a Pod that is being deleted counts as failed while it still runs. */
export const hasEnded = (pod: Pod, waitsForEnd: boolean): boolean => !isLive(pod) || (isGoing(pod) && !waitsForEnd);

export function markToBeCounted(pod: Pod): void {
  pod.tracking = pod.state === 'succeeded' ? 'to be counted as succeeded' : 'to be counted as failed';
}

export const isToBeCounted = ({ tracking }: Pod): boolean => tracking.startsWith('to be counted');

type Counts = Pick<RawStatus, 'active' | 'terminating'>;

export function countsOf(pods: readonly Pod[], countsTerminating: boolean): Counts {
  const active = pods.filter(isActive).length;
  return {
    ...(active === 0 ? {} : { active }),
    ...(countsTerminating ? { terminating: pods.filter(isTerminating).length } : {}),
  };
}

/** The status with these counts, and no others. */
export function withCounts(status: RawStatus, counts: Counts): RawStatus {
  const { active: _, terminating: __, ...others } = status;
  return { ...others, ...counts };
}

export const isSame = (a: RawStatus, b: RawStatus): boolean => sorted(a) === sorted(b);

const sorted = (status: RawStatus): string =>
  JSON.stringify(Object.entries(status).sort(([a], [b]) => (a < b ? -1 : 1)));
