/** What reaches a terminal: colors of ours, and nothing that others have written to control it. */
import { describe, expect, it } from '@jest/globals';
import { paint, paintAll, span } from '../../../../cli/status/style.ts';
import { renderStatus } from '../../../../cli/status/render-status.ts';
import { toSequenceView } from '../../../../cli/status/sequence-view.ts';
import { EVIL, harmful, HARMS } from '../../../support/harmful-text.ts';
import { container, NOW_MS, sequentialJob } from '../../../support/objects.ts';
import { done } from '../../../support/shown-sequences.ts';

describe('paint', () => {
  it('adds colors where they are wanted', () => {
    const line = [span('a', 'good'), span(' '), span('b')];
    expect([paint(line, true), paint(line, false)]).toEqual(['\u001B[32ma\u001B[39m b', 'a b']);
  });

  it('leaves out blanks at the end of a line', () => {
    expect(paint([span('a '), span('  ', 'good'), span('')], true)).toBe('a');
  });

  it.each(HARMS)('lets nothing through that is harmful: %s', (_sentence, text) => {
    expect(harmful(paint([span(`<${text}>`)], false))).toEqual([]);
  });
});

it('the screen of a sequence of which every text is harmful is not', () => {
  const object = sequentialJob({
    metadata: { name: EVIL, namespace: EVIL },
    spec: { steps: [container(EVIL)] },
    status: {
      phase: EVIL as 'Failed',
      conditions: [
        { type: 'Progressing', status: 'True', reason: EVIL, message: EVIL, lastTransitionTime: EVIL },
        { type: 'ResourcesUnavailable', status: 'True', reason: EVIL, message: EVIL, lastTransitionTime: EVIL },
      ],
      progress: { completedIndices: [], summary: EVIL, failureReason: EVIL, failureMessage: EVIL },
      steps: [done(0, -90, -80, { state: 'Failed', reason: EVIL, message: EVIL, jobName: EVIL })],
    },
  });
  const view = toSequenceView(object, [], NOW_MS);
  for (const width of [undefined, 80]) {
    const text = paintAll(renderStatus(view, { width, isWide: true, next: [EVIL], notes: [EVIL] }), false);
    expect(harmful(text)).toEqual([]);
  }
});
