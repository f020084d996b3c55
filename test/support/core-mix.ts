/**
 * Puts cases together to manifests of realistic variety: several settings at once, of the container, the Pod and its
 * metadata, and in every other one something wrong. The same seed gives the same manifests.
 */
import type { CoreCase, Json } from './core-cases.ts';

const SECTIONS = ['container', 'pod', 'metadata'] as const;

/** A small generator of numbers from 0 to below 1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

const overlaps = (a: CoreCase, b: CoreCase): boolean =>
  SECTIONS.some((section) => {
    const taken = new Set(Object.keys(a[section] ?? {}));
    return Object.keys(b[section] ?? {}).some((key) => taken.has(key));
  });

/** Both together. A mix is named by its parts, so that a difference can be read. */
function join(a: CoreCase, b: CoreCase): CoreCase {
  const merge = (x: Json | undefined, y: Json | undefined): Json => ({ ...x, ...y });
  return {
    name: a.name === '' ? b.name : `${a.name} + ${b.name}`,
    container: merge(a.container, b.container),
    pod: merge(a.pod, b.pod),
    metadata: merge(a.metadata, b.metadata),
  };
}

/** Gives `count` manifests of three to eight parts each, out of what is right, and for every other one what is wrong. */
export function mixes(
  { good, bad }: { readonly good: readonly CoreCase[]; readonly bad: readonly CoreCase[] },
  count: number,
  seed: number,
): readonly CoreCase[] {
  const next = random(seed);
  const pick = (cases: readonly CoreCase[]): CoreCase => cases[Math.floor(next() * cases.length)] ?? { name: '' };
  return Array.from({ length: count }, (_, i) => {
    let mix: CoreCase = i % 2 === 1 ? join({ name: '' }, pick(bad)) : { name: '' };
    for (let parts = 3 + Math.floor(next() * 6); parts > 0; parts -= 1) {
      const part = pick(good);
      if (!overlaps(mix, part)) mix = join(mix, part);
    }
    return mix;
  });
}
