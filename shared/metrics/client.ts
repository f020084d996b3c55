/** The metrics of requests to the API server, as in client-go's tools/metrics and component-base's restclient. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { RequestObserver } from '../kube/client.ts';

/** client-go's value of `code` for a request without an answer. */
const NO_ANSWER = '<error>';

/** In seconds; component-base's buckets. */
const BUCKETS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

export class ClientMetrics {
  readonly #requests: Counter<'code' | 'method' | 'host'>;
  readonly #duration: Histogram<'verb' | 'host'>;

  constructor(registry: Registry) {
    this.#requests = new Counter({
      name: 'rest_client_requests_total',
      help: 'Total number of requests to the API server; code <error> if there was no response, method WATCH for opening a watch',
      labelNames: ['code', 'method', 'host'],
      registers: [registry],
    });
    this.#duration = new Histogram({
      name: 'rest_client_request_duration_seconds',
      help: 'Duration of requests to the API server in seconds; of a watch, until it is open',
      labelNames: ['verb', 'host'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /**
   * An observer of a client's requests; `server` is its base URL. Paths are left out because they contain object
   * names.
   */
  observer(server: string): RequestObserver {
    const host = URL.parse(server)?.host ?? '';
    return ({ method, status, ms }) => {
      this.#requests.inc({ code: status === undefined ? NO_ANSWER : String(status), method, host });
      this.#duration.observe({ verb: method, host }, ms / 1000);
    };
  }
}
