/**
 * Puts a program into the Node binary, as Node's single-executable applications want it on Linux: a note named NODE_SEA_BLOB in
 * memory, and the fuse set. Debug information and symbol tables, which the dynamic loader does not read, are cut off.
 *
 * All that Node's binary has stays where it is. The last segment, of writable data, is extended by the note, so no further
 * program header is needed; the header of the notes, which only debuggers read, gets the old notes and the new one.
 *
 * `postject` 1.0.0-alpha.6, which Node's documentation names, has had no release since 2024. Its LIEF 0.13 rebuilds the dynamic symbols
 * (with a known bug, nodejs/postject#108), puts the program headers into the executable segment, for arm64 at an odd address, and takes
 * 750 MB. Node's own `--build-sea` is in Node 25.5 and newer only.
 */

/** https://github.com/nodejs/node/blob/v24.x/src/node_sea.cc */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const NOTE_NAME = 'NODE_SEA_BLOB\0';

/** The layout of ELF64: https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.pheader.html */
const TYPE = { load: 1, note: 4 } as const;
const SECTION_IS_ALLOCATED = 2n;
const HEADER = {
  programHeaders: 0x20,
  sectionHeaders: 0x28,
  programHeaderSize: 0x36,
  programHeaderCount: 0x38,
  sectionHeaderSize: 0x3a,
  sectionHeaderCount: 0x3c,
  sectionNamesIndex: 0x3e,
} as const;
const PROGRAM_HEADER = {
  type: 0x00,
  offset: 0x08,
  address: 0x10,
  physical: 0x18,
  fileSize: 0x20,
  memorySize: 0x28,
} as const;
const SECTION_HEADER = { flags: 0x08, offset: 0x18 } as const;

interface Segment {
  /** Where its program header is in the file. */
  readonly header: number;
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/**
 * The executable: the same binary and blob give the same bytes.
 *
 * @throws Error if the binary is not a little-endian ELF64 file laid out as Node's, or has a program already.
 */
export function putIntoNode(node: Buffer, blob: Buffer): Buffer {
  if (node.subarray(0, 6).toString('latin1') !== '\x7fELF\x02\x01') throw new Error('not a little-endian ELF64 file');
  const segments = segmentsOf(node);
  const data = lastInMemory(segments);
  const notes = segments.filter(({ type }) => type === TYPE.note);
  const [note] = notes;
  if (note === undefined || notes.length > 1) throw new Error(`${notes.length} program headers of notes instead of 1`);
  const cut = data.offset + data.fileSize;
  checkNothingLoadedIsBehind(node, segments, cut);

  // What was zero in memory without being in the file is in the file now, because the note follows it.
  const start = align(data.memorySize, 16);
  const oldNotes = node.subarray(note.offset, note.offset + note.fileSize);
  const added = Buffer.concat([padded(oldNotes), noteOf(blob)]);
  const file = Buffer.concat([node.subarray(0, cut), Buffer.alloc(start - data.fileSize), added]);
  setFuse(file);
  for (const field of [PROGRAM_HEADER.fileSize, PROGRAM_HEADER.memorySize]) {
    writeNumber(file, data.header + field, start + added.length);
    writeNumber(file, note.header + field, added.length);
  }
  writeNumber(file, note.header + PROGRAM_HEADER.offset, data.offset + start);
  writeNumber(file, note.header + PROGRAM_HEADER.address, data.address + start);
  writeNumber(file, note.header + PROGRAM_HEADER.physical, data.address + start);
  writeNumber(file, HEADER.sectionHeaders, 0);
  for (const field of [HEADER.sectionHeaderCount, HEADER.sectionNamesIndex]) file.writeUInt16LE(0, field);
  return file;
}

function segmentsOf(node: Buffer): readonly Segment[] {
  const [start, size, count] = [
    readNumber(node, HEADER.programHeaders),
    node.readUInt16LE(HEADER.programHeaderSize),
    node.readUInt16LE(HEADER.programHeaderCount),
  ];
  return Array.from({ length: count }, (_, index) => {
    const header = start + index * size;
    const read = (field: number): number => readNumber(node, header + field);
    return {
      header,
      type: node.readUInt32LE(header + PROGRAM_HEADER.type),
      offset: read(PROGRAM_HEADER.offset),
      address: read(PROGRAM_HEADER.address),
      fileSize: read(PROGRAM_HEADER.fileSize),
      memorySize: read(PROGRAM_HEADER.memorySize),
    };
  });
}

/** The loaded segment with nothing behind it in memory. */
function lastInMemory(segments: readonly Segment[]): Segment {
  const loaded = segments.filter(({ type }) => type === TYPE.load).toSorted((a, b) => a.address - b.address);
  const last = loaded.at(-1);
  if (last === undefined) throw new Error('no loaded segment');
  return last;
}

/** Checks that what would be cut off is for debuggers only. */
function checkNothingLoadedIsBehind(node: Buffer, segments: readonly Segment[], cut: number): void {
  if (segments.some(({ offset, fileSize }) => offset + fileSize > cut)) throw new Error('a segment behind the data');
  const [start, size, count] = [
    readNumber(node, HEADER.sectionHeaders),
    node.readUInt16LE(HEADER.sectionHeaderSize),
    node.readUInt16LE(HEADER.sectionHeaderCount),
  ];
  for (let index = 0; index < count; index += 1) {
    const header = start + index * size;
    const isAllocated = (node.readBigUInt64LE(header + SECTION_HEADER.flags) & SECTION_IS_ALLOCATED) !== 0n;
    if (isAllocated && readNumber(node, header + SECTION_HEADER.offset) > cut) {
      throw new Error('a loaded section behind the data');
    }
  }
}

/** Name, description and type of a note, each aligned to 4 bytes. */
function noteOf(description: Buffer): Buffer {
  const lengths = Buffer.alloc(12);
  lengths.writeUInt32LE(NOTE_NAME.length, 0);
  lengths.writeUInt32LE(description.length, 4);
  return Buffer.concat([lengths, padded(Buffer.from(NOTE_NAME, 'latin1')), padded(description)]);
}

/** Node looks for a program only if the character behind the fuse's name is 1. */
function setFuse(file: Buffer): void {
  const at = file.indexOf(FUSE);
  if (at < 0 || file.indexOf(FUSE, at + 1) >= 0) throw new Error(`not exactly one ${FUSE}`);
  const value = at + FUSE.length;
  if (file.toString('latin1', value, value + 2) !== ':0') throw new Error('this Node has a program already');
  file.write('1', value + 1, 'latin1');
}

const align = (size: number, to: number): number => Math.ceil(size / to) * to;
const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(align(bytes.length, 4) - bytes.length)]);
const readNumber = (file: Buffer, at: number): number => Number(file.readBigUInt64LE(at));
const writeNumber = (file: Buffer, at: number, value: number): void => void file.writeBigUInt64LE(BigInt(value), at);
