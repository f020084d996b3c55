/** Whether what a step needs exists, asked of the API server: metadata alone, never contents. */
import { ExpiringSet } from '../../shared/expiring-set.ts';
import type { Dependency, DependencyKind } from '../../shared/jobs/dependencies.ts';
import { type ApiClient, METADATA_ONLY } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import {
  CONFIG_MAPS,
  objectPath,
  PERSISTENT_VOLUME_CLAIMS,
  type Resource,
  SECRETS,
} from '../../shared/kube/resources.ts';
import type { Log } from '../../shared/log.ts';
import { TokenBuckets, type TokenBucketsOptions } from '../../shared/token-buckets.ts';
import { dnsSubdomainProblems } from '../../shared/validation/names.ts';

export interface DependencyCheckerOptions {
  readonly client: ApiClient;
  readonly log: Pick<Log, 'warn'>;
  /** Whether Secrets are asked for. Where not, none counts as missing, and no request is refused in vain. */
  readonly checkSecrets: boolean;
  /** Milliseconds, of whatever clock. */
  readonly now: () => number;
  /** Questions of each namespace: so many a second, and so many at once after a pause; default 50 and 500. */
  readonly budget?: Omit<TokenBucketsOptions, 'now'>;
}

const RESOURCES: Readonly<Record<DependencyKind, Resource>> = {
  Secret: SECRETS,
  ConfigMap: CONFIG_MAPS,
  PersistentVolumeClaim: PERSISTENT_VOLUME_CLAIMS,
};

/** Requests under way at once, for each call. */
const MAX_PARALLEL = 8;
const BUDGET = { perSecond: 50, burst: 500 } as const;
/** How long what was missing counts as missing: less than the shortest time after which a step looks again. */
const ABSENT_MS = 3_000;
/** The same where the namespace may not ask. */
const ABSENT_WITHOUT_BUDGET_MS = 60_000;
/** How long what was found counts as there. */
const FOUND_MS = 60_000;
/** How long a permission that was refused counts as refused. */
const FORBIDDEN_MS = 10 * 60_000;

/**
 * Asks by GET: the one read that no cache answers, because a watch would need the right to list every Secret. It comes
 * before a step's Job is created, so that the steady state has none; and as what was found is remembered for a minute, the
 * steps of a sequence, and sequences that share a thing, don't ask for it again and again. What is missing is remembered for
 * a moment, for the many that wait for the same.
 *
 * It is a hint, not more: a Pod that lacks something says so itself. So each namespace has a budget, and what it may not ask for
 * counts as it was last, or as there.
 */
export class DependencyChecker {
  readonly #options: DependencyCheckerOptions;
  readonly #found: ExpiringSet;
  readonly #forbidden: ExpiringSet;
  readonly #absent: ExpiringSet;
  readonly #absentWithoutBudget: ExpiringSet;
  readonly #budget: TokenBuckets;
  readonly #loggedForbidden = new Set<DependencyKind>();

  constructor(options: DependencyCheckerOptions) {
    this.#options = options;
    this.#found = new ExpiringSet(FOUND_MS, options.now);
    this.#forbidden = new ExpiringSet(FORBIDDEN_MS, options.now);
    this.#absent = new ExpiringSet(ABSENT_MS, options.now);
    this.#absentWithoutBudget = new ExpiringSet(ABSENT_WITHOUT_BUDGET_MS, options.now);
    this.#budget = new TokenBuckets({ ...(options.budget ?? BUDGET), now: options.now });
  }

  /**
   * Which of these do not exist in the namespace, in the order given. A kind that may not be read there is left out, and
   * tried again after ten minutes; so are Secrets unless they are to be checked: their kubelet says which one is missing.
   * Rejects with ApiError where there was no answer to the question.
   */
  async missing(namespace: string, dependencies: readonly Dependency[]): Promise<readonly Dependency[]> {
    const checked = dependencies.filter(({ kind }) => kind !== 'Secret' || this.#options.checkSecrets);
    const open = checked.filter((one) => !this.#found.has(foundKey(namespace, one)));
    const absent = new Set<Dependency>();
    const queue = open.values();
    let failed = false;
    // All workers take from the one iterator.
    const work = async (): Promise<void> => {
      for (const dependency of queue) {
        if (failed) return;
        if (!(await this.#exists(namespace, dependency))) absent.add(dependency);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(MAX_PARALLEL, open.length) }, work));
    } catch (error) {
      // Those under way come to their end; no more are sent.
      failed = true;
      throw error;
    }
    // Also what was missed before a refusal: the verdict must not hang on the order of the answers.
    return open.filter((one) => absent.has(one) && !this.#forbidden.has(kindKey(namespace, one.kind)));
  }

  /** True also where the question may not be asked. */
  async #exists(namespace: string, dependency: Dependency): Promise<boolean> {
    const { kind, name } = dependency;
    const key = foundKey(namespace, dependency);
    if (this.#forbidden.has(kindKey(namespace, kind))) return true;
    // The API server checks no reference to a Secret or a ConfigMap; with a name like `..` another path would be asked.
    if (dnsSubdomainProblems(name).length > 0) return false;
    if (this.#absent.has(key)) return false;
    if (!this.#budget.take(namespace)) return !this.#absentWithoutBudget.has(key);
    try {
      // What comes is dropped: `kubectl apply` leaves a copy of the contents in an annotation.
      await this.#options.client.request({
        method: 'GET',
        path: objectPath(RESOURCES[kind], namespace, name),
        accept: METADATA_ONLY,
      });
      this.#found.add(key);
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) {
        this.#absent.add(key);
        this.#absentWithoutBudget.add(key);
        return false;
      }
      if (!isApiError(error, 'Forbidden')) throw error;
      this.#forbid(namespace, kind, error.message);
      return true;
    }
  }

  /** Says it once for each kind: every namespace without the permission would say the same. */
  #forbid(namespace: string, kind: DependencyKind, reason: string): void {
    this.#forbidden.add(kindKey(namespace, kind));
    if (this.#loggedForbidden.has(kind)) return;
    this.#loggedForbidden.add(kind);
    this.#options.log.warn(
      { kind, namespace, reason },
      'no permission to get objects of this kind: the operator starts steps without checking that these objects exist',
    );
  }
}

const kindKey = (namespace: string, kind: DependencyKind): string => `${namespace}/${kind}`;
const foundKey = (namespace: string, { kind, name }: Dependency): string => `${namespace}/${kind}/${name}`;
