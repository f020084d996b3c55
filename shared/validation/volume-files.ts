/**
 * Volumes that hold files made from objects (pkg/apis/core/validation/validation.go validateConfigMapVolumeSource,
 * validateSecretVolumeSource, validateDownwardAPIVolumeSource, validateProjectedVolumeSource).
 */
import type {
  V1ConfigMapVolumeSource,
  V1DownwardAPIVolumeFile,
  V1DownwardAPIVolumeSource,
  V1KeyToPath,
  V1ObjectFieldSelector,
  V1ProjectedVolumeSource,
  V1ResourceFieldSelector,
  V1SecretVolumeSource,
  V1ServiceAccountTokenProjection,
  V1Volume,
  V1VolumeProjection,
} from '@kubernetes/client-node';
import { requireText } from './choices.ts';
import { fieldRefFaults, resourceRefFaults, VOLUME_FIELDS } from './downward.ts';
import { forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { fileFaults } from './local-paths.ts';
import { entries, integer, isPresent, part, parts, text, type Untrusted } from './untrusted.ts';

const MODE = 0o777;

const MIN_EXPIRATION_SECONDS = 600;
const MAX_EXPIRATION_SECONDS = 2 ** 32;

export function fileVolumeFaults(volume: Untrusted<V1Volume>, at: Path, faults: Faults): void {
  const configMap = part<V1ConfigMapVolumeSource>(volume.configMap);
  if (configMap !== undefined) {
    const here = at.child('configMap');
    requireText(configMap.name, here.child('name'), faults);
    keyedFaults(configMap, here, faults);
  }
  const secret = part<V1SecretVolumeSource>(volume.secret);
  if (secret !== undefined) {
    const here = at.child('secret');
    requireText(secret.secretName, here.child('secretName'), faults);
    keyedFaults(secret, here, faults);
  }
  const downward = part<V1DownwardAPIVolumeSource>(volume.downwardAPI);
  if (downward !== undefined) {
    modeFaults(downward.defaultMode, at.child('downwardAPI').child('defaultMode'), faults);
    downwardFaults(downward.items, at.child('downwardAPI'), faults);
  }
  const projected = part<V1ProjectedVolumeSource>(volume.projected);
  if (projected !== undefined) {
    projectedFaults(projected, at.child('projected'), faults);
  }
}

function modeFaults(value: unknown, at: Path, faults: Faults): void {
  const mode = integer(value);
  if (mode !== undefined && (mode < 0 || mode > MODE)) {
    faults.push(invalid(at, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
  }
}

/** The keys of an object, as files. */
function keyedFaults(source: Untrusted<V1ConfigMapVolumeSource>, at: Path, faults: Faults): void {
  modeFaults(source.defaultMode, at.child('defaultMode'), faults);
  parts<V1KeyToPath>(source.items).forEach((item, i) => {
    const here = at.child('items').index(i);
    requireText(item.key, here.child('key'), faults);
    pathFaults(item.path, here.child('path'), faults);
    modeFaults(item.mode, here.child('mode'), faults);
  });
}

function pathFaults(value: unknown, at: Path, faults: Faults): void {
  const path = requireText(value, at, faults);
  if (path !== undefined) {
    fileFaults(path, at, faults);
  }
}

function downwardFaults(items: unknown, at: Path, faults: Faults): void {
  parts<V1DownwardAPIVolumeFile>(items).forEach((file, i) => {
    const here = at.child('items').index(i);
    pathFaults(file.path, here.child('path'), faults);
    modeFaults(file.mode, here.child('mode'), faults);
    const field = part<V1ObjectFieldSelector>(file.fieldRef);
    const resource = part<V1ResourceFieldSelector>(file.resourceFieldRef);
    if (field !== undefined) {
      fieldRefFaults(field, VOLUME_FIELDS, here.child('fieldRef'), faults);
      if (resource !== undefined) {
        const detail = 'fieldRef and resourceFieldRef can not be specified simultaneously';
        faults.push(invalid(here, 'resource', detail));
      }
    } else if (resource === undefined) {
      faults.push(required(here, 'one of fieldRef and resourceFieldRef is required'));
    } else {
      requireText(resource.containerName, here.child('resourceFieldRef').child('containerName'), faults);
      resourceRefFaults(resource, here.child('resourceFieldRef'), faults);
    }
  });
}

function projectedFaults(projected: Untrusted<V1ProjectedVolumeSource>, at: Path, faults: Faults): void {
  modeFaults(projected.defaultMode, at.child('defaultMode'), faults);
  const taken = new Set<string>();
  parts<V1VolumeProjection>(projected.sources).forEach((source, i) => {
    const here = at.child('sources').index(i);
    const given = entries(source).filter(([, value]) => isPresent(value));
    for (const [name] of given.slice(1)) {
      faults.push(forbidden(here.child(name), 'may not specify more than 1 volume type'));
    }
    sourceFaults(source, here, faults);
    for (const path of pathsOf(source)) {
      if (taken.has(path)) {
        faults.push(invalid(at, path, 'conflicting duplicate paths'));
      }
      taken.add(path);
    }
  });
}

function sourceFaults(source: Untrusted<V1VolumeProjection>, at: Path, faults: Faults): void {
  for (const kind of ['secret', 'configMap'] as const) {
    const keyed = part<V1ConfigMapVolumeSource>(source[kind]);
    if (keyed !== undefined) {
      requireText(keyed.name, at.child(kind).child('name'), faults);
      keyedFaults(keyed, at.child(kind), faults);
    }
  }
  downwardFaults(part<V1DownwardAPIVolumeSource>(source.downwardAPI)?.items, at.child('downwardAPI'), faults);
  const token = part<V1ServiceAccountTokenProjection>(source.serviceAccountToken);
  if (token !== undefined) {
    tokenFaults(token, at.child('serviceAccountToken'), faults);
  }
}

function tokenFaults(token: Untrusted<V1ServiceAccountTokenProjection>, at: Path, faults: Faults): void {
  const seconds = integer(token.expirationSeconds);
  if (seconds !== undefined && seconds < MIN_EXPIRATION_SECONDS) {
    faults.push(invalid(at.child('expirationSeconds'), seconds, 'may not specify a duration less than 10 minutes'));
  } else if (seconds !== undefined && seconds > MAX_EXPIRATION_SECONDS) {
    const detail = 'may not specify a duration larger than 2^32 seconds';
    faults.push(invalid(at.child('expirationSeconds'), seconds, detail));
  }
  // Not more is asked of it by the API server, unlike of all other paths.
  requireText(token.path, at.child('path'), faults);
}

/** The files that a source makes of keys, as far as it names them. */
function pathsOf(source: Untrusted<V1VolumeProjection>): readonly string[] {
  const items = (['secret', 'configMap', 'downwardAPI'] as const).flatMap((kind) =>
    parts<V1KeyToPath>(part<V1ConfigMapVolumeSource>(source[kind])?.items),
  );
  return items.flatMap(({ path }) => text(path) ?? []);
}
