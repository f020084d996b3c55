/**
 * The preflight of a sequence: before its first step starts, and again where its spec has changed or it was resumed, the
 * API server is asked by dry run for the Jobs of all steps to come. What it has said is remembered in memory alone: after a
 * restart a sequence that still runs is asked about once more.
 */
import { createHash } from 'node:crypto';
import type { SequentialJob } from '../shared/api/types.ts';
import { preflight, type PreflightVerdict } from '../shared/jobs/preflight.ts';
import { type Cache, keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { dryRunJob } from '../shared/kube/dry-run.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { MANAGER } from '../shared/api/group.ts';
import type { Log } from '../shared/log.ts';
import { immutablePart } from '../shared/validation/index.ts';
import type { Action, Preflight, Snapshot } from './decide/index.ts';

export interface PreflightsOptions {
  readonly client: ApiClient;
  readonly log: Pick<Log, 'warn'>;
  /** False: nobody is asked (`--preflight=false`). */
  readonly enabled: boolean;
  /** Milliseconds, of whatever clock. */
  readonly now: () => number;
}

/** How long a question that got no answer stays open, while the sequence waits for something else. */
const OPEN_MS = 60_000;

/** What was asked about: the spec of one generation, with the Job names of one resume. */
interface Question {
  readonly generation: number;
  readonly resumes: number;
}

interface PreflightState extends Question {
  /** SHA-256 of what the Jobs are made of; absent where the server gave no answer. */
  readonly digest?: string;
  /** Where it gave none: until when it is not asked again about the same steps. */
  readonly open?: { readonly from: number; readonly untilMs: number };
}

type Reason = NonNullable<PreflightVerdict['unanswered']>['reason'] | 'ServerError';

/** What an administrator should know. A full quota or a missing permission shows when the Job is created. */
const WARNINGS: Readonly<Partial<Record<Reason, string>>> = {
  DryRunUnsupported:
    'preflight skipped: an admission webhook does not support dry runs; what the API server refuses shows when the step starts',
  ServerError: 'preflight skipped: the API server cannot answer dry runs; what it refuses shows when the step starts',
  TooMany: 'preflight incomplete: the steps cannot be checked together, and there are too many to check each',
};

export class Preflights {
  readonly #options: PreflightsOptions;
  /** By the UID of the SequentialJob. */
  readonly #asked = new Map<string, PreflightState>();
  readonly #logged = new Set<Reason>();

  constructor(options: PreflightsOptions) {
    this.#options = options;
  }

  /** Whether the API server is to be asked before the next step of this object starts. */
  isDue(object: SequentialJob): boolean {
    if (!this.#options.enabled) return false;
    const asked = this.#asked.get(object.metadata.uid);
    return asked?.digest === undefined || !isSame(asked, questionOf(object));
  }

  /** The API server takes the Jobs of this object, or can't be asked. */
  remember(object: SequentialJob): void {
    this.#asked.set(object.metadata.uid, { ...questionOf(object), digest: digestOf(object) });
  }

  /** For a sequence that is over or gone. */
  forget(uid: string): void {
    this.#asked.delete(uid);
  }

  /**
   * Asks, unless nothing has changed that the Jobs are made of. The snapshot after it has the verdict. A server that fails
   * to answer is asked twice, with a backoff between (rejects with ApiError the first time), and then before each step.
   */
  async ask(
    { from: firstIndex, resumes }: Extract<Action, { type: 'Preflight' }>,
    snapshot: Snapshot,
  ): Promise<Snapshot> {
    const { object } = snapshot;
    const { client } = this.#options;
    const asked = this.#asked.get(object.metadata.uid);
    if (asked?.resumes === resumes && asked.digest === digestOf(object)) return { ...snapshot, preflight: PASSED };
    if (this.#isOpen(asked, object, firstIndex)) return { ...snapshot, preflight: OPEN };
    try {
      const verdict = await preflight(object, { firstIndex, resumes }, (job) =>
        dryRunJob(client, job, { fieldManager: MANAGER }),
      );
      const concluded = this.#conclude(verdict, object);
      if (concluded.type === 'open') this.#postpone(object, firstIndex);
      return { ...snapshot, preflight: concluded };
    } catch (error) {
      if (!isApiError(error, 'ServerError', 'Timeout') || !this.#hasFailedBefore(object)) throw error;
      this.#log('ServerError', error.message, object);
      this.#postpone(object, firstIndex);
      return { ...snapshot, preflight: OPEN };
    }
  }

  #isOpen(asked: PreflightState | undefined, object: SequentialJob, from: number): boolean {
    if (asked?.open === undefined || asked.open.from !== from || !isSame(asked, questionOf(object))) return false;
    return this.#options.now() < asked.open.untilMs;
  }

  #postpone(object: SequentialJob, from: number): void {
    const open = { from, untilMs: this.#options.now() + OPEN_MS };
    this.#asked.set(object.metadata.uid, { ...questionOf(object), open });
  }

  #conclude({ errors, ignoredFields, unanswered }: PreflightVerdict, object: SequentialJob): Preflight {
    if (unanswered !== undefined) this.#log(unanswered.reason, unanswered.message, object);
    if (errors.length > 0) return { type: 'refused', faults: errors, ignoredFields };
    // A quota that is full, or a permission that is missing, keeps the Job itself from being made as well.
    const isOpen = unanswered?.reason === 'QuotaExceeded' || unanswered?.reason === 'PermissionDenied';
    return isOpen ? OPEN : { type: 'passed', ignoredFields };
  }

  /** Notes that the server failed to answer, and tells whether it had failed for the same question before. */
  #hasFailedBefore(object: SequentialJob): boolean {
    const { uid } = object.metadata;
    const before = this.#asked.get(uid);
    const question = questionOf(object);
    this.#asked.set(uid, question);
    return before !== undefined && before.digest === undefined && isSame(before, question);
  }

  /** What is the server's is logged once, what is the sequence's each time. */
  #log(reason: Reason, message: string, object: SequentialJob): void {
    const warning = WARNINGS[reason];
    if (warning === undefined || this.#logged.has(reason)) return;
    if (reason !== 'TooMany') this.#logged.add(reason);
    this.#options.log.warn({ sequentialJob: keyOf(object), err: message }, warning);
  }
}

const OPEN: Preflight = { type: 'open' };
const PASSED: Preflight = { type: 'passed', ignoredFields: [] };

const questionOf = ({ metadata, spec, status }: SequentialJob): Question => ({
  generation: metadata.generation ?? 0,
  resumes: status?.resumes ?? spec.resume ?? 0,
});

/** `suspend` and the like change the generation, and no Job. */
const digestOf = ({ spec }: SequentialJob): string =>
  createHash('sha256')
    .update(JSON.stringify(immutablePart(spec)))
    .digest('base64');

const isSame = (a: Question, b: Question): boolean => a.generation === b.generation && a.resumes === b.resumes;

/** After a report: the next reconcile does not ask again. Not of an object that is gone: nobody would forget it. */
export function rememberPreflight(
  { object, preflight }: Snapshot,
  { preflights, sequentialJobs }: { readonly preflights: Preflights; readonly sequentialJobs: Cache<SequentialJob> },
): void {
  const isThere = sequentialJobs.get(keyOf(object))?.metadata.uid === object.metadata.uid;
  if (!isThere) preflights.forget(object.metadata.uid);
  else if (preflight?.type === 'passed') preflights.remember(object);
}

/** Whether the preflight found fields that the API server ignores, which the next status reports. */
export const hasUnreportedFields = ({ preflight }: Snapshot): boolean =>
  preflight?.type === 'passed' && preflight.ignoredFields.length > 0;
