/** Somebody who creates one SequentialJob after the other, whatever happens to the operator meanwhile. */
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { PATCH_TYPE } from '../../shared/kube/client.ts';
import { collectionPath, objectPath, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { sleep } from '../../shared/sleep.ts';
import { type Namespace, tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';
import { sequence } from './sequences.ts';

/** Each apply of kubectl's is a process of its own; one on the server is a request. */
export type Apply = 'client-side' | 'server-side';

/** How often one is applied, whether those before have been answered or not. */
const EVERY_MS = { 'client-side': 200, 'server-side': 40 } as const satisfies Readonly<Record<Apply, number>>;

/** Of what one stream created. */
const LABEL = 'tests.example.com/stream';

/** Suspended: it is admission that is asked for, not Pods. */
const SPEC: SequentialJobSpec = sequence(1, {}, { suspend: true });

export class ObjectStream {
  readonly #namespace: Namespace;
  readonly #prefix: string;
  readonly #how: Apply;
  readonly #stopping = new AbortController();
  readonly #failures: string[] = [];
  readonly #running: Promise<void>;
  #count = 0;

  constructor(namespace: Namespace, prefix: string, how: Apply = 'client-side') {
    this.#namespace = namespace;
    this.#prefix = prefix;
    this.#how = how;
    this.#running = this.#run();
  }

  /** How many were applied. */
  get count(): number {
    return this.#count;
  }

  /** Resolves when so many more were applied. */
  async more(count: number): Promise<void> {
    const wanted = this.#count + count;
    await eventually(`${count} more objects`, () => (this.#count >= wanted ? true : undefined));
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
    });
    return this.#failures;
  }

  async #run(): Promise<void> {
    const answers: Promise<void>[] = [];
    while (!this.#stopping.signal.aborted) {
      answers.push(this.#apply(`${this.#prefix}-${this.#count++}`));
      await sleep(EVERY_MS[this.#how], this.#stopping.signal);
    }
    await Promise.all(answers);
  }

  async #apply(name: string): Promise<void> {
    const metadata = { namespace: this.#namespace.name, name, labels: { [LABEL]: this.#prefix } };
    const object = { apiVersion: 'batch.example.com/v1alpha1', kind: 'SequentialJob', metadata, spec: SPEC };
    const error = await (this.#how === 'client-side' ? applyByKubectl(object) : this.#applyOnServer(object));
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
