/** What the two Job controllers of the model have in common, as the rest of the world sees a cluster. */
import { SUSPENDED_ANNOTATION } from '../../../../shared/api/group.ts';
import type { JobCondition } from '../../../../shared/api/job.ts';
import { toTimestamp } from '../../../../shared/api/time.ts';
import type { FakeApi, Stored } from '../../../support/fake-api.ts';
import type { Course } from './scenario.ts';

export interface RawJob extends Stored {
  readonly spec: {
    readonly backoffLimit?: number;
    readonly suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly podReplacementPolicy?: 'Failed' | 'TerminatingOrFailed';
    readonly template: {
      readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly { name: string; image: string }[] };
    };
  };
  readonly status?: RawStatus;
}

export interface RawStatus {
  readonly active?: number;
  readonly terminating?: number;
  readonly failed?: number;
  readonly succeeded?: number;
  readonly startTime?: string;
  readonly completionTime?: string;
  readonly conditions?: readonly JobCondition[];
}

export type End = 'Complete' | 'Failed';

export interface ClusterOptions {
  readonly api: FakeApi;
  readonly now: () => number;
  readonly courseOf: (job: RawJob) => Course;
  readonly onEnd: (job: RawJob, type: End, reason: string) => void;
}

/** How a Pod goes that the Job controller does not end: it is deleted with its grace, or the kubelet has killed it. */
export type Disruption = 'deleted' | 'evicted';

/** How a Job is deleted: its Pods go after it, or before it, or stay. */
export type JobDeletion = 'background' | 'foreground' | 'orphan';

export interface RunningPod {
  readonly name: string;
  readonly jobUID: string;
}

export interface Cluster {
  /** A quota that lets no Pod be created. */
  quota: boolean;
  /** Everything goes on by one stage. True where something has happened, as for the next two. */
  advance(): boolean;
  /** The kubelet's part of a stage. */
  runPods(): boolean;
  /** The Job controller's part of a stage: with all that has happened to the Pods since it looked last. */
  syncJobs(): boolean;
  /** The Jobs of the sequence: what becomes of others is not played. */
  jobs(): readonly RawJob[];
  /** The Pods or the Events that are there. */
  made(kind: 'Pod' | 'Event'): readonly Stored[];
  /** The UIDs of Jobs, there or not, that have a Pod which has not ended. */
  busy(): readonly string[];
  /** The Pods whose containers run: those that are being deleted too, until they end. */
  running(): readonly RunningPod[];
  /** How many Pods this Job has ever had. */
  podsMade(jobUID: string): number;
  /** When the next Job's own time is up. */
  nextMs(): number | undefined;
  /** The Pod that is to run goes. */
  disrupt(how: Disruption): void;
  /** The Pods of a Job that is about to be deleted without them are nobody's. */
  orphan(job: RawJob): void;
}

export const isTrue = (job: RawJob, type: string): boolean =>
  job.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;

export const isOver = (job: RawJob): boolean => isTrue(job, 'Complete') || isTrue(job, 'Failed');

/** How often the controller has suspended the Job in a row, as it has put down. */
export function suspensionsOf({ metadata }: RawJob): number {
  const { annotations } = metadata as { readonly annotations?: Readonly<Record<string, string>> };
  return Number.parseInt(annotations?.[SUSPENDED_ANNOTATION] ?? '0', 10);
}

/** When the Job's own time is up; undefined where it has no limit, or stands still. */
export function dueMs({ spec, status }: RawJob): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || spec.suspend === true || status?.startTime === undefined)
    return undefined;
  return Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000;
}

/** When the first of the Jobs that run is due. */
export function earliestDueMs(jobs: readonly RawJob[]): number | undefined {
  const due = jobs.flatMap((job) => (isOver(job) ? [] : (dueMs(job) ?? [])));
  return due.length === 0 ? undefined : Math.min(...due);
}

export function condition(type: string, reason: string, nowMs: number, status = 'True'): JobCondition {
  return { type, status, reason, message: `it was ${reason}`, lastTransitionTime: toTimestamp(nowMs) };
}
