/** An admission webhook of somebody else, as a mesh or an administrator has one. */
import { createAuthority } from './certificates.ts';
import { tryKubectl } from './cluster.ts';
import { startServer } from './http-server.ts';
import type { Labels } from './namespace.ts';

export interface TestWebhook {
  /** Resolves when nobody is asked any more. */
  remove(): Promise<void>;
}

export interface Review {
  readonly uid: string;
  readonly dryRun?: boolean;
  readonly object: object;
}

interface TestWebhookOptions {
  readonly kind: 'MutatingWebhookConfiguration' | 'ValidatingWebhookConfiguration';
  /** Of the configuration and its webhook. */
  readonly name: string;
  /** Of the namespaces that it is for. */
  readonly labels: Labels;
  /** What is reviewed when it is created. */
  readonly rule: object;
  /** A webhook with side effects, which only v1beta1 allows, is not asked about a dry run. */
  readonly version?: 'v1' | 'v1beta1';
  readonly sideEffects?: 'None' | 'Some';
  /** Its answer. */
  readonly review: (request: Review) => object;
}

/** Starts it and installs its configuration; the API server asks it soon after. Rejects where the API server refuses that. */
export async function startTestWebhook(options: TestWebhookOptions): Promise<TestWebhook> {
  const { kind, name, labels, rule, version = 'v1', sideEffects = 'None', review } = options;
  const authority = await createAuthority();
  const server = await startServer(
    ({ body }, response) => {
      const { request } = JSON.parse(body) as { readonly request: Review };
      const answer = { uid: request.uid, ...review(request) };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    },
    await authority.issue(),
  );
  const webhook = {
    name,
    admissionReviewVersions: ['v1'],
    sideEffects,
    failurePolicy: 'Fail',
    namespaceSelector: { matchLabels: labels },
    clientConfig: { url: server.url, caBundle: Buffer.from(authority.ca).toString('base64') },
    rules: [{ operations: ['CREATE'], scope: '*', ...rule }],
  };
  const apiVersion = `admissionregistration.k8s.io/${version}`;
  const configuration = { apiVersion, kind, metadata: { name }, webhooks: [webhook] };
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], configuration);
  if (code !== 0) {
    await server.close();
    throw new Error(stderr);
  }
  return {
    async remove() {
      await tryKubectl(['delete', kind, name]);
      await server.close();
    },
  };
}
