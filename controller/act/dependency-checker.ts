/** Checks with the API server whether the objects that a step references exist; reads metadata only, never contents. */
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
  /** Whether Secrets are checked. If not, none counts as missing, and no request is sent that RBAC would reject. */
  readonly checkSecrets: boolean;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Requests for each namespace: rate and burst; default 50/s and 500. */
  readonly budget?: Omit<TokenBucketsOptions, 'now'>;
}

const RESOURCES: Readonly<Record<DependencyKind, Resource>> = {
  Secret: SECRETS,
  ConfigMap: CONFIG_MAPS,
  PersistentVolumeClaim: PERSISTENT_VOLUME_CLAIMS,
};

/** Concurrent requests of each call. */
const MAX_PARALLEL = 8;
const BUDGET = { perSecond: 50, burst: 500 } as const;
/** How long a missing object counts as missing: less than the shortest retry delay of a step. */
const ABSENT_MS = 3_000;
/** The same while the namespace has no budget left. */
const ABSENT_WITHOUT_BUDGET_MS = 60_000;
/** How long a found object counts as existing. */
const FOUND_MS = 60_000;
/** How long a missing permission is not tried again. */
const FORBIDDEN_MS = 10 * 60_000;

/**
 * Sends a GET for each object. No cache answers these reads, because a watch would need the permission to list all
 * Secrets. The check precedes the creation of a step's Job, so there are no requests in the steady state. Found objects
 * are remembered for a minute, for further steps and for sequences that share an object; missing ones for a moment, for
 * the steps that wait for the same object.
 *
 * The check is a hint only: a Pod that lacks an object reports it itself. So each namespace has a budget; without
 * budget an object counts as it was last, or as existing.
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
   * Returns the missing objects, in the given order. A kind that the operator may not read is skipped for ten minutes;
   * Secrets are skipped unless they are checked, because the kubelet reports a missing one. Rejects with ApiError if a
   * request gets no answer.
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
      // Running requests finish; no more are sent.
      failed = true;
      throw error;
    }
    // Drops also objects found missing before a permission error: the result must not depend on the order of the
    // answers.
    return open.filter((one) => absent.has(one) && !this.#forbidden.has(kindKey(namespace, one.kind)));
  }

  /** True also without permission or budget. */
  async #exists(namespace: string, dependency: Dependency): Promise<boolean> {
    const { kind, name } = dependency;
    const key = foundKey(namespace, dependency);
    if (this.#forbidden.has(kindKey(namespace, kind))) return true;
    // The API server does not validate names in references to Secrets and ConfigMaps; a name like `..` would change the
    // path.
    if (dnsSubdomainProblems(name).length > 0) return false;
    if (this.#absent.has(key)) return false;
    if (!this.#budget.take(namespace)) return !this.#absentWithoutBudget.has(key);
    try {
      // The answer is dropped: `kubectl apply` stores a copy of the contents in an annotation.
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

  /** Logged once for each kind, because every namespace without the permission would repeat it. */
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
