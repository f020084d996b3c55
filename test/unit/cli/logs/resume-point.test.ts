/** A log that is cut off goes on where it was: each line once. */
import { describe, expect, it } from '@jest/globals';
import { array, assert, constantFrom, integer, nat, property, tuple } from 'fast-check';
import { ResumePoint } from '../../../../cli/logs/resume-point.ts';

const at = (second: number, fraction = ''): string => `2026-11-02T10:00:${String(second).padStart(2, '0')}${fraction}Z`;

/** Reads the log in parts, each from the start of the second at which the one before ended, as the kubelet does. */
function readInParts(log: readonly string[], cuts: readonly number[]): readonly string[] {
  const point = new ResumePoint();
  const texts: string[] = [];
  for (const cut of [...cuts, log.length]) {
    const { since } = point;
    point.reopen();
    const rest = since === undefined ? log : log.filter((line) => line.slice(0, 19) >= since.slice(0, 19));
    const end = log[cut];
    for (const line of rest) {
      if (line === end) break;
      const accepted = point.accept(line);
      if (accepted !== undefined) texts.push(accepted.text);
    }
  }
  return texts;
}

describe('a log is printed once, whole, if it is cut', () => {
  it('anywhere, also among lines of the same time', () => {
    const line = tuple(integer({ min: 0, max: 3 }), constantFrom('', '.5', '.25', '.123456789', '.000000001'));
    assert(
      property(array(line, { maxLength: 12 }), array(nat(12), { maxLength: 4 }), (times, cuts) => {
        const sortKey = ([second, fraction]: readonly [number, string]): string =>
          `${second}${fraction.padEnd(10, '0').replace(/^0/, '.')}`;
        const log = times
          .toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : sortKey(a) > sortKey(b) ? 1 : 0))
          .map(([second, fraction], index) => `${at(second, fraction)} line ${index}`);
        const read = readInParts(
          log,
          cuts.filter((cut) => cut < log.length),
        );
        expect(read).toEqual(log.map((_, index) => `line ${index}`));
      }),
    );
  });
});

describe('a line', () => {
  it('is parted from its time', () => {
    expect(new ResumePoint().accept(`${at(1, '.5')} some  text`)).toEqual({ time: at(1, '.5'), text: 'some  text' });
  });

  it('without a time is printed as it is', () => {
    expect(new ResumePoint().accept('unable to retrieve container logs')).toEqual({
      time: '',
      text: 'unable to retrieve container logs',
    });
  });

  it('of an earlier time is printed while the log is not opened again: the clock of the node was set back', () => {
    const point = new ResumePoint();
    point.reopen();
    expect([point.accept(`${at(5)} a`), point.accept(`${at(3)} b`)]).toMatchObject([{ text: 'a' }, { text: 'b' }]);
  });
});

it('reading goes on at the second of the last line', () => {
  const point = new ResumePoint();
  expect(point.since).toBeUndefined();
  point.accept(`${at(7, '.9')} a`);
  expect(point.since).toBe(at(7));
});
