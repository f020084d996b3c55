/** Somebody who creates one SequentialJob after the other, whatever happens to the operator meanwhile. */
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { collectionPath, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { tryKubectl } from './cluster.ts';
import type { Namespace } from './namespace.ts';
import { eventually } from './eventually.ts';
import { manifest, sequence } from './sequences.ts';

/** How often kubectl applies one, a process of its own, whether those before have been answered or not. */
const EVERY_MS = 200;
/** How often a request applies one on the server. */
const QUICK_EVERY_MS = 40;

/** One machine with everything else on it takes so long to delete what a stream created. */
const DELETION_MS = 120_000;

/** Of what one stream created. */
const LABEL = 'tests.example.com/stream';

/** Suspended: it is admission that is asked for, not Pods. */
const SPEC: SequentialJobSpec = sequence(1, {}, { suspend: true });

export class ObjectStream {
  readonly #namespace: Namespace;
  readonly #prefix: string;
  readonly #quick: number;
  readonly #stopping = new AbortController();
  readonly #failures: string[] = [];
  readonly #running: Promise<void>;
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
    const answers: Promise<void>[] = [];
    while (!this.#stopping.signal.aborted) {
      const isQuick = this.#count < this.#quick;
      answers.push(this.#apply(`${this.#prefix}-${this.#count++}`, isQuick));
      await sleep(isQuick ? QUICK_EVERY_MS : EVERY_MS, this.#stopping.signal);
    }
    await Promise.all(answers);
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
