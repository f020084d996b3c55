/**
 * Stands in for the Job controller, the scheduler and the nodes of one namespace: every Job has succeeded as soon as it is
 * seen. What it has seen is on record.
 */
import { completion, isComplete, type ObservedObject, stepOf } from '../../bench/controller/sequences.ts';
import { Cache, type Change, type KubeObject } from '../../shared/kube/cache.ts';
import { type ApiClient, PATCH_TYPE } from '../../shared/kube/client.ts';
import { Reflector } from '../../shared/kube/reflector.ts';
import { collectionPath, JOBS, objectPath, type Resource, SEQUENTIAL_JOBS } from '../../shared/kube/resources.ts';
import { Fifo } from '../../shared/fifo.ts';

/** What is kept of a Job or a SequentialJob. */
interface Seen extends KubeObject {
  /** `<sequence>/<index>` of a Job. */
  readonly step: string;
  readonly isComplete: boolean;
}

/** Status writes under way at once. */
const PARALLEL = 16;

export class JobFinisher {
  /** The UIDs of all Jobs that there ever were, by `<sequence>/<index>`. */
  readonly jobs = new Map<string, Set<string>>();
  /** The names of the sequences that are complete. */
  readonly complete = new Set<string>();
  failure: unknown;
  readonly #client: ApiClient;
  readonly #namespace: string;
  readonly #reflectors: readonly Reflector<Seen>[];
  readonly #waiting = new Fifo<string>();
  #writing = 0;

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#namespace = namespace;
    this.#reflectors = [
      this.#watch(JOBS, (change) => this.#job(change)),
      this.#watch(SEQUENTIAL_JOBS, ({ object }) => {
        if (object.isComplete) this.complete.add(object.metadata.name);
      }),
    ];
  }

  async start(): Promise<void> {
    for (const reflector of this.#reflectors) reflector.start();
    await Promise.all(this.#reflectors.map((reflector) => reflector.synced));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  #watch(resource: Resource, onChange: (change: Change<Seen>) => void): Reflector<Seen> {
    const cache = new Cache<Seen>();
    cache.subscribe(onChange);
    return new Reflector({
      client: this.#client,
      path: collectionPath(resource, this.#namespace),
      cache,
      transform: toSeen,
    });
  }

  #job({ type, object }: Change<Seen>): void {
    const { name, uid } = object.metadata;
    this.jobs.set(object.step, (this.jobs.get(object.step) ?? new Set<string>()).add(uid));
    if (type !== 'added' || object.isComplete) return;
    this.#waiting.push(name);
    if (this.#writing < PARALLEL) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing++;
    for (let name = this.#waiting.shift(); name !== undefined; name = this.#waiting.shift()) {
      try {
        await this.#client.request({
          method: 'PATCH',
          path: objectPath(JOBS, this.#namespace, name, 'status'),
          contentType: PATCH_TYPE.merge,
          body: JSON.parse(completion(new Date())) as unknown,
        });
      } catch (error) {
        this.failure = error;
      }
    }
    this.#writing--;
  }
}

function toSeen(raw: unknown): Seen {
  const shown = raw as ObservedObject & KubeObject;
  const { name, namespace, uid, resourceVersion } = shown.metadata;
  const { sequence, index } = stepOf(shown);
  return {
    metadata: { name, uid, resourceVersion, ...(namespace === undefined ? {} : { namespace }) },
    step: `${sequence}/${index}`,
    isComplete: isComplete(shown),
  };
}
