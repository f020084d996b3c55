/** An admission webhook on Pods, as a service mesh has one: it adds a container to each, which runs until it is killed. */
import { createAuthority } from './certificates.ts';
import { tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';
import { startServer } from './http-server.ts';

const NAME = 'proxies.mesh.example.com';

export const PROXY = 'mesh-proxy';

export interface PodInjector {
  remove(): Promise<void>;
}

interface Review {
  readonly request: { readonly uid: string };
}

/** Starts it for the Pods of namespaces with these labels, and resolves when the API server asks it; `container` is what it adds. */
export async function startPodInjector(
  namespace: string,
  labels: Readonly<Record<string, string>>,
  container: Readonly<Record<string, unknown>>,
): Promise<PodInjector> {
  const authority = await createAuthority();
  const addition = [{ op: 'add', path: '/spec/containers/-', value: { ...container, name: PROXY } }];
  const patch = Buffer.from(JSON.stringify(addition)).toString('base64');
  const server = await startServer(
    ({ body }, response) => {
      const { request } = JSON.parse(body) as Review;
      const answer = { uid: request.uid, allowed: true, patchType: 'JSONPatch', patch };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }));
    },
    await authority.issue(),
  );
  const webhook = {
    name: NAME,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    namespaceSelector: { matchLabels: labels },
    clientConfig: { url: server.url, caBundle: Buffer.from(authority.ca).toString('base64') },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' }],
  };
  const metadata = { name: `${namespace}.${NAME}` };
  const apiVersion = 'admissionregistration.k8s.io/v1';
  const { code, stderr } = await tryKubectl(['apply', '-f', '-'], {
    apiVersion,
    kind: 'MutatingWebhookConfiguration',
    metadata,
    webhooks: [webhook],
  });
  if (code !== 0) {
    await server.close();
    throw new Error(stderr);
  }
  await eventually('containers are injected', async () => await probe(namespace));
  return {
    async remove() {
      await tryKubectl(['delete', 'mutatingwebhookconfiguration', metadata.name]);
      await eventually('no container is injected', async () => !(await probe(namespace)));
      await server.close();
    },
  };
}

/** Whether the API server asks it. */
async function probe(namespace: string): Promise<boolean> {
  const args = ['run', 'probe', '--image=probe', '--dry-run=server', '-o', 'yaml', '-n', namespace];
  return (await tryKubectl(args)).stdout.includes(PROXY);
}
