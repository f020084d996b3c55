/** The metrics of the webhook; those of requests as in controller-runtime's pkg/webhook/internal/metrics. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/**
 * The decision of a review: allowed unchanged, allowed with defaults, denied because of errors in the object, or not
 * evaluated.
 */
export const VERDICTS = ['allowed', 'patched', 'denied', 'errored'] as const;
export type VerdictName = (typeof VERDICTS)[number];

/** A review fails as a whole if one of its objects cannot be converted. */
export const CONVERSION_RESULTS = ['success', 'failure'] as const;
export type ConversionResult = (typeof CONVERSION_RESULTS)[number];

/** Status codes that are exported from the start, as in controller-runtime: a rate needs a first value. */
const USUAL_CODES = ['200', '500'] as const;

/**
 * Why a connection was lost before it was useful: evicted for another one, refused by the limit, no accepted
 * certificate.
 */
export const CONNECTION_LOSSES = ['evicted', 'refused', 'certificate'] as const;
export type ConnectionLoss = (typeof CONNECTION_LOSSES)[number];

/** In seconds. The API server's default timeout is 10 s. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class WebhookMetrics {
  readonly #requests: Counter<'webhook' | 'code'>;
  readonly #latency: Histogram<'webhook'>;
  readonly #inFlight: Gauge<'webhook'>;
  readonly #verdicts: Counter<'webhook' | 'verdict'>;
  readonly #conversions: Counter<'result'>;
  readonly #lost: Counter<'reason'>;
  readonly #expiry: Gauge;

  /** Create it once per registry. The paths that are served: of admission reviews, and of conversion reviews. */
  constructor(registry: Registry, admission: readonly string[], conversion: readonly string[] = []) {
    const common = { labelNames: ['webhook'] as const, registers: [registry] };
    this.#requests = new Counter({
      name: 'controller_runtime_webhook_requests_total',
      help: 'Total number of webhook requests by HTTP status; 499 if the client disconnected',
      labelNames: ['webhook', 'code'],
      registers: [registry],
    });
    this.#latency = new Histogram({
      ...common,
      name: 'controller_runtime_webhook_latency_seconds',
      help: 'Duration of webhook requests in seconds, including the transfer of the body',
      buckets: BUCKETS,
    });
    this.#inFlight = new Gauge({
      ...common,
      name: 'controller_runtime_webhook_requests_in_flight',
      help: 'Number of webhook requests in flight',
    });
    this.#verdicts = new Counter({
      name: 'sequentialjob_webhook_verdicts_total',
      help: 'Total number of admission reviews by decision',
      labelNames: ['webhook', 'verdict'],
      registers: [registry],
    });
    this.#conversions = new Counter({
      name: 'sequentialjob_webhook_conversions_total',
      help: 'Total number of conversion reviews by result',
      labelNames: ['result'],
      registers: [registry],
    });
    this.#lost = new Counter({
      name: 'sequentialjob_webhook_connections_lost_total',
      help: 'Connections that the webhook evicted, rejected, or refused because of the client certificate',
      labelNames: ['reason'],
      registers: [registry],
    });
    this.#expiry = new Gauge({
      name: 'sequentialjob_webhook_certificate_expiry_timestamp_seconds',
      help: 'Expiry of the serving certificate as a Unix timestamp; 0 until one is loaded',
      registers: [registry],
    });
    for (const webhook of [...admission, ...conversion]) this.#start(webhook);
    for (const webhook of admission) for (const verdict of VERDICTS) this.#verdicts.inc({ webhook, verdict }, 0);
    for (const result of CONVERSION_RESULTS) this.#conversions.inc({ result }, 0);
    for (const reason of CONNECTION_LOSSES) this.#lost.inc({ reason }, 0);
  }

  requestStarted(webhook: string): void {
    this.#inFlight.inc({ webhook });
  }

  requestEnded(webhook: string, code: number, ms: number): void {
    this.#inFlight.dec({ webhook });
    this.#requests.inc({ webhook, code: String(code) });
    this.#latency.observe({ webhook }, ms / 1000);
  }

  reviewed(webhook: string, verdict: VerdictName): void {
    this.#verdicts.inc({ webhook, verdict });
  }

  converted(result: ConversionResult): void {
    this.#conversions.inc({ result });
  }

  connectionLost(reason: ConnectionLoss): void {
    this.#lost.inc({ reason });
  }

  /** A new certificate is served; `expiresMs` in Unix milliseconds. */
  certificateServed(expiresMs: number): void {
    this.#expiry.set(expiresMs / 1000);
  }

  #start(webhook: string): void {
    for (const code of USUAL_CODES) this.#requests.inc({ webhook, code }, 0);
    this.#inFlight.set({ webhook }, 0);
    this.#latency.zero({ webhook });
  }
}
