import { expect, it } from '@jest/globals';
import { type Checks, readiness } from '../../../shared/health.ts';

it.each<readonly [string, Checks, ReturnType<typeof readiness>]>([
  ['ready without checks', {}, { status: 200, message: 'ok' }],
  ['ready when all checks pass', { a: () => true, b: () => true }, { status: 200, message: 'ok' }],
  ['not ready when one fails', { a: () => true, b: () => false }, { status: 503, message: 'not ready: b' }],
  [
    'the reason that a check returns is in the response',
    { a: () => 'x and y', b: () => '' },
    { status: 503, message: 'not ready: a (x and y), b' },
  ],
  ['every failed check is named', { a: () => false, b: () => false }, { status: 503, message: 'not ready: a, b' }],
])('%s', (_says, checks, health) => {
  expect(readiness(checks)).toEqual(health);
});
