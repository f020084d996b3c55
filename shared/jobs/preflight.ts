/**
 * Which Jobs of a sequence an API server would refuse, found out by few dry runs: one where the steps share all but
 * their containers. Pure but for the dry run itself, which is passed in.
 */
import type { SequentialJob } from '../api/types.ts';
import { faultsOf, fieldsOf, type JobFault, type JobRefusal } from './job-faults.ts';
import { buildCombinedJob, type JobManifest } from './job.ts';

/** What a dry run brought. */
export type DryRunAnswer =
  | {
      readonly type: 'accepted';
      /** The Job's fields that the server does not know and leaves out. */
      readonly unknownFields: readonly string[];
    }
  | { readonly type: 'refused'; readonly refusal: JobRefusal; readonly unknownFields: readonly string[] }
  /** The server gives no verdict on this Job, for a reason that has nothing to do with it. */
  | { readonly type: 'unanswered'; readonly reason: Unanswered; readonly message: string };

/** `DryRunUnsupported`: an admission webhook can't be asked. The others may pass. */
export type Unanswered = 'DryRunUnsupported' | 'QuotaExceeded' | 'PermissionDenied';

/** Asks the API server to create a Job without creating it. May reject: then so does the preflight. */
export type DryRun = (job: JobManifest) => Promise<DryRunAnswer>;

export interface PreflightVerdict {
  /** What the server refuses; empty where it takes every Job that it was asked about. */
  readonly faults: readonly JobFault[];
  /** The fields of the SequentialJob that this server leaves out of the Jobs. */
  readonly ignoredFields: readonly string[];
  /** Why not all steps were asked about; absent where they were. */
  readonly unanswered?: { readonly reason: Unanswered | 'TooMany'; readonly message: string };
}

export interface PreflightScope {
  /** The first step to ask about; the steps before it have run. */
  readonly from: number;
  readonly resumes: number;
}

/**
 * Jobs that one preflight asks about at most. One for all steps, and one for each step at fault, are far below it; what it
 * bounds is what a thousand steps could ask of a server that are each at fault, or contradict each other in one Pod.
 */
export const MAX_DRY_RUNS = 50;

/** Asks about the Jobs of all steps from `from` on. Rejects with what `dryRun` rejects with. */
export async function preflight(
  object: SequentialJob,
  scope: PreflightScope,
  dryRun: DryRun,
): Promise<PreflightVerdict> {
  const inquiry = new Inquiry(object, scope.resumes, dryRun);
  for (const indices of dryRunGroups(object, scope.from)) await inquiry.ask(indices);
  return inquiry.verdict;
}

/**
 * The steps that one Job can stand for: those whose Jobs differ in nothing but the container. A step whose failure policy
 * names a container stands alone.
 */
export function dryRunGroups(object: SequentialJob, from: number): readonly (readonly number[])[] {
  const { containers, stepPolicies } = object.spec;
  const policies = new Map((stepPolicies ?? []).map((policy) => [policy.name, policy]));
  const indices = Array.from({ length: Math.max(0, containers.length - from) }, (_, i) => from + i);
  const groups = Map.groupBy(indices, (index) => {
    const { backoffLimit, activeDeadlineSeconds, podFailurePolicy } = policies.get(containers[index]?.name ?? '') ?? {};
    const namesContainer = podFailurePolicy?.rules.some(({ onExitCodes }) => onExitCodes?.containerName !== undefined);
    if (namesContainer === true) return `step ${index}`;
    return JSON.stringify([backoffLimit, activeDeadlineSeconds, podFailurePolicy].map((value) => value ?? null));
  });
  return [...groups.values()];
}

class Inquiry {
  readonly #object: SequentialJob;
  readonly #resumes: number;
  readonly #dryRun: DryRun;
  /** By what they say, each once: the template is the same in every Job. */
  readonly #faults = new Map<string, JobFault>();
  readonly #ignored = new Set<string>();
  #unanswered: PreflightVerdict['unanswered'];
  #asked = 0;

