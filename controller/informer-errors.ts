/** Programming errors that the informers ran into: said in the log, and counted, never taken for trouble of the network. */
import { keyOf } from '../shared/kube/cache.ts';
import type { InternalErrorContext } from '../shared/kube/reflector.ts';
import type { Log } from '../shared/log.ts';
import type { Watched } from './metrics/index.ts';

export interface InformerErrorsOptions {
  readonly log: Pick<Log, 'error'>;
  /** Told of each, for metrics. */
  readonly onInternalError?: ((informer: Watched) => void) | undefined;
}

/** Objects that the log has named, at most; beyond, they are only counted. */
const MAX_NAMED = 1_000;

export class InformerErrors {
  readonly #options: InformerErrorsOptions;
  /** UIDs of the objects that the log has named: a watch may bring each of them again and again. */
  readonly #logged = new Set<string>();

  constructor(options: InformerErrorsOptions) {
    this.#options = options;
  }

  /** An object is named once, and nothing of its contents is said. What happens at no object is said each time. */
  note(informer: Watched, err: unknown, { object, retryMs }: InternalErrorContext): void {
    const { log, onInternalError } = this.#options;
    onInternalError?.(informer);
    if (retryMs !== undefined) {
      log.error({ informer, err, retryMs }, 'internal error: the informer relists (please report)');
      return;
    }
    if (this.#isLogged(object?.metadata.uid ?? informer)) return;
    const name = object === undefined ? undefined : keyOf(object);
    log.error({ informer, object: name, err }, 'internal error: the informer skipped an object (please report)');
  }

  #isLogged(uid: string): boolean {
    if (this.#logged.has(uid) || this.#logged.size >= MAX_NAMED) return true;
    this.#logged.add(uid);
    return false;
  }
}
