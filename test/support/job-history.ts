/**
 * What happened to the Jobs of a namespace, from a watch of the test's own straight from the API server: in etcd's
 * order, which is the only one that two writers agree on.
 */
import { LABELS } from '../../shared/api/group.ts';
import type { ApiClient } from '../../shared/kube/client.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import { collectionPath, JOBS } from '../../shared/kube/resources.ts';
import { type WatchEvent, readWatchEvents } from '../../shared/kube/watch.ts';
import { sleep } from '../../shared/sleep.ts';
import type { RawJob } from './cluster.ts';

type What = 'started' | 'completed' | 'failed';

interface Moment {
  readonly sequence: string;
  readonly step: string;
  readonly what: What;
  /** Monotonic milliseconds, when it was seen. */
  readonly at: number;
}

interface List {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly RawJob[];
}

/** Longer than any test. */
const IDLE_MS = 900_000;
const RETRY_MS = 200;

export class JobHistory {
  readonly #client: ApiClient;
  readonly #path: string;
  readonly #moments: Moment[] = [];
  readonly #known = new Set<string>();
  readonly #stopping = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  private constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#path = collectionPath(JOBS, namespace);
  }

  /** Looks from now on, also through outages of the API server, until `stop`. */
  static async start(client: ApiClient, namespace: string): Promise<JobHistory> {
    const history = new JobHistory(client, namespace);
    history.#watching = history.#follow(await history.#list());
    return history;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
  }

  /** `s0 started`, `s0 completed`, …: a step whose Job was made twice has started twice. */
  events(sequence: string): readonly string[] {
    return this.#of(sequence).map(({ step, what }) => `${step} ${what}`);
  }

  /** From the end of each step to the start of the next, in milliseconds. */
  handoffs(sequence: string): readonly number[] {
    const moments = this.#of(sequence);
    return moments.flatMap(({ what, at }, i) => {
      const before = moments[i - 1];
      return what === 'started' && before !== undefined ? [at - before.at] : [];
    });
  }

  #of(sequence: string): readonly Moment[] {
    return this.#moments.filter((moment) => moment.sequence === sequence);
  }

  async #list(): Promise<string> {
    const { metadata, items } = await this.#client.request<List>({ method: 'GET', path: this.#path });
    for (const job of items) this.#note(job);
    return metadata.resourceVersion;
  }

  async #follow(version: string): Promise<void> {
    let from: string | undefined = version;
    while (!this.#stopping.signal.aborted) {
      try {
        from ??= await this.#list();
        for await (const event of readWatchEvents(await this.#open(from))) from = this.#take(event);
      } catch (error) {
        if (isApiError(error, 'Gone')) from = undefined;
        await sleep(RETRY_MS, this.#stopping.signal);
      }
    }
  }

  #open(resourceVersion: string): ReturnType<ApiClient['stream']> {
    const query = { watch: true, resourceVersion };
    return this.#client.stream({ path: this.#path, query, idleMs: IDLE_MS, signal: this.#stopping.signal });
  }

  /** Where to go on from; undefined: with a list. */
  #take({ type, object }: WatchEvent): string | undefined {
    if (type === 'ERROR') return undefined;
    const job = object as RawJob & { readonly metadata: { readonly resourceVersion: string } };
    this.#note(job);
    return job.metadata.resourceVersion;
  }

  #note({ metadata: { uid, labels = {} }, status }: RawJob): void {
    const isTrue = (type: string): boolean =>
      status.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
    const so: Readonly<Record<What, boolean>> = {
      started: true,
      completed: isTrue('Complete'),
      failed: isTrue('Failed'),
    };
    for (const what of ['started', 'completed', 'failed'] as const) {
      if (!so[what] || this.#known.has(`${uid} ${what}`)) continue;
      this.#known.add(`${uid} ${what}`);
      const [sequence = '', step = ''] = [labels[LABELS.name], labels[LABELS.stepName]];
      this.#moments.push({ sequence, step, what, at: performance.now() });
    }
  }
}
