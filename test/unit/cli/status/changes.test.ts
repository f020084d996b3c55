/** The lines of `watch` without a terminal. */
import { describe, expect, it } from '@jest/globals';
import { changes } from '../../../../cli/status/changes.ts';
import { toSequenceView } from '../../../../cli/status/sequence-view.ts';
import { paintAll } from '../../../../cli/status/style.ts';
import { NOW, NOW_MS } from '../../../support/objects.ts';
import { SHOWN } from '../../../support/shown-sequences.ts';

function linesFrom(before: string | undefined, after: string): readonly string[] {
  const view = (what: string): ReturnType<typeof toSequenceView> => {
    const shown = SHOWN[what];
    if (shown === undefined) throw new Error(what);
    return toSequenceView(shown.object, shown.pods, NOW_MS);
  };
  const text = paintAll(changes(before === undefined ? undefined : view(before), view(after)), false);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.replace(`${NOW}  `, ''));
}

describe('watch says', () => {
  it('at first everything that has begun', () => {
    expect(linesFrom(undefined, 'a running step')).toEqual([
      'team-a/etl is Running (1/3)',
      'step 0 (extract) Succeeded (attempt 1 of 4, 1m42s)',
      'step 1 (transform) Running (attempt 1 of 4)',
    ]);
  });

  it('nothing where nothing has changed', () => {
    expect(linesFrom('a running step', 'a running step')).toEqual([]);
  });

  it('what a step waits for, once', () => {
    expect(linesFrom('a running step', 'a step that waits for a Secret')).toEqual([
      'step 1 (transform) Waiting',
      'waiting: SecretNotFound: Secret "database" not found',
    ]);
    expect(linesFrom('a step that waits for a Secret', 'a step that waits for a Secret')).toEqual([]);
  });

  it('that an attempt has failed, and how', () => {
    expect(linesFrom('a running step', 'a step that is retried')).toEqual([
      'step 1 (transform) Retrying (attempt 2 of 2, exit code 3, Error)',
    ]);
  });

  it('that the sequence has failed, and why', () => {
    expect(linesFrom('a step that is retried', 'a failed sequence')).toEqual([
      expect.stringMatching(/^team-a\/etl is Failed \(1\/3\): Step 1 \(transform\) failed: BackoffLimitExceeded: /),
      'step 1 (transform) Failed (attempt 2 of 2, exit code 3, Error, 2m56s)',
      'step 2 (load) Not run',
    ]);
  });

  it('that a resume was requested', () => {
    expect(linesFrom('a failed sequence', 'a failed sequence that is to be resumed')[0]).toMatch(
      /^team-a\/etl is Failed \(1\/3\), a resume was requested: /,
    );
  });

  it('the steps of finally', () => {
    expect(linesFrom('a failed sequence', 'a sequence that finishes')).toContain('step 0 (notify) of finally Starting');
  });
});
