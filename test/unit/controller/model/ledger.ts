/** The Jobs of all time, and what must hold when one is made, changed or deleted. */
import { LABELS } from '../../../../shared/api/group.ts';
import type { SequentialJobSpec, SequentialJobStatus } from '../../../../shared/api/types.ts';
import type { StepPlace } from '../../../../shared/jobs/position.ts';
import type { Cluster, RawJob } from './cluster.ts';
import type { Law } from './law.ts';
import { finallyJobFaults } from './finally-jobs.ts';
import { broken } from './promises.ts';

export interface JobRecord extends StepPlace {
  readonly uid: string;
  readonly name: string;
  /** The step's name. */
  readonly step: string;
  readonly resumes: number;
  /** How it ended; a Job that is gone before it ended is `gone`. */
  end: 'Complete' | 'Failed' | 'gone' | undefined;
  reason: string;
  /** Its create had been given up when it arrived. */
  readonly isLate: boolean;
  /** A status has named it. */
  isRecorded: boolean;
  /** The UIDs of its Pods that a process had seen when it wrote a status. */
  readonly podsTold: Set<string>;
  /** The processes that wrote a status while it ran. */
  readonly tellers: Set<object>;
  /** The controller has deleted it as one that no step has. */
  isStray: boolean;
}

/** What the sender of a create knew. */
export interface View {
  readonly spec: SequentialJobSpec;
  readonly generation: number;
  /** Of a Job that was created late nobody knows before the watch has told of it. */
  readonly hasHeardOf: (jobUID: string) => boolean;
  /** What the API server has stored. */
  readonly status: SequentialJobStatus | undefined;
}

export class Ledger {
  readonly jobs: JobRecord[] = [];
  /** The steps that failed before they had a Job. */
  readonly withoutJob = new Set<number>();
  /** The spec was changed past the webhook while no process knew what it was before (ADR 8). */
  isSpecUnsure = false;
  readonly #blame: (fault: string) => void;

  constructor(blame: (fault: string) => void) {
    this.#blame = blame;
  }

  find(uid: string | undefined): JobRecord | undefined {
    return this.jobs.find((job) => job.uid === uid);
  }

  /** The last attempt of a step; one that was created late, and that no status has named, only where there is no other. */
  latest(index: number, list: StepPlace['list'] = 'steps'): JobRecord | undefined {
    const all = this.jobs.filter((job) => job.list === list && job.index === index);
    return all.findLast((job) => !isExtra(job) && !job.isStray) ?? all.at(-1);
  }

  ended(job: RawJob, end: 'Complete' | 'Failed' | 'gone', reason: string): void {
    const record = this.find(job.metadata.uid);
    if (record === undefined || record.end !== undefined) return;
    record.end = end;
    record.reason = reason;
  }

  /** Puts down the Job. */
  put(job: RawJob, isLate: boolean): void {
    const { name, uid, labels = {} } = job.metadata;
    const step = labels[LABELS.stepName] ?? '';
    const open = { end: undefined, reason: '', isLate, isRecorded: false, isStray: false };
    const told = { podsTold: new Set<string>(), tellers: new Set<object>() };
    this.jobs.push({ uid, name, ...placeOf(job), step, ...open, ...told });
  }

