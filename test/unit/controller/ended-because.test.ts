import { describe, expect, it } from '@jest/globals';
import { formatEndedBecause, parseEndedBecause } from '../../../controller/ended-because.ts';

describe('the annotation with the reason for which a Job was ended', () => {
  it.each<readonly [string, string, string]>([
    ['a reason and its message', 'ImagePullBackOff', 'no container started within 60 s: Back-off pulling image "a:b"'],
    ['a message of several lines', 'FailedMount', 'volume "a"\nvolume "b"'],
  ])('is read as it was written: %s', (_says, reason, message) => {
    expect(parseEndedBecause(formatEndedBecause({ reason, message }))).toEqual({ reason, message });
  });

  it('is printable, and at most as long as the message of a step', () => {
    const read = parseEndedBecause(formatEndedBecause({ reason: 'A', message: `\u001B[31m${'ä'.repeat(5000)}` }));
    expect(read?.message).toMatch(/^ä+…$/);
    expect(Buffer.byteLength(read?.message ?? '')).toBeLessThanOrEqual(1024);
  });

  it.each<readonly [string, string | undefined]>([
    ['absent', undefined],
    ['empty', ''],
    ['without a message', 'ImagePullBackOff'],
    ['without a reason', ': message'],
    ['with a reason that no condition can have', 'two words: message'],
    ['with a reason that is too long', `${'A'.repeat(200)}: message`],
  ])('says nothing if it is %s', (_says, annotation) => {
    expect(parseEndedBecause(annotation)).toBeUndefined();
  });
});
