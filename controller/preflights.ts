/**
 * The preflight of a sequence: before its first step starts, and again after a spec change or a resume, the Jobs of all
 * remaining steps are dry-run. The result is in memory only: after a restart a running sequence is checked once more.
 */
import { createHash } from 'node:crypto';
import type { SequentialJob } from '../shared/api/types.ts';
import { preflight, type PreflightVerdict } from '../shared/jobs/preflight.ts';
import { type Cache, keyOf } from '../shared/kube/cache.ts';
import type { ApiClient } from '../shared/kube/client.ts';
import { dryRunCreate } from '../shared/kube/dry-run.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { MANAGER } from '../shared/api/group.ts';
import type { Log } from '../shared/log.ts';
import { immutablePart } from '../shared/validation/index.ts';
import type { Action, Preflight, Snapshot } from './decide/index.ts';

export interface PreflightsOptions {
  readonly client: ApiClient;
  readonly log: Pick<Log, 'warn'>;
  /** False: no dry runs (`--preflight=false`). */
  readonly enabled: boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** How long a dry run without an answer is not repeated for the same step. */
const UNANSWERED_MS = 60_000;

/** What a dry run covers: the spec of one generation, with the Job names of one resume. */
interface PreflightKey {
  readonly generation: number;
  readonly resumes: number;
}

interface PreflightState extends PreflightKey {
  /** SHA-256 of the fields that the Jobs are built from; absent without an answer. */
  readonly digest?: string;
  /** Set without an answer: the dry run from this step on is not repeated before `untilMs`. */
  readonly unanswered?: { readonly from: number; readonly untilMs: number };
}

type Reason = NonNullable<PreflightVerdict['unanswered']>['reason'] | 'ServerError';

/** Warnings for administrators. An exhausted quota or a missing permission shows when the Job is created. */
const WARNINGS: Readonly<Partial<Record<Reason, string>>> = {
  DryRunUnsupported:
    'preflight skipped: an admission webhook does not support dry runs; what the API server refuses shows when the step starts',
  ServerError: 'preflight skipped: the API server cannot answer dry runs; what it refuses shows when the step starts',
  TooMany: 'preflight incomplete: the steps cannot be checked together, and there are too many to check each',
};

export class Preflights {
  readonly #options: PreflightsOptions;
  /** By the UID of the SequentialJob. */
  readonly #states = new Map<string, PreflightState>();
  readonly #logged = new Set<Reason>();

  constructor(options: PreflightsOptions) {
    this.#options = options;
  }

