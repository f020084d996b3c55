import { describe, expect, it } from '@jest/globals';
import { podNames } from '../../../../controller/decide/pods-left.ts';
import type { ObservedPod } from '../../../../shared/api/pod.ts';
import { at } from '../../../support/objects.ts';
import { observedPod } from '../../../support/pods.ts';

const going = (name: string): ObservedPod =>
  observedPod({ metadata: { name, deletionTimestamp: at(10) }, node: 'worker-1' });

describe('Pods that are waited for are named', () => {
  it.each<readonly [string, readonly ObservedPod[], number, readonly string[]]>([
    ['none', [], 0, []],
    ['one that runs', [observedPod({ metadata: { name: 'a' } })], 0, ['"a"']],
    ['one that is being deleted', [going('a')], 11, [`"a" on node "worker-1" (to end by ${at(10)})`]],
    [
      'one whose grace period was over a minute ago: its node may be gone, which people can say',
      [going('a'), observedPod({ metadata: { name: 'b' } })],
      71,
      [
        `"a" on node "worker-1" (to end by ${at(10)})`,
        '"b"; if the node is gone, delete the Node or taint it with node.kubernetes.io/out-of-service=nodeshutdown:NoExecute',
      ],
    ],
  ])('%s', (_says, pods, seconds, expected) => {
    expect(podNames(pods, Date.parse(at(0)) + seconds * 1000)).toEqual(expected);
  });
});
