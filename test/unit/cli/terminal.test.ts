/** When there are colors. */
import { expect, it } from '@jest/globals';
import { wantsColor } from '../../../cli/terminal.ts';

it.each([
  ['on a terminal', true, {}, true],
  ['not in a pipe', false, {}, false],
  ['not against NO_COLOR', true, { NO_COLOR: '1' }, false],
  ['with an empty NO_COLOR, which counts as none', true, { NO_COLOR: '' }, true],
  ['not on a terminal that has none', true, { TERM: 'dumb' }, false],
])('colors %s', (_sentence, isTerminal, env, expected) => {
  expect(wantsColor(isTerminal, env)).toBe(expected);
});
