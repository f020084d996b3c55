/** The commands that are suggested. */
import { describe, expect, it } from '@jest/globals';
import { nextCommands, quoted } from '../../../../cli/status/next-commands.ts';
import { type SequenceView, toSequenceView } from '../../../../cli/status/sequence-view.ts';
import { NOW_MS, sequentialJob } from '../../../support/objects.ts';

const BASE = toSequenceView(sequentialJob({ status: { observedGeneration: 1, phase: 'Running' } }), [], NOW_MS);
const waitingFor = (reason: string): Partial<SequenceView> => ({ waiting: { reason, message: '' } });
const failedWith = (reason: string): Partial<SequenceView> => ({ phase: 'Failed', failure: { reason, message: '' } });

describe('while a sequence', () => {
  it.each([
    ['waits for a claim', waitingFor('PersistentVolumeClaimNotFound'), 'kubectl get persistentvolumeclaims'],
    ['waits for a quota', waitingFor('QuotaExceeded'), 'kubectl describe resourcequota'],
    [
      'waits for an image',
      waitingFor('ImagePullBackOff'),
      'kubectl describe pods -l batch.example.com/sequentialjob=etl',
    ],
    ['waits for a permission of the operator', waitingFor('PermissionDenied'), 'kubectl describe sequentialjob etl'],
    ['has a Job that somebody else has suspended', waitingFor('JobSuspended'), 'kubectl describe job'],
    ['was rejected before it started', failedWith('JobRejected'), 'kubectl edit sequentialjob etl'],
    ['has failed', failedWith('DeadlineExceeded'), 'sequentialjob resume etl'],
  ])('%s', (_sentence, more, expected) => {
    const commands = nextCommands({ ...BASE, ...more }, { program: 'sequentialjob', clusterFlags: [] });
    expect(commands).toEqual([`${expected} -n team-a`]);
  });
});

it('watch does not suggest itself', () => {
  const commands = nextCommands(BASE, { program: 'sequentialjob', clusterFlags: [], isWatching: true });
  expect(commands).toEqual(['sequentialjob logs etl -f -n team-a']);
});

it('the flags that choose the cluster are kept, quoted for a shell', () => {
  const invocation = { program: 'kubectl sequentialjob', clusterFlags: ["--context=it's mine"] };
  expect(nextCommands({ ...BASE, phase: 'Completed' }, invocation)).toEqual([
    String.raw`kubectl sequentialjob logs etl -n team-a '--context=it'\''s mine'`,
  ]);
  expect(quoted('--context=admin@k8s')).toBe('--context=admin@k8s');
});
