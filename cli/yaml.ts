/**
 * YAML as kubectl reads it: go-yaml v2 through sigs.k8s.io/yaml, which is YAML 1.1 in the booleans (`yes`, `off`) and in
 * the numbers (`0644` is octal), and leaves out its dates and base 60 (go-yaml resolve.go). A linter that read YAML 1.2
 * would judge another object than the cluster gets.
 */
import { type CollectionTag, Document, parseAllDocuments, type Scalar, type ScalarTag, type Tags, visit } from 'yaml';
import { escaped } from '../shared/printable-text.ts';

export type YamlDocument = Document.Parsed;

const INTEGER = /^([-+]?)(?:0[xX]([\da-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(\d+))$/;

function readInteger(text: string): number {
  const [, sign = '', hex, binary, octal, decimal = ''] = INTEGER.exec(text.replaceAll('_', '')) ?? [];
  const [digits = decimal, radix] = hex !== undefined ? [hex, 16] : binary !== undefined ? [binary, 2] : [octal, 8];
  const size = octal === undefined && digits === decimal ? Number(decimal) : Number.parseInt(digits, radix);
  return sign === '-' ? -size : size;
}

/** A number that was read stays as it was written: `0644`, and what a double cannot hold. */
const asWritten = ({ source, value }: Scalar): string => source ?? String(value);

/** Numbers as go-yaml reads them. The library has base 60 in YAML 1.1, and `e2` and `.` for numbers, but not `0o17`. */
const NUMBERS: readonly ScalarTag[] = [
  {
    tag: 'tag:yaml.org,2002:int',
    default: true,
    test: /^[-+]?(?:0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*)$/,
    identify: (value) => Number.isInteger(value),
    resolve: readInteger,
    stringify: asWritten,
  },
  {
    tag: 'tag:yaml.org,2002:float',
    default: true,
    test: /^[-+]?(?:\.\d[\d_]*|\d[\d_]*(?:\.[\d_]*)?)(?:[eE][-+]?\d+)?$/,
    identify: (value) => Number.isFinite(value),
    resolve: (text) => Number(text.replaceAll('_', '')),
    stringify: asWritten,
  },
];

/** What stands for itself in YAML 1.1 but for its dates, merge keys, and its numbers except `.inf` and `.nan`. */
function isTaken({ tag, default: standsForItself, test }: ScalarTag | CollectionTag): boolean {
  const isOurs = NUMBERS.some((ours) => ours.tag === tag) && test?.test('.nan') !== true;
  return standsForItself === true && !isOurs && tag !== 'tag:yaml.org,2002:timestamp';
}

/** What go-yaml takes a plain scalar for, in what is read and in what is written. */
const GO_YAML = {
  schema: 'yaml-1.1',
  customTags: (tags: Tags): Tags => [...NUMBERS, ...tags.filter((tag) => typeof tag === 'string' || isTaken(tag))],
} as const;

/** Reads every document of a stream. Never throws: what is wrong is in each document's `errors`. */
export function readYaml(text: string): readonly YamlDocument[] {
  return parseAllDocuments(text, {
    ...GO_YAML,
    merge: true,
    resolveKnownTags: false,
    // kubectl converts to JSON: a number or a boolean as a key becomes a string.
    stringKeys: true,
    // duplicate-keys.ts finds duplicate keys, with their field paths.
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  }) as readonly YamlDocument[];
}

/**
 * Writes a document that kubectl and readers of YAML 1.1 and 1.2 read alike. A string with control characters, which a
 * terminal would interpret, is written quoted and escaped.
 */
export function writeYaml(value: unknown): string {
  const document = new Document(value, {
    aliasDuplicateObjects: false,
    // Quotes a string that any of these readers would read as another type: only go-yaml reads `0O17` as a number.
    ...GO_YAML,
    compat: 'yaml-1.1',
  });
  visit(document, {
    Scalar: (_, scalar) => {
      if (typeof scalar.value === 'string' && escaped(scalar.value) !== scalar.value) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  return escaped(document.toString({ lineWidth: 0, directives: false }));
}
