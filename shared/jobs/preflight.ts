/**
 * Finds the Jobs and claims of a sequence that the API server would refuse, with few dry runs: one if the steps differ only in
 * their containers, and one for each claim. Pure except for the dry run, which is passed in.
 */
import { withDefaults } from '../api/defaults.ts';
import type { SequentialJob } from '../api/types.ts';
import { jobErrorsOf, toSequentialJobFields, type JobError, type JobRefusal } from './job-errors.ts';
import { buildCombinedJob, jobFields, jobMetadata, type JobManifest } from './job.ts';
import { mergePod } from './pod-settings.ts';
import { allSteps, type StepPosition } from './position.ts';
import { buildClaims, claimErrorsOf, claimField, type ClaimManifest } from './volume-claims.ts';

/** The result of a dry run. */
export type DryRunAnswer =
  | {
      readonly type: 'accepted';
      /** Fields of the manifest that the server does not know and drops. */
      readonly unknownFields: readonly string[];
    }
  | { readonly type: 'refused'; readonly refusal: JobRefusal; readonly unknownFields: readonly string[] }
  /** The server gave no verdict, for a reason that is not in the manifest. */
  | { readonly type: 'unanswered'; readonly reason: NoVerdictReason; readonly message: string };

/** `DryRunUnsupported`: an admission webhook does not support dry run. The other reasons may be temporary. */
export type NoVerdictReason = 'DryRunUnsupported' | 'QuotaExceeded' | 'PermissionDenied';

export type DryRunManifest = JobManifest | ClaimManifest;

/** Sends a create request for the Job or the claim with dryRun. May reject; then the preflight rejects too. */
export type DryRun = (manifest: DryRunManifest) => Promise<DryRunAnswer>;

export interface PreflightVerdict {
  /** The errors of all refused Jobs and claims; empty if the server accepts all that were checked. */
  readonly errors: readonly JobError[];
  /** The fields of the SequentialJob that this server drops from the Jobs and claims. */
  readonly ignoredFields: readonly string[];
  /** Why not all steps and claims were checked; absent if they were. */
  readonly unanswered?: { readonly reason: NoVerdictReason | 'TooMany'; readonly message: string };
}

export interface PreflightScope {
  /** The first step to check, by its position; the steps before it have run. Those of `finally` are the last ones. */
  readonly firstIndex: number;
  readonly resumes: number;
}

/**
 * Maximum number of dry runs of one preflight. One for all steps plus one per invalid step is usually far below it.
 * It bounds the load of a sequence with a thousand invalid steps, or with steps that conflict within one Pod.
 */
export const MAX_DRY_RUNS = 50;

/** Checks the Jobs of all steps from `firstIndex` on and, before the first step, the claims. Rejects if `dryRun` rejects. */
export async function preflight(
  object: SequentialJob,
  scope: PreflightScope,
  dryRun: DryRun,
): Promise<PreflightVerdict> {
  const dryRuns = new DryRunSequence(object, scope.resumes, dryRun);
  for (const indices of dryRunGroups(object, scope.firstIndex)) await dryRuns.check(indices);
  const jobs = dryRuns.verdict;
  return scope.firstIndex > 0 ? jobs : combined(await checkClaims(object, dryRun), jobs);
}

/** The claims exist once the first step has started. No verdict on one says nothing about the others. */
async function checkClaims(object: SequentialJob, dryRun: DryRun): Promise<PreflightVerdict> {
  let verdict: PreflightVerdict = { errors: [], ignoredFields: [] };
  for (const [index, claim] of buildClaims(object).entries()) {
    verdict = combined(verdict, claimVerdict(await dryRun(claim), index));
  }
  return verdict;
}

function claimVerdict(answer: DryRunAnswer, index: number): PreflightVerdict {
  if (answer.type === 'unanswered') {
    return { errors: [], ignoredFields: [], unanswered: { reason: answer.reason, message: answer.message } };
  }
  const ignoredFields = answer.unknownFields.map((field) => claimField(field, index));
  return { errors: answer.type === 'accepted' ? [] : claimErrorsOf(answer.refusal, index), ignoredFields };
}

function combined(first: PreflightVerdict, second: PreflightVerdict): PreflightVerdict {
  const unanswered = first.unanswered ?? second.unanswered;
  return {
    errors: [...first.errors, ...second.errors],
    ignoredFields: [...first.ignoredFields, ...second.ignoredFields],
    ...(unanswered === undefined ? {} : { unanswered }),
  };
}

/**
 * Groups the steps that one Job can stand for: their Jobs differ only in the container, so they have the same settings. The
 * API server refuses a Pod failure policy that names a container which the Pod does not have, so the step of that name is a
 * group of its own: in one Job with others it would hide their errors.
 */
