/** A controller's process over a fake API server: its caches, and what it told. A crash is a new one. */
import { reconcile, type ReconcilerDeps } from '../../controller/reconcile.ts';
import { toObservedJob, toSequentialJob } from '../../controller/transform.ts';
import { isApiError } from '../../shared/kube/errors.ts';
import type { FakeApi } from './fake-api.ts';
import { NAMESPACE } from './objects.ts';
import { reconcilerDeps } from './reconciler.ts';

const NAME = 'etl';

export class Process {
  readonly events: string[] = [];
  readonly deps: ReconcilerDeps;
  readonly #api: FakeApi;

  constructor(api: FakeApi, now?: () => number) {
    this.#api = api;
    this.deps = reconcilerDeps(api.client, (_, { reason }) => void this.events.push(reason), now);
    this.sync();
  }

  /** What the watches of SequentialJobs and Jobs bring; that of Pods is always behind. */
  sync(): void {
    const object = this.#api.sequentialJob(NAMESPACE, NAME);
    this.deps.sequentialJobs.replace(object === undefined ? [] : [toSequentialJob(object)], this.#api.version);
    this.deps.jobs.replace(this.#api.jobs().map(toObservedJob), this.#api.version);
  }

  async reconcile(): Promise<number | undefined> {
    return (await reconcile(`${NAMESPACE}/${NAME}`, this.deps)).requeueAfterMs;
  }

  /** Reconciles, and again where that is asked for at once, as the queue does. */
  async settleOnce(): Promise<void> {
    for (let reconciles = 0; reconciles < 5; reconciles++) if ((await this.reconcile()) !== 0) return;
    throw new Error('it asks for another reconcile again and again');
  }

  /** The same until all goes well; the watches go on meanwhile. */
  async settle(): Promise<void> {
    for (let tries = 0; tries < 20; tries++) {
      try {
        await this.settleOnce();
        return;
      } catch (error) {
        if (!isApiError(error)) throw error;
        this.sync();
      }
    }
    throw new Error('it does not settle');
  }
}
