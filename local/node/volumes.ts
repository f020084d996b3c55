/** A Pod's volumes as folders and files of this machine. */
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fieldValue } from './downward.ts';
import type { Content, Pod, Volume } from './objects.ts';

/** What volumes are made of, asked for when a Pod needs it. */
export interface VolumeSources {
  /** Undefined where it does not exist. */
  readonly configMap: (namespace: string, name: string) => Promise<Content | undefined>;
  readonly secret: (namespace: string, name: string) => Promise<Content | undefined>;
  /** The folder behind a bound claim; undefined where it is not bound to a volume of this node. */
  readonly claimFolder: (namespace: string, claim: string) => string | undefined;
}

/** A volume that can't be had (yet); the message is fit for a waiting container. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

interface Source {
  /** "secret" or "configmap", as the kubelet's messages say it. */
  readonly kind: string;
  readonly name: string;
  readonly content: Content | undefined;
  readonly optional: boolean;
  readonly items: readonly KeyToPath[] | undefined;
}

interface FileOf {
  readonly path: string;
  readonly data: Buffer;
  readonly mode: number | undefined;
}

/** The files of a ConfigMap or Secret volume: all keys, or the ones listed. Throws VolumeError for what is missing. */
export function filesOf(source: Source): readonly FileOf[] {
  const { content, items, optional } = source;
  if (content === undefined) {
    if (optional) return [];
    throw new VolumeError(`${source.kind} "${source.name}" not found`);
  }
  if (items === undefined) return Object.entries(content).map(([path, data]) => ({ path, data, mode: undefined }));
  return items.flatMap(({ key, path, mode }) => {
    const data = content[key];
    if (data !== undefined) return [{ path, data, mode }];
    if (optional) return [];
    throw new VolumeError(`${source.kind} "${source.name}" references non-existent key: ${key}`);
  });
}

async function writeFiles(folder: string, files: readonly FileOf[], defaultMode = 0o644): Promise<string> {
  for (const file of files) {
    const target = join(folder, join('/', file.path)); // a path can't lead out of the volume
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.data);
    await chmod(target, file.mode ?? defaultMode);
  }
  return folder;
}

/** A folder that every user may write to, as emptyDir is. */
async function openFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o777);
  return folder;
}

async function hostPath(path: string, type: string): Promise<string> {
  if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true });
  if (type === 'FileOrCreate') await writeFile(path, '', { flag: 'a' });
  const found = await stat(path).catch(() => undefined);
  const wanted = { Directory: 'directory', DirectoryOrCreate: 'directory', File: 'file', FileOrCreate: 'file' }[type];
  if (found === undefined) throw new VolumeError(`hostPath ${path} does not exist on this machine`);
  if (wanted !== undefined && (wanted === 'directory') !== found.isDirectory()) {
    throw new VolumeError(`hostPath type check failed: ${path} is not a ${wanted}`);
  }
  return path;
}

function downwardFiles(pod: Pod, items: NonNullable<Volume['downwardAPI']>['items']): readonly FileOf[] {
  return (items ?? []).map(({ path, fieldRef, mode }) => {
    const value = fieldRef === undefined ? undefined : fieldValue(pod, fieldRef.fieldPath);
    if (value === undefined) throw new VolumeError(`${path}: the local node knows files from fieldRef only`);
    return { path, data: Buffer.from(value), mode };
  });
}

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

async function sourceFiles(pod: Pod, projection: Projection, sources: VolumeSources): Promise<readonly FileOf[]> {
  const { configMap, secret, downwardAPI } = projection;
  const { namespace } = pod.metadata;
  if (downwardAPI !== undefined) return downwardFiles(pod, downwardAPI.items);
  const named = configMap ?? secret;
  if (named === undefined) return []; // a service account token: the local control plane issues none to Pods
  const { name = '', optional = false, items } = named;
  const read = configMap === undefined ? sources.secret : sources.configMap;
  const kind = configMap === undefined ? 'secret' : 'configmap';
  return filesOf({ kind, name, optional, items, content: await read(namespace, name) });
}

/**
 * Makes one volume below `folder` (or finds it elsewhere on the machine) and returns its path. Running it again is harmless.
 * Rejects with VolumeError when something it names does not exist, or when the local node has no such kind of volume.
 */
export async function prepareVolume(pod: Pod, volume: Volume, folder: string, sources: VolumeSources): Promise<string> {
  const place = await openFolder(join(folder, volume.name));
  if (volume.emptyDir !== undefined) return place;
  if (volume.hostPath !== undefined) return hostPath(volume.hostPath.path, volume.hostPath.type ?? '');
  if (volume.persistentVolumeClaim !== undefined) {
    const { claimName } = volume.persistentVolumeClaim;
    const found = sources.claimFolder(pod.metadata.namespace, claimName);
    if (found === undefined)
      throw new VolumeError(`persistentvolumeclaim "${claimName}" is not bound to a volume of this node`);
    return found;
  }
  if (volume.configMap !== undefined) {
    return writeFiles(
      place,
      await sourceFiles(pod, { configMap: volume.configMap }, sources),
      volume.configMap.defaultMode,
    );
  }
  if (volume.secret !== undefined) {
    const { secretName = '', optional, items, defaultMode } = volume.secret;
    const secret = {
      name: secretName,
      ...(optional === undefined ? {} : { optional }),
      ...(items === undefined ? {} : { items }),
    };
    return writeFiles(place, await sourceFiles(pod, { secret }, sources), defaultMode);
  }
  if (volume.downwardAPI !== undefined) return writeFiles(place, downwardFiles(pod, volume.downwardAPI.items));
  if (volume.projected !== undefined) {
    const files = await Promise.all(
      (volume.projected.sources ?? []).map((source) => sourceFiles(pod, source, sources)),
    );
    return writeFiles(place, files.flat(), volume.projected.defaultMode);
  }
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'none';
  throw new VolumeError(`the local node has no volumes of type ${kind}`);
}
