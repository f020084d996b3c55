import { createHash } from 'node:crypto';

/** The first 64 bits of the SHA-256 of a text, in base 36: at most 13 characters, all valid in a DNS label. Pure. */
export const sha256 = (text: string): string =>
  createHash('sha256').update(text).digest().readBigUInt64BE().toString(36);
