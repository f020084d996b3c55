/** An admission webhook on Jobs, as a cluster's administrator has one: it denies images, in its own words. */
import { createAuthority } from './certificates.ts';
import { tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';
import { startServer, type TestServer } from './http-server.ts';

const NAME = 'images.policy.example.com';

export interface JobPolicy {
  /** The names of the Jobs that it was asked about, with `(dry run)` behind those that were not meant. */
  readonly asked: readonly string[];
  remove(): Promise<void>;
}

interface Review {
  readonly request: {
    readonly uid: string;
    readonly dryRun?: boolean;
    readonly object: {
      readonly metadata: { readonly name: string };
      readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { image: string }[] } } };
    };
  };
}

/**
 * Starts it for the Jobs of namespaces with these labels, and resolves when the API server asks it. It denies every Job
 * that has an image with `forbidden` in its name.
 */
export async function startJobPolicy(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  kind: PolicyKind = { version: 'v1', sideEffects: 'None' },
): Promise<JobPolicy> {
  const authority = await createAuthority();
  const asked: string[] = [];
  const server = await startServer(
    ({ body }, response) => {
      const { request } = JSON.parse(body) as Review;
      asked.push(`${request.object.metadata.name}${request.dryRun === true ? ' (dry run)' : ''}`);
      const image = request.object.spec.template.spec.containers.map((one) => one.image).find(isForbidden);
      const status = image === undefined ? {} : { status: { message: `the image ${image} is not allowed here` } };
      const answer = { uid: request.uid, allowed: image === undefined, ...status };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    },
    await authority.issue(),
  );
  const { code, stderr } = await tryKubectl(
    ['apply', '-f', '-'],
    configuration(server, { ...kind, namespace, ca: authority.ca, labels }),
  );
  if (code !== 0) {
    await server.close();
    throw new Error(stderr);
  }
  await eventually('the policy in force', async () => await probe(namespace));
  asked.length = 0;
  return {
    asked,
    async remove() {
      await tryKubectl(['delete', 'validatingwebhookconfiguration', nameFor(namespace)]);
      await eventually('the policy out of force', async () => !(await probe(namespace)));
      await server.close();
    },
  };
}

const isForbidden = (image: string): boolean => image.includes('forbidden');

export interface PolicyKind {
  readonly version: 'v1' | 'v1beta1';
  /** A webhook with side effects no server asks about a dry run. */
  readonly sideEffects: 'None' | 'Some';
}

/** Several suites may have one at the same time. */
const nameFor = (namespace: string): string => `${namespace}.${NAME}`;

interface Choice extends PolicyKind {
  readonly namespace: string;
  readonly ca: string;
  readonly labels: Readonly<Record<string, string>>;
}

const configuration = ({ url }: TestServer, { namespace, ca, labels, version, sideEffects }: Choice): object => ({
  apiVersion: `admissionregistration.k8s.io/${version}`,
  kind: 'ValidatingWebhookConfiguration',
  metadata: { name: nameFor(namespace) },
  webhooks: [
    {
      name: NAME,
      admissionReviewVersions: ['v1'],
      sideEffects,
      failurePolicy: 'Fail',
      namespaceSelector: { matchLabels: labels },
      clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') },
      rules: [{ apiGroups: ['batch'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['jobs'], scope: '*' }],
    },
  ],
});

/** Whether the API server asks it: about a Job that it denies, or about a dry run that it can't be asked about. */
async function probe(namespace: string): Promise<boolean> {
  const args = ['create', 'job', 'probe', '--image=forbidden', '--dry-run=server', '-n', namespace];
  return (await tryKubectl(args)).stderr.includes(NAME);
}
