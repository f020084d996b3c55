const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;

/**
 * 64-bit FNV-1a (RFC 9923) over UTF-16 code units, as 13 characters of base 36. It tells names apart and is safe in a
 * DNS label; it is no protection against somebody who looks for collisions. Of names that only we write: those of Events and of
 * ControllerRevisions, which are to be found again.
 */
export function hash(text: string): string {
  let value = OFFSET;
  for (let i = 0; i < text.length; i++) value = ((value ^ BigInt(text.charCodeAt(i))) * PRIME) & MASK;
  return value.toString(36).padStart(13, '0');
}
