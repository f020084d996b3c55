const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;

/**
 * 64-bit FNV-1a (RFC 9923) over UTF-16 code units, as 13 characters of base 36, valid in a DNS label. Not
 * collision-resistant against an attacker. Only for names that the operator alone creates and must find again: those
 * of Events and ControllerRevisions.
 */
export function fnv1a(text: string): string {
  let value = OFFSET;
  for (let i = 0; i < text.length; i++) value = ((value ^ BigInt(text.charCodeAt(i))) * PRIME) & MASK;
  return value.toString(36).padStart(13, '0');
}
