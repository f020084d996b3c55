/** Each change of the connection is said once. */
import { expect, it } from '@jest/globals';
import { connectionReport, LOST } from '../../../../cli/cluster/connection-report.ts';

const BACK = 'connected to the API server again';

it.each<readonly [string, readonly boolean[], readonly string[]]>([
  ['nothing while it is there', [true, true], []],
  ['its loss, once', [true, false, false], [LOST]],
  ['its return, once', [false, true, true], [LOST, BACK]],
  ['the next loss, too', [false, true, false], [LOST, BACK, LOST]],
])('says %s', (_what, states, expected) => {
  const said: string[] = [];
  const report = connectionReport((text) => said.push(text));
  for (const state of states) report(state);
  expect(said).toEqual(expected);
});
