/** Logs and counts programming errors in the informers, apart from network errors. */
import { keyOf } from '../shared/kube/cache.ts';
import type { InternalErrorContext } from '../shared/kube/reflector.ts';
import type { Log } from '../shared/log.ts';
import type { Watched } from './metrics/index.ts';

export interface InformerErrorsOptions {
  readonly log: Pick<Log, 'error'>;
  /** Called for each error, for metrics. */
  readonly onInternalError?: ((informer: Watched) => void) | undefined;
}

/** The maximum number of objects named in the log; the errors of further ones are only counted. */
const MAX_NAMED = 1_000;

export class InformerErrors {
  readonly #options: InformerErrorsOptions;
  /** UIDs of the objects named in the log: a watch may deliver each of them again and again. */
  readonly #logged = new Set<string>();

  constructor(options: InformerErrorsOptions) {
    this.#options = options;
  }

  /**
   * Logs an object once, by name only. An error without an object is logged each time that it causes a relist, else
   * once for each informer.
   */
  record(informer: Watched, err: unknown, { object, retryMs }: InternalErrorContext): void {
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
