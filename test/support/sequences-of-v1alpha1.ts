/** What the users of a release that has only v1alpha1 leave to the next one: a sequence in each state. */
import type { ApiClient } from '../../shared/kube/client.ts';
import { kubectl } from './cluster.ts';
import type { Manifest } from './manifests.ts';
import type { Namespace } from './namespace.ts';
import { GATE, gated } from './real-pods.ts';
import { askServer } from './server-features.ts';
import { step, withConfigMap, withSecret } from './sequences.ts';
import { writtenInV1alpha1 } from './v1alpha1.ts';

const resources = { requests: { cpu: '10m', memory: '8Mi' }, limits: { memory: '64Mi' } };

const SPECS = {
  // As the first users wrote it. A newer release would name its Jobs otherwise: with a hash, as two sequences could have them.
  'night-1': {
    backoffLimit: 0,
    containers: [
      { ...withSecret(step('extract', gated('test "$TOKEN" = secret')), 'database'), resources },
      { ...withSecret(step('transform'), 'database'), resources },
      { ...withSecret(step('load', 'test "$TOKEN" = secret'), 'database'), resources },
    ],
    template: { metadata: { labels: { team: 'night' } }, spec: { restartPolicy: 'Never' } },
  },
  // Runs through everything.
  long: { backoffLimit: 0, containers: [step('first', gated()), step('second')] },
  policies: {
    backoffLimit: 0,
    containers: [step('extract', gated()), step('check', 'exit 3'), step('load')],
    stepPolicies: [
      { name: 'check', backoffLimit: 1, onFailure: 'Continue' },
      { name: 'load', activeDeadlineSeconds: 60 },
    ],
  },
  failed: {
    backoffLimit: 0,
    containers: [
      step('extract'),
      withConfigMap(step('load', 'test "$TOKEN" = right || { echo "the token is wrong"; exit 3; }'), 'settings'),
      step('report'),
    ],
  },
  suspended: { backoffLimit: 0, containers: [step('first', gated()), step('second')] },
  done: { backoffLimit: 0, containers: [step('first'), step('second')] },
  waiting: { backoffLimit: 0, containers: [withConfigMap(step('first'), 'late')] },
} as const;

export type SequenceName = keyof typeof SPECS;

export const MANIFESTS: readonly Manifest[] = Object.entries(SPECS).map(([name, spec]) =>
  writtenInV1alpha1(name, spec),
);

/** Creates all of them; resolves when each is in its state. */
export async function createSequences(namespace: Namespace, client: ApiClient): Promise<void> {
  await done(namespace.kubectl(['create', 'secret', 'generic', 'database', '--from-literal=token=secret']));
  await done(namespace.kubectl(['create', 'configmap', 'settings', '--from-literal=token=wrong']));
  await done(namespace.kubectl(['apply', '-f', '-'], ...MANIFESTS));
  for (const name of ['night-1', 'long', 'policies', 'suspended']) await namespace.untilRunning(name, 0);
  await namespace.setSuspend('suspended', true);
  const { suspendsJobs } = await askServer(client);
  // Elsewhere a running step goes on to its end.
  if (!suspendsJobs) await openGate(namespace, 'suspended-0-first');
  await namespace.untilPhase('suspended', 'Suspended');
  await namespace.untilPhase('failed', 'Failed');
  await namespace.untilPhase('done', 'Completed');
  await namespace.untilCondition('waiting', 'ResourcesUnavailable', 'ConfigMapNotFound');
}

/** Lets the step of this Job end. */
export async function openGate(namespace: Namespace, job: string): Promise<void> {
  await kubectl('exec', '-n', namespace.name, `job/${job}`, '--', 'touch', GATE);
}

async function done(command: ReturnType<Namespace['kubectl']>): Promise<void> {
  const { code, stderr } = await command;
  if (code !== 0) throw new Error(stderr);
}
