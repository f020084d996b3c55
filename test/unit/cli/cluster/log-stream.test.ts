/** Lines of a stream whose chunks end anywhere. */
import { expect, it } from '@jest/globals';
import { array, assert, asyncProperty, nat, string } from 'fast-check';
import { linesOf } from '../../../../cli/cluster/log-stream.ts';

async function* chunksOf(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    await Promise.resolve();
    yield bytes.subarray(start, cut);
    start = cut;
  }
}

async function read(chunks: AsyncIterable<Buffer>): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunks)) lines.push(line);
  return lines;
}

it('the lines are those of the text, wherever it is cut, also within a character', async () => {
  await assert(
    asyncProperty(array(string({ unit: 'binary' })), array(nat()), async (texts, cuts) => {
      const lines = texts.map((text) => text.replaceAll('\n', ' ').toWellFormed());
      const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      expect(await read(chunksOf(bytes, cuts))).toEqual(lines);
    }),
  );
});

it('a last line without end is a line', async () => {
  expect(await read(chunksOf(Buffer.from('a\nb'), []))).toEqual(['a', 'b']);
});

it('a line without end does not grow without bound', async () => {
  const parts = await read(chunksOf(Buffer.alloc(3 * 1024 * 1024, 'x'), [1024 * 1024, 2 * 1024 * 1024]));
  expect(parts.map((part) => part.length)).toEqual([1024 * 1024, 1024 * 1024, 1024 * 1024]);
});
