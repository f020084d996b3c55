/** The Jobs of all time, and what must hold when one is made, changed or deleted. */
import { LABELS } from '../../../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../../../shared/api/types.ts';
import type { Cluster, RawJob } from './cluster.ts';
import type { Law } from './law.ts';

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
}

/** What the sender of a create knew. */
export interface View {
  readonly spec: SequentialJobSpec;
  readonly generation: number;
}

export class Ledger {
  readonly jobs: JobRecord[] = [];
  /** The spec was changed past the webhook while no process knew what it was before (ADR 8). */
  isSpecUnsure = false;
  readonly #blame: (fault: string) => void;

  constructor(blame: (fault: string) => void) {
    this.#blame = blame;
  }

  find(uid: string | undefined): JobRecord | undefined {
    return this.jobs.find((job) => job.uid === uid);
  }

  /** The last attempt of a step. */
  latest(index: number): JobRecord | undefined {
    return this.jobs.findLast((job) => job.index === index);
  }

  ended(job: RawJob, end: 'Complete' | 'Failed' | 'gone', reason: string): void {
    const record = this.find(job.metadata.uid);
    if (record === undefined || record.end !== undefined) return;
    record.end = end;
    record.reason = reason;
  }

  /** Puts down the Job, and says what is wrong with its being made. */
  created(job: RawJob, view: View, law: Law, cluster: Cluster): void {
    const { name, uid, labels = {} } = job.metadata;
    const index = Number(labels[LABELS.stepIndex]);
    const resumes = Number(labels[LABELS.resume] ?? 0);
    const twin = this.jobs.find((one) => one.index === index && one.resumes === resumes);
    if (twin !== undefined) this.#blame(`step ${index} was started twice in attempt ${resumes}: ${twin.name}, ${name}`);
    if (view.spec.suspend === true) this.#blame(`${name} was created while suspended`);
    const busy = [...this.jobs.filter(({ end }) => end === undefined).map((one) => one.uid), ...cluster.busy()];
    if (busy.length > 0)
      this.#blame(`${name} was created while ${busy.map((one) => this.find(one)?.name).join()} runs`);
    const lawful = law.at(view.generation);
    if (!lawful.some((spec) => isOf(job, spec, index))) this.#blame(`${name} does not run what it should`);
    for (let before = 0; before < index; before++) {
      const fault = this.#faultOfStep(before, lawful);
      if (fault !== undefined) this.#blame(`${name} was created though step ${before} ${fault}`);
    }
    if (this.jobs.some((one) => one.index > index)) this.#blame(`${name} was created after a later step`);
    this.jobs.push({ uid, name, index, step: labels[LABELS.stepName] ?? '', resumes, end: undefined, reason: '' });
  }

  #faultOfStep(index: number, lawful: readonly SequentialJobSpec[]): string | undefined {
    const last = this.latest(index);
    if (last === undefined) return 'had none';
    if (last.end === undefined) return 'still runs';
    if (last.end === 'Complete' || lawful.some((spec) => continues(spec, index))) return undefined;
    return last.end === 'gone' ? 'was deleted' : 'failed';
  }
}

/** Whether the sequence goes on when this step fails. */
export function continues({ containers, stepPolicies = [] }: SequentialJobSpec, index: number): boolean {
  return stepPolicies.find(({ name }) => name === containers[index]?.name)?.onFailure === 'Continue';
}

function isOf(
  { spec }: RawJob,
  { containers, stepPolicies = [], backoffLimit }: SequentialJobSpec,
  index: number,
): boolean {
  const wanted = containers[index];
  const [made] = spec.template.spec.containers;
  const policy = stepPolicies.find(({ name }) => name === wanted?.name);
  return (
    wanted !== undefined &&
    made?.name === wanted.name &&
    made.image === wanted.image &&
    spec.backoffLimit === (policy?.backoffLimit ?? backoffLimit)
  );
}
