/** charts/sequentialjob as `helm template` renders it, without Helm: with the few of its functions that the chart uses. */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Funcs, TemplateSet, truth } from './go-template.ts';
import { type Manifest, parseManifests } from './manifests.ts';

export const CHART = join(import.meta.dirname, '../../charts/sequentialjob');

export interface Rendering {
  /** What `--set` and `-f` would give. */
  readonly values?: Readonly<Record<string, unknown>>;
  /** The server's version, default v1.36.0. */
  readonly version?: string;
  readonly namespace?: string;
  /**
   * What the cluster has that `lookup` looks into, beside what every cluster has. Undefined: there is no cluster, as for
   * `helm template`, Argo CD and `--dry-run=client`; then nothing is found.
   */
  readonly cluster?: readonly Manifest[];
  /** As `helm lint` renders: without a cluster, and what `fail` and `required` have to say does not end it. */
  readonly isLint?: boolean;
}

export interface Rendered {
  readonly objects: readonly Manifest[];
  readonly notes: string;
}

type Tree = Readonly<Record<string, unknown>>;

export const read = (name: string): string => readFileSync(join(CHART, name), 'utf8');

/** Throws where a template cannot be rendered, or gives no YAML. */
export function renderChart({ values = {}, version = 'v1.36.0', ...rendering }: Rendering = {}): Rendered {
  const { namespace, cluster, isLint = false } = rendering;
  const chart = parse(read('Chart.yaml')) as Tree;
  const lenient = isLint ? { fail: () => '', required: (_message: string, value: unknown) => value ?? '' } : {};
  const set = new TemplateSet({ ...FUNCTIONS, ...lenient, lookup: lookupIn(cluster) });
  const names = readdirSync(join(CHART, 'templates')).sort();
  for (const name of names) set.parse(name, read(join('templates', name)));
  const minor = Number(version.split('.')[1]);
  const root = {
    Values: mergeValues(parse(read('values.yaml')) as Tree, values),
    Chart: { Name: chart['name'], Version: chart['version'], AppVersion: chart['appVersion'] },
    Release: { Name: 'sequentialjob', Namespace: namespace ?? 'sequentialjob-system', Service: 'Helm' },
    Capabilities: {
      KubeVersion: { Version: version },
      APIVersions: { Has: (api: string) => api === 'policy/v1' && minor >= 21 },
    },
  };
  const objects = names
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => parseManifests(set.execute(name, root)));
  return { objects, notes: set.execute('NOTES.txt', root) };
}

/** `lookup` of one object by its name: an empty map where it is not there. */
function lookupIn(cluster: readonly Manifest[] | undefined): (...args: readonly string[]) => object {
  const there = cluster === undefined ? [] : [DEFAULT_NAMESPACE, ...cluster];
  return (...args) =>
    there.find(
      ({ apiVersion, kind, metadata }) =>
        JSON.stringify([apiVersion, kind, metadata.namespace ?? '', metadata.name]) === JSON.stringify(args),
    ) ?? {};
}

const DEFAULT_NAMESPACE: Manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } };

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Maps are merged, everything else is replaced: as Helm does it. */
export function mergeValues(base: Tree, over: Tree): Tree {
  const merged = Object.entries(over).map(([key, value]) => {
    const before = base[key];
    return [key, isTree(before) && isTree(value) ? mergeValues(before, value) : value] as const;
  });
  return { ...base, ...Object.fromEntries(merged) };
}

const indent = (width: number, text: string): string => text.replaceAll(/^/gm, ' '.repeat(width));

/** https://helm.sh/docs/chart_template_guide/function_list/ */
const FUNCTIONS: Funcs = {
  and: (...all: unknown[]) => all.find((one) => !truth(one)) ?? all.at(-1),
  // Whole numbers, as Sprig has them.
  add: (...numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0),
  mul: (a: number, b: number) => a * b,
  div: (a: number, b: number) => Math.trunc(a / b),
  int: (value: unknown) => (/^-?\d+$/.test(String(value)) ? Number(value) : 0),
  ge: (a: number, b: number) => a >= b,
  hasSuffix: (suffix: string, text: string) => text.endsWith(suffix),
  trimSuffix: (suffix: string, text: string) => (text.endsWith(suffix) ? text.slice(0, -suffix.length) : text),
  b64enc: (text: string) => Buffer.from(text).toString('base64'),
  default: (fallback: unknown, value: unknown) => (truth(value) ? value : fallback),
  dict: (...all: unknown[]) =>
    Object.fromEntries(all.flatMap((key, i) => (i % 2 === 0 ? [[String(key), all[i + 1]]] : []))),
  eq: (a: unknown, b: unknown) => a === b,
  fail: (message: string) => {
    throw new Error(message);
  },
  // Another one each time.
  genCA: (name: string) => ({ Cert: `certificate ${randomUUID()} of ${name}`, Key: 'key' }),
  // Of a common name, addresses, names, days and an authority.
  genSignedCert: (...args: readonly [string, unknown, readonly string[], number, { readonly Cert: string }]) => ({
    Cert: `certificate for ${args[2].join(', ')} by ${args[4].Cert}`,
    Key: 'its key',
  }),
  hasKey: (tree: Tree, key: string) => Object.hasOwn(tree, key),
  index: (tree: Tree, key: string) => tree[key],
  join: (separator: string, all: readonly string[]) => all.join(separator),
  list: (...all: unknown[]) => all,
  ne: (a: unknown, b: unknown) => a !== b,
  nindent: (width: number, text: string) => `\n${indent(width, text)}`,
  not: (value: unknown) => !truth(value),
  or: (...all: unknown[]) => all.find(truth) ?? all.at(-1),
  printf: (format: string, ...args: unknown[]) => format.replaceAll('%s', () => String(args.shift())),
  quote: (value: unknown) => JSON.stringify(String(value)),
  required: (message: string, value: unknown) => {
    if (value === undefined || value === null || value === '') throw new Error(message);
    return value;
  },
  // Of all ranges that semver knows, the one that is in use: at least this version.
  semverCompare: (range: string, version: string) => {
    const [, wanted] = /^>=1\.(\d+)\.0-0$/.exec(range) ?? [];
    if (wanted === undefined) throw new Error(`semverCompare "${range}" is not in use`);
    return Number(version.split('.')[1]) >= Number(wanted);
  },
  // Changes the map that it is given, also if it belongs to `.Values`.
  set: (tree: Record<string, unknown>, key: string, value: unknown) => Object.assign(tree, { [key]: value }),
  toString: (value: unknown) => String(value),
  ternary: (yes: unknown, no: unknown, which: boolean) => (which ? yes : no),
  toYaml: (value: unknown) => stringify(value).trimEnd(),
};