  constructor(object: SequentialJob, resumes: number, dryRun: DryRun) {
    this.#object = object;
    this.#resumes = resumes;
    this.#dryRun = dryRun;
  }

  get verdict(): PreflightVerdict {
    const faults = [...this.#faults.values()].sort((a, b) => (a.index ?? -1) - (b.index ?? -1));
    const unanswered = this.#unanswered === undefined ? {} : { unanswered: this.#unanswered };
    return { faults, ignoredFields: [...this.#ignored], ...unanswered };
  }

  /**
   * Asks about these steps in one Job and, where that is refused, about those at fault one by one: that they can't be in
   * one Pod (a port of the node, the sum of their requests) is no fault of any.
   */
  async ask(indices: readonly number[]): Promise<void> {
    const faults = await this.#faultsOf(indices);
    if (faults.length === 0) return;
    if (indices.length === 1) {
      for (const fault of faults) this.#faults.set(`${fault.index} ${fault.field} ${fault.message}`, fault);
      return;
    }
    const { suspects, others, isOfTemplate } = split(indices, faults);
    for (const part of suspects) await this.ask(part);
    // What is wrong with the template is wrong with each of them, and keeps the server from looking any further.
    if (others.length > 0 && !(isOfTemplate && this.#templateIsAtFault)) await this.ask(others);
  }

  get #templateIsAtFault(): boolean {
    return [...this.#faults.values()].some(({ index, field }) => index === undefined && field !== '');
  }

  /** What is said against a Job of these steps; nothing where nobody can be asked any more. */
  async #faultsOf(indices: readonly number[]): Promise<readonly JobFault[]> {
    if (this.#unanswered !== undefined) return [];
    if (this.#asked === MAX_DRY_RUNS) {
      this.#unanswered = { reason: 'TooMany', message: `${MAX_DRY_RUNS} dry runs were not enough` };
      return [];
    }
    this.#asked++;
    const answer = await this.#dryRun(buildCombinedJob(this.#object, indices, this.#resumes));
    if (answer.type === 'unanswered') {
      this.#unanswered = { reason: answer.reason, message: answer.message };
      return [];
    }
    const contents = { object: this.#object, indices };
    for (const field of fieldsOf(answer.unknownFields, contents)) this.#ignored.add(field);
    return answer.type === 'accepted' ? [] : faultsOf(answer.refusal, contents);
  }
}

interface Split {
  /** To be asked about one after the other. */
  readonly suspects: readonly (readonly number[])[];
  /** To be asked about together. */
  readonly others: readonly number[];
  readonly isOfTemplate: boolean;
}

/**
 * Whom to ask about next, where a Job of several steps was refused. A server validates a Job as a whole, so what it does
 * not blame is good: each step at fault is asked about by itself, and for the template one step stands for all. Where it
 * blames no field (an admission webhook's words), it is the one half or the other.
 */
function split(indices: readonly number[], faults: readonly JobFault[]): Split {
  const isOfTemplate = faults.some(({ index, field }) => index === undefined && field !== '');
  const blamed = new Set(faults.flatMap(({ index }) => index ?? []));
  if (blamed.size === 0 && !isOfTemplate) {
    const middle = Math.ceil(indices.length / 2);
    return { suspects: [indices.slice(0, middle)], others: indices.slice(middle), isOfTemplate };
  }
  const isClash = (index: number): boolean =>
    faults.every((fault) => fault.index !== index || fault.message.startsWith('Duplicate value'));
  // Those first that are at fault by themselves, whatever they share a Pod with.
  const order = [...blamed].toSorted((a, b) => Number(isClash(a)) - Number(isClash(b)));
  const first = order.length > 0 ? order : indices.slice(0, 1);
  const others = indices.filter((index) => !first.includes(index));
  return { suspects: first.map((index) => [index]), others, isOfTemplate };
}
