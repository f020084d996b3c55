/**
 * Looks for strings on which a regular expression takes more than linear time. A backtracking matcher does so where two
 * ways through the pattern share a text, which can then be repeated; so texts that match are taken, any piece of one
 * is repeated, and the end is spoiled, so that every way is tried.
 */
import * as fc from 'fast-check';

/** A text of any length: `before`, then `pump` as often as fits, then `after`. */
export interface Attack {
  readonly before: string;
  readonly pump: string;
  readonly after: string;
}

/** The text of at least so many characters. */
export const textOf = ({ before, pump, after }: Attack, length: number): string =>
  before + pump.repeat(Math.ceil(length / pump.length)) + after;

const SAMPLES = 12;
const LONGEST_SAMPLE = 60;
const LONGEST_PUMP = 3;
/** Ends that hardly anything accepts, and none. */
const SPOILERS = ['', '\u0000', '!\n'];
/** Pumps for any pattern. */
const PLAIN = ['a', '0', '.', '-', '/', ' ', '\n', ':', '_', '\u001B['];

/** Attacks on one pattern; the same for the same seed. */
export function attacksOn(regexp: RegExp, seed: number): readonly Attack[] {
  const attacks = new Map<string, Attack>();
  const add = (before: string, pump: string, rest: string): void => {
    for (const after of [...SPOILERS, rest, `${rest}\u0000`])
      attacks.set(JSON.stringify([before, pump, after]), { before, pump, after });
  };
  for (const pump of PLAIN) add('', pump, '');
  for (const sample of matching(regexp, seed)) {
    for (let start = 0; start < sample.length; start += 1) {
      for (let length = 1; length <= LONGEST_PUMP && start + length <= sample.length; length += 1) {
        const end = start + length;
        add(sample.slice(0, start), sample.slice(start, end), sample.slice(end));
      }
    }
  }
  return [...attacks.values()];
}

/** A look-behind, without groups in it, or a word boundary: it narrows what matches, and the generator knows neither. */
const NARROWING = /\(\?<[!=](?:\\.|[^()\\])*\)|(?<!\\)\\b/g;

function matching({ source, flags }: RegExp, seed: number): readonly string[] {
  const texts = fc.stringMatching(new RegExp(source.replaceAll(NARROWING, ''), flags.replaceAll(/[gi]/g, '')));
  return fc.sample(texts, { numRuns: SAMPLES, seed }).map((text) => text.slice(0, LONGEST_SAMPLE));
}

/** What `work` takes on the attack at two lengths, the second four times the first, in milliseconds: the least of `times`. */
export function growth(
  work: (text: string) => unknown,
  attack: Attack,
  length: number,
): { short: number; long: number } {
  return { short: least(work, textOf(attack, length)), long: least(work, textOf(attack, 4 * length)) };
}

const TIMES = 4;
const TAKEN = 4;

function least(work: (text: string) => unknown, text: string): number {
  let best = Infinity;
  for (let time = 0; time < TIMES; time += 1) {
    const start = performance.now();
    work(text);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** The attacks that cost most at a length that is cheap to try. */
export function worst(work: (text: string) => unknown, attacks: readonly Attack[], length: number): readonly Attack[] {
  const costs = attacks.map((attack) => {
    const text = textOf(attack, length);
    const start = performance.now();
    work(text);
    return { attack, ms: performance.now() - start };
  });
  return costs
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, TAKEN)
    .map(({ attack }) => attack);
}