  /** Says what is wrong with the Job's being made now. */
  judge(job: RawJob, view: View, law: Law, cluster: Cluster): void {
    const { name } = job.metadata;
    const place = placeOf(job);
    const { index, resumes, list } = place;
    const known = this.jobs.filter((one) => !isExtra(one) || view.hasHeardOf(one.uid));
    const twin = known.find((one) => isSame(one, place) && one.resumes === resumes && !one.isStray);
    if (twin !== undefined)
      this.#blame(broken('oneJob', `step ${index} of ${list} has in attempt ${resumes} ${twin.name} and ${name}`));
    if (view.spec.suspend === true) this.#blame(`${name} was created while suspended`);
    const pods = cluster.busy().filter((uid) => !this.jobs.some((one) => one.uid === uid && !known.includes(one)));
    const busy = [...known.filter(({ end }) => end === undefined).map(({ uid }) => uid), ...pods];
    if (busy.length > 0)
      this.#blame(
        broken('oneContainer', `${name} was created while ${busy.map((one) => this.find(one)?.name).join()} runs`),
      );
    const lawful = law.at(view.generation);
    if (!lawful.some((spec) => isOf(job, spec, place))) this.#blame(`${name} does not run what it should`);
    const isLater = (one: JobRecord): boolean =>
      one.list === list
        ? one.index > index && (list === 'steps' || one.resumes === resumes)
        : list === 'steps' && one.resumes === resumes;
    if (known.some((one) => isLater(one) && !one.isStray)) this.#blame(`${name} was created after a later step`);
    if (list === 'steps' && view.status?.finally !== undefined && view.status.resumes === resumes)
      this.#blame(broken('finallyAfter', `${name} was created after the end`));
    const faults =
      list === 'steps' ? this.#stepFaults(index, lawful) : finallyJobFaults(job, place, { ...view, lawful });
    for (const fault of faults) this.#blame(`${name} was created though ${fault}`);
    if (list === 'finally' && view.status?.progress?.failureReason === undefined) this.#checkAllPassed(name, lawful);
  }

  /** Steps of finally are told of a success: of at least one spec that may be run all steps have passed. */
  #checkAllPassed(name: string, lawful: readonly SequentialJobSpec[]): void {
    const faults = lawful.map(({ steps }) => this.#stepFaults(steps.length, lawful)[0]);
    if (!faults.includes(undefined)) this.#blame(broken('finallyAfter', `${name} was created though ${faults[0]}`));
  }

  /** What is wrong with the steps before this one. */
  #stepFaults(index: number, lawful: readonly SequentialJobSpec[]): readonly string[] {
    return Array.from({ length: index }, (_, before) => this.#faultOfStep(before, lawful)).flatMap((fault, before) =>
      fault === undefined ? [] : [`step ${before} ${fault}`],
    );
  }

  #faultOfStep(index: number, lawful: readonly SequentialJobSpec[]): string | undefined {
    const last = this.latest(index);
    const mayFail = lawful.some((spec) => continues(spec, index));
    if (last === undefined) return this.withoutJob.has(index) && mayFail ? undefined : 'had none';
    if (last.end === undefined) return 'still runs';
    if (last.end === 'Complete' || mayFail) return undefined;
    return last.end === 'gone' ? 'was deleted' : 'failed';
  }
}

/** A Job that was created late and, as far as anybody has said, has no step. */
export const isExtra = ({ isLate, isRecorded }: JobRecord): boolean => isLate && !isRecorded;

/** The step that a Job is made for, and which of its attempts. */
export function placeOf({ metadata: { labels = {} } }: RawJob): StepPlace & { readonly resumes: number } {
  const resumes = Number(labels[LABELS.resume] ?? 0);
  const { [LABELS.finallyIndex]: last, [LABELS.stepIndex]: index } = labels;
  return last === undefined
    ? { list: 'steps', index: Number(index), resumes }
    : { list: 'finally', index: Number(last), resumes };
}

/** Whether both are the same step. */
export const isSame = (one: StepPlace, other: StepPlace): boolean =>
  one.list === other.list && one.index === other.index;

/** Whether the sequence goes on when this step fails. */
export function continues({ steps }: SequentialJobSpec, index: number): boolean {
  return steps[index]?.onFailure === 'Continue';
}

function isOf({ spec }: RawJob, held: SequentialJobSpec, { list, index }: StepPlace): boolean {
  const { job } = held;
  const wanted = held[list]?.[index];
  const [made] = spec.template.spec.containers;
  return (
    wanted !== undefined &&
    made?.name === wanted.name &&
    made.image === wanted.image &&
    spec.backoffLimit === (wanted.job?.backoffLimit ?? job?.backoffLimit)
  );
}
