/**
 * Parses quantities as apimachinery's pkg/api/resource/quantity.go does: exact, as integers. As there, a value finer
 * than a billionth is rounded up, and one with a binary suffix above 2^63-1 becomes 2^63-1. Stricter in one case: a
 * suffix alone ("Gi"), which the API reads as 0, is refused.
 */

import { memoize } from '../memoize.ts';

/** An amount in billionths (nano): every quantity is an integer, and comparisons are exact. */
export type Nano = bigint;

const PATTERN = /^([+-]?)([0-9]*)(?:\.([0-9]*))?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;
const SHAPE = /^[+-]?[0-9.]+(?:[eEinumkKMGTP]+[-+]?[0-9]*|[-+][0-9]*)?$/;

const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };

const NANO_DIGITS = 9;
const UNIT: Nano = 10n ** 9n;
const MAX: Nano = (2n ** 63n - 1n) * UNIT;

/** Longer than any meaningful number; bounds the arithmetic. */
const MAX_LENGTH = 128;

/** Larger exponents are reduced to this one: far above any resource, and cheap to compute with. */
const MAX_EXPONENT = 200;

export type ParsedQuantity = { readonly nano: Nano } | { readonly problem: string };

const FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/** Parses a quantity from JSON, a string or an integer. Never throws; bounded work for any input. */
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

/** The powers of ten that common quantities need. */
const POWERS: readonly bigint[] = Array.from({ length: 32 }, (_, power) => 10n ** BigInt(power));

const tenTo = (power: number): bigint => POWERS[power] ?? 10n ** BigInt(power);

/** Multiplies by a power of ten; rounds up if the power is negative. */
function scale(digits: bigint, power: number): bigint {
  if (power >= 0) {
    return digits * tenTo(power);
  }
  const divisor = tenTo(-power);
  return (digits + divisor - 1n) / divisor;
}
