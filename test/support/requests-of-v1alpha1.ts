/** A client of v1alpha1 that reads and writes all the time, and what it is answered while the operator is replaced. */
import { type ApiRequest, PATCH_TYPE } from '../../shared/kube/client.ts';
import { collectionPath, objectPath, V1ALPHA1_SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import type { Namespace } from './namespace.ts';
import { step } from './sequences.ts';
import { writtenInV1alpha1 } from './v1alpha1.ts';

/** Between an answer and the next request of that kind. */
const PAUSE_MS = 50;

/** The answers to one kind of request. */
export interface Answers {
  readonly count: number;
  /** What was said of each request that failed. */
  readonly failures: readonly string[];
  /** The longest time between two successes that has a failure in it. */
  readonly longestOutageMs: number;
}

export class RequestsOfV1alpha1 implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #stopping = new AbortController();
  readonly #running: Promise<readonly (readonly [string, Answers])[]>;

  /** Begins at once; reads and patches the object of that name. Creations and patches are dry runs, which ask the webhooks. */
  constructor(namespace: Namespace, name: string) {
    this.#namespace = namespace;
    const collection = collectionPath(V1ALPHA1_SEQUENTIAL_JOBS, namespace.name);
    const object = objectPath(V1ALPHA1_SEQUENTIAL_JOBS, namespace.name, name);
    const created = writtenInV1alpha1('not-created', { containers: [step('s0')] });
    const patch = { spec: { ttlSecondsAfterFinished: 86_400 } };
    const kinds: Readonly<Record<string, ApiRequest>> = {
      get: { method: 'GET', path: object },
      list: { method: 'GET', path: collection },
      create: { method: 'POST', path: collection, query: { dryRun: 'All' }, body: created },
      patch: { method: 'PATCH', path: object, query: { dryRun: 'All' }, contentType: PATCH_TYPE.merge, body: patch },
    };
    this.#running = Promise.all(
      Object.entries(kinds).map(async ([kind, request]) => [kind, await this.#repeat(request)] as const),
    );
  }

  /** Asks no more; what was answered, by the kind of request. */
  async end(): Promise<Readonly<Record<string, Answers>>> {
    this.#stopping.abort();
    return Object.fromEntries(await this.#running);
  }

  /** Ends it where a test failed before it did so. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #repeat(request: ApiRequest): Promise<Answers> {
    const failures: string[] = [];
    let count = 0;
    let longestOutageMs = 0;
    let lastSuccess = performance.now();
    let hasFailed = false;
    while (!this.#stopping.signal.aborted) {
      const failure = await this.#failureOf(request);
      count++;
      const now = performance.now();
      if (failure !== undefined) failures.push(`${new Date().toISOString()} ${failure}`);
      hasFailed ||= failure !== undefined;
      if (hasFailed) longestOutageMs = Math.max(longestOutageMs, now - lastSuccess);
      if (failure === undefined) [lastSuccess, hasFailed] = [now, false];
      await sleep(PAUSE_MS, this.#stopping.signal);
    }
    return { count, failures, longestOutageMs };
  }

  async #failureOf(request: ApiRequest): Promise<string | undefined> {
    try {
      await this.#namespace.client.request(request);
      return undefined;
    } catch (error) {
      return String(error);
    }
  }
}
