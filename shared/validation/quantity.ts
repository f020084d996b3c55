/**
 * Quantities, as apimachinery's pkg/api/resource/quantity.go reads them: exact, in integers. A quantity finer than a
 * billionth is rounded up to it, and one with a binary suffix above 2^63-1 is taken as 2^63-1, as there. Stricter than
 * there in one thing: a suffix alone ("Gi"), which the API reads as 0, is refused, as nobody means it.
 */

import { memoize } from '../memoize.ts';

/** An amount in billionths (nano), so that every quantity is an integer and two of them compare exactly. */
export type Nano = bigint;

const PATTERN = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;
const SHAPE = /^[+-]?[0-9.]+(?:[eEinumkKMGTP]+[-+]?[0-9]*|[-+][0-9]*)?$/;

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

const NANO_DIGITS = 9;
const UNIT: Nano = 10n ** 9n;
const MAX: Nano = (2n ** 63n - 1n) * UNIT;

/** Longer than any number that means something; bounds the arithmetic. */
const MAX_LENGTH = 128;

/** A larger exponent counts as this one: far above what any resource can be, and cheap to compute with. */
const MAX_EXPONENT = 200;

export type ParsedQuantity = { readonly nano: Nano } | { readonly problem: string };

const FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Reads a quantity as it stands in JSON, a string or an integer. Never throws; the work is bounded for any input. */
export function parseQuantity(value: string | number): ParsedQuantity {
  if (Number.isSafeInteger(value)) {
    return { nano: BigInt(value) * UNIT };
  }
  return readText(String(value));
}

const readText = memoize((text: string): ParsedQuantity => {
  const match = text.length > MAX_LENGTH ? null : PATTERN.exec(text);
  if (match === null) {
    return { problem: text.length <= MAX_LENGTH && SHAPE.test(text) ? "unable to parse quantity's suffix" : FORMAT };
  }
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') {
    return { problem: FORMAT };
  }
  const binary = BINARY[suffix];
  const digits = BigInt(whole + fraction);
  const nano =
    binary === undefined
      ? scale(digits, NANO_DIGITS - fraction.length + exponentOf(suffix))
      : capped(scale(digits << binary, NANO_DIGITS - fraction.length));
  return { nano: sign === '-' ? -nano : nano };
});

const capped = (amount: Nano): Nano => (amount > MAX ? MAX : amount);

function exponentOf(suffix: string): number {
  if (suffix === '') {
    return 0;
  }
  const exponent = DECIMAL[suffix] ?? Number(suffix.slice(1));
  return Math.max(-MAX_EXPONENT, Math.min(MAX_EXPONENT, exponent));
}

/** The powers of ten that plain quantities need. */
const POWERS: readonly bigint[] = Array.from({ length: 32 }, (_, power) => 10n ** BigInt(power));

const tenTo = (power: number): bigint => POWERS[power] ?? 10n ** BigInt(power);

/** Multiplies by a power of ten; what is lost by a negative one is rounded up. */
function scale(digits: bigint, power: number): bigint {
  if (power >= 0) {
    return digits * tenTo(power);
  }
  const divisor = tenTo(-power);
  return (digits + divisor - 1n) / divisor;
}
