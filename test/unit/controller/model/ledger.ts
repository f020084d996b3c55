/** The Jobs of all time, and what must hold when one is made, changed or deleted. */
import { LABELS } from '../../../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../../../shared/api/types.ts';
import type { Cluster, RawJob } from './cluster.ts';
import type { Law } from './law.ts';
import { broken } from './promises.ts';

export interface JobRecord {
  readonly uid: string;
  readonly name: string;
  readonly index: number;
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
  latest(index: number): JobRecord | undefined {
    const all = this.jobs.filter((job) => job.index === index);
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
    const { index, resumes } = placeOf(job);
    const known = this.jobs.filter((one) => !isExtra(one) || view.hasHeardOf(one.uid));
    const twin = known.find((one) => one.index === index && one.resumes === resumes && !one.isStray);
    if (twin !== undefined)
      this.#blame(broken('oneJob', `step ${index} has in attempt ${resumes} ${twin.name} and ${name}`));
    if (view.spec.suspend === true) this.#blame(`${name} was created while suspended`);
    const pods = cluster.busy().filter((uid) => !this.jobs.some((one) => one.uid === uid && !known.includes(one)));
    const busy = [...known.filter(({ end }) => end === undefined).map(({ uid }) => uid), ...pods];
    if (busy.length > 0)
      this.#blame(
        broken('oneContainer', `${name} was created while ${busy.map((one) => this.find(one)?.name).join()} runs`),
      );
    const lawful = law.at(view.generation);
    if (!lawful.some((spec) => isOf(job, spec, index))) this.#blame(`${name} does not run what it should`);
    for (let before = 0; before < index; before++) {
      const fault = this.#faultOfStep(before, lawful);
      if (fault !== undefined) this.#blame(`${name} was created though step ${before} ${fault}`);
    }
    if (known.some((one) => one.index > index && !one.isStray)) this.#blame(`${name} was created after a later step`);
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
export function placeOf({ metadata: { labels = {} } }: RawJob): { readonly index: number; readonly resumes: number } {
  return { index: Number(labels[LABELS.stepIndex]), resumes: Number(labels[LABELS.resume] ?? 0) };
}

/** Whether the sequence goes on when this step fails. */
export function continues({ steps }: SequentialJobSpec, index: number): boolean {
  return steps[index]?.onFailure === 'Continue';
}

function isOf({ spec }: RawJob, { steps, job }: SequentialJobSpec, index: number): boolean {
  const wanted = steps[index];
  const [made] = spec.template.spec.containers;
  return (
    wanted !== undefined &&
    made?.name === wanted.name &&
    made.image === wanted.image &&
    spec.backoffLimit === (wanted.job?.backoffLimit ?? job?.backoffLimit)
  );
}
