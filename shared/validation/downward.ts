/**
 * References to the Pod's own fields and resources, by variables and by files (pkg/apis/core/validation/validation.go
 * validateObjectFieldSelector, validateContainerResourceFieldSelector, validateContainerResourceDivisor).
 */
import type { V1ObjectFieldSelector, V1ResourceFieldSelector } from '@kubernetes/client-node';
import { invalid, notSupported, type Faults, type Path } from './field.ts';
import { requireText } from './choices.ts';
import { qualifiedNameProblems } from './names.ts';
import { parseQuantity } from './quantity.ts';
import { text, type Untrusted } from './untrusted.ts';

/** The fields that can be taken in one place, and what is said of another. */
export interface Fields {
  readonly paths: ReadonlySet<string>;
  readonly refuse: (at: Path, path: string) => ReturnType<typeof invalid>;
}

const notConverted = (at: Path, path: string): ReturnType<typeof invalid> =>
  invalid(at, path, 'error converting fieldPath: field label not supported');

/** validEnvDownwardAPIFieldPathExpressions. */
export const ENV_FIELDS: Fields = {
  paths: new Set([
    'metadata.name',
    'metadata.namespace',
    'metadata.uid',
    'spec.nodeName',
    'spec.serviceAccountName',
    'status.hostIP',
    'status.hostIPs',
    'status.podIP',
    'status.podIPs',
  ]),
  refuse: notConverted,
};

const FILES = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

/** validVolumeDownwardAPIFieldPathExpressions. */
export const VOLUME_FIELDS: Fields = {
  paths: new Set(FILES),
  refuse: (at, path) => notSupported(at, path, FILES),
};

const SUBSCRIPT = /^metadata\.(labels|annotations)\['([^']*)'\]$/;

/** Checks a reference to a field of the Pod. */
export function fieldRefFaults(ref: Untrusted<V1ObjectFieldSelector>, fields: Fields, at: Path, faults: Faults): void {
  const path = requireText(ref.fieldPath, at.child('fieldPath'), faults);
  const version = text(ref.apiVersion) ?? 'v1';
  if (path === undefined) {
    return;
  }
  if (version !== 'v1') {
    const detail = `error converting fieldPath: unsupported pod version: ${version}`;
    faults.push(invalid(at.child('fieldPath'), path, detail));
  } else if (!fields.paths.has(path)) {
    entryFaults(path, fields, at, faults);
  }
}

/** A path to one entry of a map, which is the only other kind there is. */
function entryFaults(path: string, fields: Fields, at: Path, faults: Faults): void {
  const [, map, key = ''] = SUBSCRIPT.exec(path) ?? [];
  if (map === undefined) {
    faults.push(fields.refuse(at.child('fieldPath'), path));
    return;
  }
  // Keys of annotations may be in upper case.
  const problems = qualifiedNameProblems(map === 'annotations' ? key.toLowerCase() : key);
  faults.push(...problems.map((problem) => invalid(at, key, problem)));
}

const RESOURCES: readonly string[] = ['limits', 'requests'].flatMap((kind) =>
  ['cpu', 'ephemeral-storage', 'memory'].map((resource) => `${kind}.${resource}`),
);
const HUGE_PAGES = /^(?:limits|requests)\.hugepages-/;

const SIZES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** What a quantity may be divided by: units only. */
const DIVISORS: Readonly<Record<string, { readonly units: readonly string[]; readonly says: string }>> = {
  cpu: { units: ['1m', '1'], says: '1m and 1' },
  memory: { units: SIZES, says: SIZES.join(', ') },
  'ephemeral-storage': { units: SIZES, says: SIZES.join(', ') },
};

/** Checks a reference to a request or a limit of a container. */
export function resourceRefFaults(ref: Untrusted<V1ResourceFieldSelector>, at: Path, faults: Faults): void {
  const resource = requireText(ref.resource, at.child('resource'), faults);
  if (resource === undefined) {
    return;
  }
  if (!RESOURCES.includes(resource) && !HUGE_PAGES.test(resource)) {
    faults.push(notSupported(at.child('resource'), resource, RESOURCES));
    return;
  }
  const name = resource.slice(resource.indexOf('.') + 1);
  const divisors = DIVISORS[name];
  if (divisors !== undefined && !isOneOf(ref.divisor, divisors.units)) {
    const detail = `only divisor's values ${divisors.says} are supported with the ${name} resource`;
    faults.push(invalid(at.child('divisor'), resource, detail));
  }
}

/** Compares amounts; 0 is what a Go client writes for none. What is no quantity the schema has refused. */
function isOneOf(divisor: unknown, units: readonly string[]): boolean {
  if (typeof divisor !== 'string' && typeof divisor !== 'number') {
    return true;
  }
  const amount = parseQuantity(divisor);
  return 'problem' in amount || amount.nano === 0n || units.some((unit) => isAmount(unit, amount.nano));
}

function isAmount(unit: string, nano: bigint): boolean {
  const amount = parseQuantity(unit);
  return 'nano' in amount && amount.nano === nano;
}
