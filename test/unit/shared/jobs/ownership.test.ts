/** Where a step's Job is made and whose it is: nothing that a user writes into the template has a say in it. */
import { describe, expect, it } from '@jest/globals';
import { buildJob } from '../../../../shared/jobs/job.ts';
import { NAMESPACE, ownedBy, sequentialJob } from '../../../support/objects.ts';

/** As an object may be where no webhook and no schema has looked at it. */
const built = (metadata: object): ReturnType<typeof buildJob> =>
  buildJob(sequentialJob({ spec: { template: { metadata } } }), 0, 0);

describe('a Job does not get from the template', () => {
  const plain = built({});

  it.each([
    ['a namespace', { namespace: 'kube-system' }],
    ['a name', { name: 'other', generateName: 'other-' }],
    ['owners', { ownerReferences: [ownedBy('other', 'other')] }],
    ['finalizers', { finalizers: ['example.com/stays'] }],
    ['a UID and a resourceVersion', { uid: 'other', resourceVersion: '1' }],
    [
      'values for our labels',
      {
        labels: {
          'batch.example.com/sequentialjob': 'other',
          'batch.example.com/sequentialjob-uid': 'other',
          'batch.example.com/step-index': '7',
          'batch.example.com/step-name': 'other',
          'app.kubernetes.io/managed-by': 'other',
        },
      },
    ],
    [
      'reserved labels of ours and of the Job controller that the Job does not have',
      {
        labels: {
          'batch.example.com/resume': '3',
          'results.batch.example.com/load': 'forged',
          'batch.kubernetes.io/controller-uid': 'other',
          'controller-uid': 'other',
          'job-name': 'other',
        },
      },
    ],
    [
      'reserved annotations of ours and of the Job controller',
      {
        annotations: {
          'batch.example.com/suspended': 'true',
          'results.batch.example.com/load': 'forged',
          'batch.kubernetes.io/job-completion-index': '7',
        },
      },
    ],
  ])('%s', (_name, metadata) => {
    expect(built(metadata)).toEqual(plain);
  });

  it("any other reserved metadata: it keeps the user's other labels and annotations, even if their keys look like ours", () => {
    const own = { 'xbatch.example.com/a': 'b', 'batch.example.com.evil.org/a': 'b', team: 'a' };
    const { metadata } = built({ labels: own, annotations: own }).spec.template;
    expect(metadata?.labels).toEqual({ ...plain.spec.template.metadata?.labels, ...own });
    expect(metadata?.annotations).toEqual(own);
  });

  it('its namespace or its controller, which come from the sequence', () => {
    expect(plain.metadata).toMatchObject({ namespace: NAMESPACE, ownerReferences: [ownedBy()] });
  });
});
