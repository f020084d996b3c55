/**
 * No pattern of the program takes more than linear time (ReDoS). The patterns are read out of the sources, so a new one is
 * measured without anyone thinking of it. Measured is growth, never a time: four times the text may take four times
 * as long, and where two repetitions share characters it takes sixteen.
 */
import { describe, expect, it } from '@jest/globals';
import { parseImage } from '../../shared/validation/images.ts';
import { attacksOn, growth, worst, type Attack } from './patterns/attack.ts';
import { builtPatterns, readSource, sourceFiles, unique, writtenPatterns, type Pattern } from './patterns/collect.ts';
import { regexLiterals } from './patterns/scan.ts';
import { SEED } from '../support/share.ts';

/** Short enough for what is not linear, then longer, as far as growth is still noise. */
const TRIED = 1_000;
const MEASURED = [1_000, 4_000, 16_000];

/** In milliseconds, of the longer text: below it, growth is noise. */
const NOTHING = 2;

/** Between the four of linear growth and the sixteen of quadratic growth. */
const TOO_MUCH = 9;

/** Whether the work grows faster than the text at one of the lengths, and again when it is measured again. */
function growsTooFast(work: (text: string) => unknown, attack: Attack): boolean {
  const grows = (length: number): boolean => {
    const { short, long } = growth(work, attack, length);
    return long > NOTHING && long / short > TOO_MUCH;
  };
  return MEASURED.some((length) => grows(length) && grows(length));
}

function superlinear(regexp: RegExp): Attack | undefined {
  const work = (text: string): void => {
    regexp.lastIndex = 0;
    regexp.test(text);
  };
  return worst(work, attacksOn(regexp, SEED), TRIED).find((attack) => growsTooFast(work, attack));
}

const built = await builtPatterns(async () => {
  const { warmUp } = await import('../../webhook/validate.ts');
  warmUp();
});
const patterns: readonly Pattern[] = unique([...writtenPatterns(), ...built]);

describe('the search for regular expressions', () => {
  it('finds literals, and does not mistake a division, string, template or comment for one', () => {
    const source = [
      'const a = /x[/]y/gi, b = 4 / 2 / 1, c = "/no/", d = `/no/ ${ `${/in/.test("")}` } /no/`;',
      '// /no/ \n/* /no/ */ if (b / 2 > 1) f(/arg/u);',
      'const e = (x: string): boolean => /arrow\\//.test(x) && !/not/.test(x);',
      'function g() { return /returned/; } const h = [1][0] / 2 / 3;',
    ].join('\n');
    const found = regexLiterals(source).map(({ source, flags }) => `/${source}/${flags}`);
    expect(found).toEqual(['/x[/]y/gi', '/in/', '/arg/u', '/arrow\\//', '/not/', '/returned/']);
  });

  it('finds at least the known ones', () => {
    expect(patterns.length).toBeGreaterThan(50);
    for (const known of ['application\\/json', '(annotations|labels)', '[KMGTPE]i', '[a-z0-9]([-a-z0-9]*[a-z0-9])?)$'])
      expect(patterns.filter(({ regexp }) => regexp.source.includes(known))).not.toEqual([]);
  });

  it('knows every place that constructs a regular expression', () => {
    const places = sourceFiles().filter((file) => readSource(file).includes('RegExp('));
    // The first is loaded above; the other is made of a number.
    expect(places.toSorted()).toEqual(['controller/decide/pod-diagnosis.ts', 'shared/validation/names.ts']);
  });
});

describe('the measurement', () => {
  it.each([
    ['two repetitions that share a character', /^[0-9.]+[0-9]*$/],
    ['a repetition that can begin anywhere', /\s+$/],
    ['repetitions after a word boundary', /\b[0-9.]+[0-9]*$/],
    ['a choice that a repetition repeats', /^(?:a|b)*[ab]*$/],
  ])('detects %s', (_what, regexp) => {
    expect(superlinear(regexp)).toBeDefined();
  });

  it.each([
    ['a repetition of one character', /^[a-z]+$/],
    ['two repetitions that share none', /^[a-z]+[0-9]*$/],
    ['a repetition that can begin in one place', /(?<!\s)\s+$/],
  ])('accepts %s as linear', (_what, regexp) => {
    expect(superlinear(regexp)).toBeUndefined();
  });
});

describe('linear time is enough for', () => {
  it.each(patterns.map(({ where, regexp }) => [`${where} ${String(regexp)}`, regexp] as const))(
    '%s',
    (_where, regexp) => {
      expect(superlinear(regexp)).toBeUndefined();
    },
  );

  it('the parsing of an image, which uses more than one regular expression', () => {
    for (const pump of ['a', 'a/', 'a.', 'A:', '@sha256:', '-', '__', '[:']) {
      expect(growsTooFast(parseImage, { before: '', pump, after: '!' })).toBe(false);
    }
  });
});