  /** Whether the Jobs must be dry-run before the next step of this object starts. */
  isDue(object: SequentialJob): boolean {
    if (!this.#options.enabled) return false;
    const state = this.#states.get(object.metadata.uid);
    return state?.digest === undefined || !isSame(state, preflightKeyOf(object));
  }

  /** Records that the API server accepts the Jobs of this object, or cannot check them. */
  remember(object: SequentialJob): void {
    this.#states.set(object.metadata.uid, { ...preflightKeyOf(object), digest: digestOf(object) });
  }

  /** For a sequence that has finished or was deleted. */
  forget(uid: string): void {
    this.#states.delete(uid);
  }

  /**
   * Dry-runs the Jobs, unless the fields that they are built from are unchanged; returns the snapshot with the result.
   * A server that does not answer is asked twice, with a backoff between (the first time rejects with ApiError), and
   * then before each step.
   */
  async run({ from, resumes }: Extract<Action, { type: 'Preflight' }>, snapshot: Snapshot): Promise<Snapshot> {
    const { object } = snapshot;
    const { client } = this.#options;
    const state = this.#states.get(object.metadata.uid);
    if (state?.resumes === resumes && state.digest === digestOf(object)) return { ...snapshot, preflight: PASSED };
    if (this.#isUnanswered(state, object, from)) return { ...snapshot, preflight: OPEN };
    try {
      const verdict = await preflight(object, { firstIndex: from, resumes }, (manifest) =>
        dryRunCreate(client, manifest, { fieldManager: MANAGER }),
      );
      const result = this.#toPreflight(verdict, object);
      if (result.type === 'open') this.#postpone(object, from);
      return { ...snapshot, preflight: result };
    } catch (error) {
      if (!isApiError(error, 'ServerError', 'Timeout') || !this.#hasFailedBefore(object)) throw error;
      this.#log('ServerError', error.message, object);
      this.#postpone(object, from);
      return { ...snapshot, preflight: OPEN };
    }
  }

  #isUnanswered(state: PreflightState | undefined, object: SequentialJob, from: number): boolean {
    if (state?.unanswered === undefined || state.unanswered.from !== from || !isSame(state, preflightKeyOf(object)))
      return false;
    return this.#options.now() < state.unanswered.untilMs;
  }

  #postpone(object: SequentialJob, from: number): void {
    const unanswered = { from, untilMs: this.#options.now() + UNANSWERED_MS };
    this.#states.set(object.metadata.uid, { ...preflightKeyOf(object), unanswered });
  }

  #toPreflight({ errors, ignoredFields, unanswered }: PreflightVerdict, object: SequentialJob): Preflight {
    if (unanswered !== undefined) this.#log(unanswered.reason, unanswered.message, object);
    if (errors.length > 0) return { type: 'refused', errors, ignoredFields };
    // An exhausted quota or a missing permission also blocks the Job's real creation.
    const isOpen = unanswered?.reason === 'QuotaExceeded' || unanswered?.reason === 'PermissionDenied';
    return isOpen ? OPEN : { type: 'passed', ignoredFields };
  }

  /** Records that the server did not answer; returns whether it had failed for the same key before. */
  #hasFailedBefore(object: SequentialJob): boolean {
    const { uid } = object.metadata;
    const before = this.#states.get(uid);
    const key = preflightKeyOf(object);
    this.#states.set(uid, key);
    return before !== undefined && before.digest === undefined && isSame(before, key);
  }

  /** Logs a property of the server once, a property of the sequence each time. */
  #log(reason: Reason, message: string, object: SequentialJob): void {
    const warning = WARNINGS[reason];
    if (warning === undefined || this.#logged.has(reason)) return;
    if (reason !== 'TooMany') this.#logged.add(reason);
    this.#options.log.warn({ sequentialJob: keyOf(object), err: message }, warning);
  }
}

const OPEN: Preflight = { type: 'open' };
const PASSED: Preflight = { type: 'passed', ignoredFields: [] };

const preflightKeyOf = ({ metadata, spec, status }: SequentialJob): PreflightKey => ({
  generation: metadata.generation ?? 0,
  resumes: status?.resumes ?? spec.resume ?? 0,
});

/** A change of mutable fields such as `suspend` changes the generation but no Job. */
const digestOf = ({ spec }: SequentialJob): string =>
  createHash('sha256')
    .update(JSON.stringify(immutablePart(spec)))
    .digest('base64');

const isSame = (a: PreflightKey, b: PreflightKey): boolean => a.generation === b.generation && a.resumes === b.resumes;

/**
 * After a report: the next reconcile does not repeat the preflight. Skips deleted objects, whose entry would never be
 * removed.
 */
export function rememberPreflight(
  { object, preflight }: Snapshot,
  { preflights, sequentialJobs }: { readonly preflights: Preflights; readonly sequentialJobs: Cache<SequentialJob> },
): void {
  const exists = sequentialJobs.get(keyOf(object))?.metadata.uid === object.metadata.uid;
  if (!exists) preflights.forget(object.metadata.uid);
  else if (preflight?.type === 'passed') preflights.remember(object);
}

/** Whether the preflight found fields that the API server ignores, which the next status reports. */
export const hasUnreportedFields = ({ preflight }: Snapshot): boolean =>
  preflight?.type === 'passed' && preflight.ignoredFields.length > 0;
