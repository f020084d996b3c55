/** A namespace that is full: its quota lets no further Job, or Pod, in. */
import { kubectl, tryKubectl } from './cluster.ts';
import type { Namespace } from './namespace.ts';
import { eventually } from './eventually.ts';

/** Its name, which the API server gives wherever it refuses. */
export const QUOTA = 'no-room-left';

const KINDS = {
  jobs: { resource: 'count/jobs.batch', create: ['create', 'job'] },
  pods: { resource: 'pods', create: ['run'] },
} as const;
type Kind = keyof typeof KINDS;

/**
 * Runs `body` while the namespace takes none of these, whatever it holds. That begins and ends when the API server says so
 * itself: its quota plugin reads quotas from a cache, and lets objects in uncounted where a new quota is not in it yet.
 */
export async function withoutRoomFor(kind: Kind, namespace: Namespace, body: () => Promise<void>): Promise<void> {
  await limit(kind, namespace, 0);
  try {
    await body();
  } finally {
    await kubectl('delete', 'quota', QUOTA, '-n', namespace.name);
  }
  await eventually(`room for ${kind}`, async () => (await refusal(kind, namespace)) === '');
}

/** Lets so many of these into a namespace that holds as many already, and resolves when the API server takes none more. */
export async function limit(kind: Kind, namespace: Namespace, hard: number): Promise<void> {
  await kubectl('create', 'quota', QUOTA, `--hard=${KINDS[kind].resource}=${hard}`, '-n', namespace.name);
  await eventually(`no room for ${kind}`, async () =>
    (await refusal(kind, namespace)).includes(`exceeded quota: ${QUOTA}`),
  );
}

/** Another limit in the place of that one; resolves at once. */
export async function changeLimit(kind: Kind, namespace: Namespace, hard: number): Promise<void> {
  const patch = JSON.stringify({ spec: { hard: { [KINDS[kind].resource]: String(hard) } } });
  await kubectl('patch', 'quota', QUOTA, '--type=merge', '-p', patch, '-n', namespace.name);
}

/** What the API server says against one more; empty where it would take it. */
async function refusal(kind: Kind, namespace: Namespace): Promise<string> {
  const probe = [...KINDS[kind].create, 'probe', '--image=busybox', '--dry-run=server', '-n', namespace.name];
  return (await tryKubectl(probe)).stderr;
}
