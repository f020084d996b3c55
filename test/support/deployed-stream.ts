/** Somebody who creates one SequentialJob after the other, whatever happens to the operator meanwhile. */
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { collectionPath, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { tryKubectl } from './cluster.ts';
import type { Namespace } from './namespace.ts';
import { eventually } from './eventually.ts';
import { manifest, sequence } from './sequences.ts';

/** How often kubectl applies one, a process of its own. */
const EVERY_MS = 200;
/** How often a request applies one on the server. */
const QUICK_EVERY_MS = 40;

/**
 * How many applies may be unanswered. A machine on which kubectl takes longer than the pause would otherwise run more and more
 * of them, until nothing else gets a turn.
 */
const MAX_PENDING = 3;
const QUICK_MAX_PENDING = 20;

/** One machine with everything else on it takes so long to delete what a stream created. */
const DELETION_MS = 120_000;

/** Of what one stream created. */
const LABEL = 'tests.example.com/stream';

/** Suspended: it is admission that is asked for, not Pods. */
const SPEC: SequentialJobSpec = sequence(1, {}, { suspend: true });

export class ObjectStream implements AsyncDisposable {
  readonly #namespace: Namespace;
  readonly #prefix: string;
  readonly #quick: number;
  readonly #stopping = new AbortController();
  readonly #failures: string[] = [];
  readonly #running: Promise<void>;
  #ended: Promise<readonly string[]> | undefined;
  #count = 0;

  /** The first `quick` objects are applied on the server, one soon after the other; all others by kubectl. */
  constructor(namespace: Namespace, prefix: string, quick = 0) {
    this.#namespace = namespace;
    this.#prefix = prefix;
    this.#quick = quick;
    this.#running = this.#run();
  }

  /** How many were applied. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when so many more were applied. */
  async more(count: number): Promise<void> {
    const wanted = this.#count + count;
    await eventually(`${count} more objects`, () => this.#count >= wanted);
  }

  /** Ends it and deletes what was created; what was said of those that failed. */
  async end(): Promise<readonly string[]> {
    return (this.#ended ??= this.#end());
  }

  /** Ends it where a test failed before it did so. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #end(): Promise<readonly string[]> {
    this.#stopping.abort();
    await this.#running;
    const path = collectionPath(SEQUENTIAL_JOBS, this.#namespace.name);
    await this.#namespace.client.request({
      method: 'DELETE',
      path,
      query: { labelSelector: `${LABEL}=${this.#prefix}` },
      timeoutMs: DELETION_MS,
    });
    return this.#failures;
  }

  async #run(): Promise<void> {
    const pending = new Set<Promise<void>>();
    while (!this.#stopping.signal.aborted) {
      const isQuick = this.#count < this.#quick;
      const answer = this.#apply(`${this.#prefix}-${this.#count++}`, isQuick).finally(() => pending.delete(answer));
      pending.add(answer);
      if (pending.size >= (isQuick ? QUICK_MAX_PENDING : MAX_PENDING)) await Promise.race(pending);
      await sleep(isQuick ? QUICK_EVERY_MS : EVERY_MS, this.#stopping.signal);
    }
    await Promise.all(pending);
  }

  async #apply(name: string, isQuick: boolean): Promise<void> {
    const metadata = { namespace: this.#namespace.name, name, labels: { [LABEL]: this.#prefix } };
    const object = manifest(name, SPEC, metadata);
    const error = await (isQuick ? this.#applyOnServer(object) : applyByKubectl(object));
    if (error !== undefined) this.#failures.push(`${new Date().toISOString()} ${name}: ${error}`);
  }

  async #applyOnServer(object: { readonly metadata: { readonly name: string } }): Promise<string | undefined> {
    try {
      await this.#namespace.client.request({
        method: 'PATCH',
        path: objectPath(SEQUENTIAL_JOBS, this.#namespace.name, object.metadata.name),
        query: { fieldManager: 'tests' },
        contentType: PATCH_TYPE.apply,
        body: object,
      });
      return undefined;
    } catch (error) {
      return String(error);
    }
  }
}

async function applyByKubectl(object: object): Promise<string | undefined> {
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], object);
  return code === 0 ? undefined : stderr.trim();
}
