/** The program in Node's binary, by a small file that is laid out as Node's binary is. test/unit/build-cli.test.ts starts the real one. */
import { describe, expect, it } from '@jest/globals';
import { putIntoNode } from '../../../../config/build/elf.ts';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const TYPE = { load: 1, note: 4 } as const;
const ADDRESS = 0x40_0000;
const HEADERS = 64;
const HEADER_SIZE = 56;
const OLD_NOTES = Buffer.from('the old notes of 24 byte');
const DEBUGGING = Buffer.alloc(500, 'debugging');

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

interface Section {
  readonly flags: number;
  readonly offset: number;
}

interface Made {
  readonly text?: string;
  readonly segments?: (usual: readonly Segment[]) => readonly Segment[];
  readonly sections?: (usual: readonly Section[]) => readonly Section[];
}

/** Text with the fuse at 0x1000, writable data at 0x2000, 100 bytes of zeros behind it in memory only; then what debuggers read. */
function nodeLike({
  text = `code ${FUSE}:0 code`,
  segments = (all) => all,
  sections = (all) => all,
}: Made = {}): Buffer {
  const data = 0x2000;
  const dataSize = 0x123;
  const file = Buffer.alloc(data + dataSize);
  file.write('\x7fELF\x02\x01', 'latin1');
  OLD_NOTES.copy(file, 0x800);
  file.write(text, 0x1000, 'latin1');
  file.fill('data', data);
  const usual = [
    { type: TYPE.load, offset: 0, address: ADDRESS, fileSize: 0x1800, memorySize: 0x1800 },
    {
      type: TYPE.load,
      offset: data,
      address: ADDRESS + 0x1_2000,
      fileSize: dataSize,
      memorySize: dataSize + 100,
    },
    {
      type: TYPE.note,
      offset: 0x800,
      address: ADDRESS + 0x800,
      fileSize: OLD_NOTES.length,
      memorySize: OLD_NOTES.length,
    },
  ];
  const written = segments(usual);
  file.writeBigUInt64LE(BigInt(HEADERS), 0x20);
  file.writeUInt16LE(HEADER_SIZE, 0x36);
  file.writeUInt16LE(written.length, 0x38);
  for (const [index, { type, offset, address, fileSize, memorySize }] of written.entries()) {
    const at = HEADERS + index * HEADER_SIZE;
    file.writeUInt32LE(type, at);
    for (const [field, value] of [offset, address, address, fileSize, memorySize].entries()) {
      file.writeBigUInt64LE(BigInt(value), at + 8 + 8 * field);
    }
  }
  const headers = sections([
    { flags: 3, offset: data },
    { flags: 0, offset: data + dataSize },
  ]).map(({ flags, offset }) => {
    const header = Buffer.alloc(64);
    header.writeBigUInt64LE(BigInt(flags), 0x08);
    header.writeBigUInt64LE(BigInt(offset), 0x18);
    return header;
  });
  file.writeBigUInt64LE(BigInt(file.length + DEBUGGING.length), 0x28);
  file.writeUInt16LE(64, 0x3a);
  file.writeUInt16LE(headers.length, 0x3c);
  file.writeUInt16LE(1, 0x3e);
  return Buffer.concat([file, DEBUGGING, ...headers]);
}

function segmentsOf(file: Buffer): readonly Segment[] {
  return Array.from({ length: file.readUInt16LE(0x38) }, (_, index) => {
    const at = HEADERS + index * HEADER_SIZE;
    const read = (field: number): number => Number(file.readBigUInt64LE(at + field));
    const [offset, address, fileSize, memorySize] = [read(0x08), read(0x10), read(0x20), read(0x28)];
    return { type: file.readUInt32LE(at), offset, address, fileSize, memorySize };
  });
}

/** What the loaded segments have at an address of memory. */
function memory(file: Buffer, address: number, size: number): Buffer {
  const found = segmentsOf(file).find(
    (one) => one.type === TYPE.load && one.address <= address && address + size <= one.address + one.memorySize,
  );
  if (found === undefined) throw new Error('not in memory');
  const loaded = Buffer.alloc(found.memorySize);
  file.copy(loaded, 0, found.offset, found.offset + found.fileSize);
  return loaded.subarray(address - found.address, address - found.address + size);
}

