/** A namespace that is full: its quota lets no further Job, or Pod, in. */
import { kubectl, type Namespace, tryKubectl } from './cluster.ts';
import { eventually } from './eventually.ts';

/** Its name, which the API server gives wherever it refuses. */
export const QUOTA = 'no-room-left';

const KINDS = {
  jobs: { resource: 'count/jobs.batch', create: ['create', 'job'] },
  pods: { resource: 'pods', create: ['run'] },
} as const;

/**
 * Runs `body` while the namespace takes none of these, whatever it holds. That begins and ends when the API server says so
 * itself: its quota plugin reads quotas from a cache, and lets objects in uncounted where a new quota is not in it yet.
 */
export async function withoutRoomFor(
  kind: keyof typeof KINDS,
  namespace: Namespace,
  body: () => Promise<void>,
): Promise<void> {
  const { resource, create } = KINDS[kind];
  const probe = [...create, 'probe', '--image=busybox', '--dry-run=server', '-n', namespace.name];
  // What the API server says against one more; empty where it would take it.
  const refusal = async (): Promise<string> => (await tryKubectl(probe)).stderr;

  await kubectl('create', 'quota', QUOTA, `--hard=${resource}=0`, '-n', namespace.name);
  try {
    await eventually(`no room for ${kind}`, async () => (await refusal()).includes(QUOTA) || undefined);
    await body();
  } finally {
    await kubectl('delete', 'quota', QUOTA, '-n', namespace.name);
  }
  await eventually(`room for ${kind}`, async () => (await refusal()) === '' || undefined);
}
