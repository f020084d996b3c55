/** The webhook configurations of config/webhook, made to fit a webhook that runs on this machine: pure. */
import { parseAllDocuments } from 'yaml';

interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly service?: { readonly path?: string };
    readonly url?: string;
    readonly caBundle?: string;
  };
  readonly namespaceSelector?: LabelSelector;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
}

/** From this minor release of Kubernetes 1 on servers know `matchConditions`; kubectl refuses to send them to an older one. */
const MATCH_CONDITIONS_SINCE = 28;

/** A Mutating- or ValidatingWebhookConfiguration; what is not named here is kept as it is. */
export interface WebhookConfiguration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly Webhook[];
}

/** Where a webhook serves that is no Service of the cluster. */
export interface WebhookTarget {
  /** `https://127.0.0.1:9443`, without a path: that is the configuration's. */
  readonly url: string;
  /** The authority behind its certificate, in PEM. */
  readonly caPem: string;
  /** Another name for the configurations, where a cluster has several. */
  readonly name?: string;
  /** The namespaces whose objects it is asked about; all of them by default. */
  readonly namespaceSelector?: LabelSelector;
}

const isConfiguration = (document: unknown): document is WebhookConfiguration =>
  typeof document === 'object' &&
  document !== null &&
  'kind' in document &&
  (document.kind === 'MutatingWebhookConfiguration' || document.kind === 'ValidatingWebhookConfiguration');

/** The webhook configurations among the documents of a YAML file. Throws on text that is no YAML. */
export function webhookConfigurations(text: string): readonly WebhookConfiguration[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS() as unknown;
    })
    .filter(isConfiguration);
}

/** The configuration without what a server of that minor release does not know; see config/for-server.sh. */
export function fitServer(configuration: WebhookConfiguration, minor: number): WebhookConfiguration {
  if (minor >= MATCH_CONDITIONS_SINCE) return configuration;
  const webhooks = configuration.webhooks.map((webhook) => {
    const { matchConditions: _, ...known } = webhook;
    return known;
  });
  return { ...configuration, webhooks };
}

/**
 * The configuration with each webhook's Service replaced by a URL with the Service's path, and the authority to trust. All
 * else stays, so that what is tried here is what a cluster gets. Throws on a webhook that names no path.
 */
export function pointAt(configuration: WebhookConfiguration, target: WebhookTarget): WebhookConfiguration {
  const caBundle = Buffer.from(target.caPem).toString('base64');
  const { name, namespaceSelector } = target;
  return {
    ...configuration,
    metadata: { ...configuration.metadata, ...(name === undefined ? {} : { name }) },
    webhooks: configuration.webhooks.map((webhook) => {
      const path = webhook.clientConfig.service?.path;
      if (path === undefined) throw new Error(`webhook ${webhook.name} has no clientConfig.service.path`);
      return {
        ...webhook,
        clientConfig: { url: new URL(path, target.url).href, caBundle },
        ...(namespaceSelector === undefined ? {} : { namespaceSelector }),
      };
    }),
  };
}