/** The first note of this name after others of `skip` bytes, as the loader of Node reads it. */
function noteBehind(file: Buffer, skip: number): Readonly<Record<'name' | 'content', string>> {
  const note = segmentsOf(file).find(({ type }) => type === TYPE.note);
  if (note === undefined) throw new Error('no notes');
  const bytes = memory(file, note.address, note.memorySize).subarray(skip);
  const [nameSize, size] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4)];
  const start = 12 + Math.ceil(nameSize / 4) * 4;
  return {
    name: bytes.toString('latin1', 12, 12 + nameSize),
    content: bytes.toString('latin1', start, start + size),
  };
}

const BLOB = Buffer.from('the program, not a multiple of 4');

describe("the program in Node's binary", () => {
  const made = putIntoNode(nodeLike(), BLOB);

  it('is a note in memory behind the notes that were there', () => {
    const { length } = OLD_NOTES;
    expect(noteBehind(made, length)).toEqual({ name: 'NODE_SEA_BLOB\0', content: BLOB.toString() });
    const note = segmentsOf(made).find(({ type }) => type === TYPE.note);
    expect(memory(made, note?.address ?? 0, length)).toEqual(OLD_NOTES);
  });

  it('changes nothing of what was in memory, but the fuse', () => {
    const before = nodeLike();
    for (const { address, memorySize } of segmentsOf(before).filter(({ type }) => type === TYPE.load)) {
      const [was, is] = [memory(before, address, memorySize), memory(made, address, memorySize)];
      // The header of the file is in memory, too.
      const behind = address === ADDRESS ? HEADERS + 3 * HEADER_SIZE : 0;
      const text = was.subarray(behind).toString('latin1').replace(`${FUSE}:0`, `${FUSE}:1`);
      expect(is.subarray(behind).toString('latin1')).toBe(text);
    }
  });

  it('is at addresses that the kernel can map: their distance from the places in the file stays the same', () => {
    const distances = (file: Buffer): readonly number[] =>
      segmentsOf(file)
        .filter(({ type }) => type === TYPE.load)
        .map(({ address, offset }) => address - offset);
    expect(distances(made)).toEqual(distances(nodeLike()));
  });

  it('has no debug information, and no headers of sections, which only debuggers read', () => {
    expect(made.includes(DEBUGGING)).toBe(false);
    expect([made.readBigUInt64LE(0x28), made.readUInt16LE(0x3c), made.readUInt16LE(0x3e)]).toEqual([0n, 0, 0]);
  });

  it('is the same for the same input', () => {
    expect(putIntoNode(nodeLike(), BLOB)).toEqual(made);
  });
});

describe('refuses a binary', () => {
  it.each<readonly [string, Buffer, string]>([
    ['that is no ELF file', Buffer.from('#!/bin/sh\n'), 'not a little-endian ELF64 file'],
    ['without the fuse', nodeLike({ text: 'code' }), 'not exactly one NODE_SEA_FUSE'],
    ['with two fuses', nodeLike({ text: `${FUSE}:0 ${FUSE}:0` }), 'not exactly one NODE_SEA_FUSE'],
    ['that has a program', putIntoNode(nodeLike(), BLOB), 'this Node has a program already'],
    ['with nothing to load', nodeLike({ segments: (all) => all.slice(2) }), 'no loaded segment'],
    ['without notes', nodeLike({ segments: (all) => all.slice(0, 2) }), '0 program headers of notes'],
    [
      'with notes in two places',
      nodeLike({ segments: (all) => [...all, ...all.slice(2)] }),
      '2 program headers of notes',
    ],
    [
      'with another segment behind the data in the file',
      nodeLike({ segments: (all) => all.map((one, index) => (index === 0 ? { ...one, fileSize: 0x2200 } : one)) }),
      'a segment behind the data',
    ],
    [
      'with a section of memory behind the data in the file',
      nodeLike({ sections: (all) => all.map(({ offset }) => ({ flags: 2, offset: offset + 1 })) }),
      'a loaded section behind the data',
    ],
  ])('%s', (_what, node, message) => {
    expect(() => putIntoNode(node, BLOB)).toThrow(message);
  });
});
