/** Adapts the webhook configurations of config/webhook to a webhook that runs on this machine: pure. */
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

/** The first minor release of Kubernetes 1 that has `matchConditions`; kubectl rejects the field for older servers. */
const MATCH_CONDITIONS_SINCE = 28;

/** A Mutating- or ValidatingWebhookConfiguration; fields that are not declared here are kept. */
export interface WebhookConfiguration {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly Webhook[];
}

/** A webhook that is reached by URL instead of a Service. */
export interface WebhookTarget {
  /** For example `https://127.0.0.1:9443`, without a path: the configuration has the path. */
  readonly url: string;
  /** The CA of its certificate, in PEM. */
  readonly caPem: string;
  /** Another name for the configurations, for a cluster with several operators. */
  readonly name?: string;
  /** Selects the namespaces whose objects the API server sends to the webhook; default all. */
  readonly namespaceSelector?: LabelSelector;
}

const isConfiguration = (document: unknown): document is WebhookConfiguration =>
  typeof document === 'object' &&
  document !== null &&
  'kind' in document &&
  (document.kind === 'MutatingWebhookConfiguration' || document.kind === 'ValidatingWebhookConfiguration');

/** The webhook configurations among the documents of a YAML file. Throws if the text is not valid YAML. */
export function webhookConfigurations(text: string): readonly WebhookConfiguration[] {
  return parseAllDocuments(text)
    .map((document) => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS() as unknown;
    })
    .filter(isConfiguration);
}

/** Removes the fields that a server of that minor release does not have; see config/for-server.sh. */
export function withoutUnsupportedFields(configuration: WebhookConfiguration, minor: number): WebhookConfiguration {
  if (minor >= MATCH_CONDITIONS_SINCE) return configuration;
  const webhooks = configuration.webhooks.map((webhook) => {
    const { matchConditions: _, ...known } = webhook;
    return known;
  });
  return { ...configuration, webhooks };
}

/** The part of a CustomResourceDefinition that names the conversion webhook. */
export interface ConvertedDefinition {
  readonly spec: { readonly conversion: { readonly webhook: object } };
}

/** The CustomResourceDefinition with the conversion webhook at the target instead of a Service; everything else is kept. */
export function withConversionTarget<T extends ConvertedDefinition>(
  definition: T,
  { url, caPem }: Pick<WebhookTarget, 'url' | 'caPem'>,
): T {
  const { conversion } = definition.spec;
  const clientConfig = { url: new URL('/convert', url).href, caBundle: Buffer.from(caPem).toString('base64') };
  const webhook = { ...conversion.webhook, clientConfig };
  return { ...definition, spec: { ...definition.spec, conversion: { ...conversion, webhook } } };
}

/**
 * Replaces each webhook's Service by a URL with the Service's path, and sets the CA. Keeps everything else, so that tests
 * use the configuration that clusters get. Throws if a webhook has no path.
 */
export function withTarget(configuration: WebhookConfiguration, target: WebhookTarget): WebhookConfiguration {
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
