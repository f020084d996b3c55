/** An admission webhook on Jobs, as an administrator has one: it denies every Job that has an image with `forbidden` in its name. */
import { tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';
import type { Labels, Namespace } from './namespace.ts';
import { type Review, startTestWebhook } from './test-webhook.ts';

const NAME = 'images.policy.example.com';

export interface JobPolicy {
  /** The names of the Jobs that it was asked about; those of dry runs end with `(dry run)`. */
  readonly asked: readonly string[];
}

interface JobReview extends Review {
  readonly object: {
    readonly metadata: { readonly name: string };
    readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { image: string }[] } } };
  };
}

interface PolicyKind {
  readonly version?: 'v1' | 'v1beta1';
  readonly sideEffects?: 'None' | 'Some';
}

/** Calls `body` while the policy is in force in the namespace, which has these labels. */
export async function withJobPolicy(
  { name: namespace }: Namespace,
  labels: Labels,
  body: (policy: JobPolicy) => Promise<void>,
  kind: PolicyKind = {},
): Promise<void> {
  const asked: string[] = [];
  const webhook = await startTestWebhook({
    ...kind,
    kind: 'ValidatingWebhookConfiguration',
    // Several suites may have one at the same time.
    name: `${namespace}.${NAME}`,
    labels,
    rule: { apiGroups: ['batch'], apiVersions: ['v1'], resources: ['jobs'] },
    review: (request) => {
      const { metadata, spec } = (request as JobReview).object;
      asked.push(`${metadata.name}${request.dryRun === true ? ' (dry run)' : ''}`);
      const image = spec.template.spec.containers.map((one) => one.image).find((one) => one.includes('forbidden'));
      if (image === undefined) return { allowed: true };
      return { allowed: false, status: { message: `the image ${image} is not allowed here` } };
    },
  });
  // A webhook with side effects makes the API server refuse the dry run, in other words that name it too.
  const probe = ['create', 'job', 'probe', '--image=forbidden', '--dry-run=server', '-n', namespace];
  const isInForce = async (): Promise<boolean> => (await tryKubectl(probe)).stderr.includes(NAME);
  try {
    await eventually('the policy in force', isInForce);
    asked.length = 0;
    await body({ asked });
  } finally {
    await webhook.remove();
    await eventually('the policy out of force', async () => !(await isInForce()));
  }
}