export function dryRunGroups(object: SequentialJob, from: StepPosition): readonly (readonly StepPosition[])[] {
  const { job, ...spec } = withDefaults(object.spec);
  const steps = allSteps(spec);
  const indices = Array.from({ length: Math.max(0, steps.length - from) }, (_, i) => from + i);
  const groups = Map.groupBy(indices, (index) => {
    const step = steps[index];
    // The default time limit of finally is no reason for a dry run of its own.
    const fields = jobFields(step?.job, job, 'steps');
    const names = (fields.podFailurePolicy?.rules ?? []).flatMap(({ onExitCodes }) => onExitCodes?.containerName ?? []);
    // The error of a step's own policy is in another field than that of all steps.
    const isOwn = names.length > 0 && (step?.job?.podFailurePolicy ?? undefined) !== undefined;
    const isNamed = step !== undefined && names.includes(step.name);
    // The settings as a template: settings that are unset in different ways are the same.
    return JSON.stringify([fields, isOwn, isNamed, jobMetadata(step?.job, job), mergePod({}, step?.pod)]);
  });
  return [...groups.values()];
}

class DryRunSequence {
  readonly #object: SequentialJob;
  readonly #resumes: number;
  readonly #dryRun: DryRun;
  /** The errors by field and message, without duplicates: the template is the same in every Job. */
  readonly #errors = new Map<string, JobError>();
  readonly #ignoredFields = new Set<string>();
  #unanswered: PreflightVerdict['unanswered'];
  #dryRuns = 0;

  constructor(object: SequentialJob, resumes: number, dryRun: DryRun) {
    this.#object = object;
    this.#resumes = resumes;
    this.#dryRun = dryRun;
  }

  get verdict(): PreflightVerdict {
    const errors = [...this.#errors.values()].sort((a, b) => (a.index ?? -1) - (b.index ?? -1));
    const unanswered = this.#unanswered === undefined ? {} : { unanswered: this.#unanswered };
    return { errors, ignoredFields: [...this.#ignoredFields], ...unanswered };
  }

  /**
   * Checks these steps with one Job. If it is refused, checks single steps: an error may come only from combining
   * them in one Pod (the same host port, the sum of their requests).
   */
  async check(indices: readonly number[]): Promise<void> {
    const errors = await this.#dryRunErrors(indices);
    if (errors.length === 0) return;
    if (indices.length === 1) {
      for (const error of errors) this.#errors.set(`${error.index} ${error.field} ${error.message}`, error);
      return;
    }
    const { individually, together, hasTemplateError } = planNextDryRuns(indices, errors);
    for (const part of individually) await this.check(part);
    // A template error is in every step's Job and hides other errors.
    if (together.length > 0 && !(hasTemplateError && this.#hasTemplateError)) await this.check(together);
  }

  get #hasTemplateError(): boolean {
    return [...this.#errors.values()].some(({ index, field }) => index === undefined && field !== '');
  }

  /** The errors of a Job of these steps; none if the preflight has stopped. */
  async #dryRunErrors(indices: readonly number[]): Promise<readonly JobError[]> {
    if (this.#unanswered !== undefined) return [];
    if (this.#dryRuns === MAX_DRY_RUNS) {
      this.#unanswered = { reason: 'TooMany', message: `${MAX_DRY_RUNS} dry runs were not enough` };
      return [];
    }
    this.#dryRuns++;
    const answer = await this.#dryRun(buildCombinedJob(this.#object, indices, this.#resumes));
    if (answer.type === 'unanswered') {
      this.#unanswered = { reason: answer.reason, message: answer.message };
      return [];
    }
    const contents = { object: this.#object, indices };
    for (const field of toSequentialJobFields(answer.unknownFields, contents)) this.#ignoredFields.add(field);
    return answer.type === 'accepted' ? [] : jobErrorsOf(answer.refusal, contents);
  }
}

interface NextDryRuns {
  /** To check one after the other. */
  readonly individually: readonly (readonly number[])[];
  /** To check together. */
  readonly together: readonly number[];
  readonly hasTemplateError: boolean;
}

/**
 * Plans the next dry runs after a Job of several steps was refused. The server validates the whole Job, so steps
 * without an error are valid. Each step with an error is checked on its own; for a template error one step stands for
 * all. If the server names no field (an admission webhook's denial), the steps are halved.
 */
function planNextDryRuns(indices: readonly number[], errors: readonly JobError[]): NextDryRuns {
  const hasTemplateError = errors.some(({ index, field }) => index === undefined && field !== '');
  const invalidSteps = new Set(errors.flatMap(({ index }) => index ?? []));
  if (invalidSteps.size === 0 && !hasTemplateError) {
    const middle = Math.ceil(indices.length / 2);
    return { individually: [indices.slice(0, middle)], together: indices.slice(middle), hasTemplateError };
  }
  const isConflictOnly = (index: number): boolean =>
    errors.every((error) => error.index !== index || error.message.startsWith('Duplicate value'));
  // Steps with an error of their own come first, before those that only conflict with another step.
  const order = [...invalidSteps].toSorted((a, b) => Number(isConflictOnly(a)) - Number(isConflictOnly(b)));
  const first = order.length > 0 ? order : indices.slice(0, 1);
  const together = indices.filter((index) => !first.includes(index));
  return { individually: first.map((index) => [index]), together, hasTemplateError };
}
