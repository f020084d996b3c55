import { describe, expect, it } from '@jest/globals';
import type { SequentialJob, SequentialJobStatus, StepStatus } from '../../../../shared/api/types.ts';
import { transitions } from '../../../../local/demo/transitions.ts';

const object = (status?: SequentialJobStatus): SequentialJob => ({
  apiVersion: 'batch.example.com/v1beta1',
  kind: 'SequentialJob',
  metadata: { name: 'etl', namespace: 'default', uid: 'u', resourceVersion: '1' },
  spec: { steps: [] },
  ...(status === undefined ? {} : { status }),
});
const running: StepStatus = {
  index: 0,
  name: 'extract',
  state: 'Running',
  jobName: 'etl-0-extract',
  startTime: '2026-01-01T00:00:00Z',
};
const succeeded: StepStatus = { ...running, state: 'Succeeded', completionTime: '2026-01-01T00:00:02Z' };
const failed: StepStatus = { ...succeeded, state: 'Failed', exitCode: 3 };
const progress = {
  completedIndices: [],
  summary: '0/1',
  failureReason: 'BackoffLimitExceeded',
  failureMessage: 'too often',
};
const texts = (before: SequentialJob | undefined, after: SequentialJob): readonly string[] =>
  transitions(before, after).map(({ text }) => text);

describe('transitions', () => {
  it.each<[string, SequentialJob | undefined, SequentialJob, readonly string[]]>([
    ['nothing for one that has just been made', undefined, object(), []],
    ['a step that starts', object(), object({ phase: 'Running', steps: [running] }), ['extract started']],
    ['a step that ends', object({ steps: [running] }), object({ steps: [succeeded] }), ['extract succeeded after 2s']],
    [
      'start and end of a step whose start was not seen',
      object(),
      object({ steps: [succeeded] }),
      ['extract started', 'extract succeeded after 2s'],
    ],
    [
      'the end of one step and the start of the next, in order',
      object({ steps: [running] }),
      object({ steps: [succeeded, { ...running, index: 1, name: 'load' }] }),
      ['extract succeeded after 2s', 'load started'],
    ],
    [
      'a failure, with the exit code and the reason',
      object({ phase: 'Running', steps: [running] }),
      object({ phase: 'Failed', steps: [failed], progress }),
      ['extract failed after 2s, exit code 3', 'failed: BackoffLimitExceeded: too often'],
    ],
  ])('tells of %s', (_, before, after, expected) => {
    expect(texts(before, after)).toEqual(expected);
  });
});
