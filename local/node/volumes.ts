/** Prepares a Pod's volumes as folders and files of this machine. */
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fieldValue } from './downward.ts';
import type { Content, Pod, Volume } from './objects.ts';

/** Reads the objects that volumes are made from. */
export interface VolumeSources {
  /** Undefined if it does not exist. */
  readonly configMap: (namespace: string, name: string) => Promise<Content | undefined>;
  readonly secret: (namespace: string, name: string) => Promise<Content | undefined>;
  /** The folder of a bound claim's volume; undefined if it is not bound to a volume of this node. */
  readonly claimFolder: (namespace: string, claim: string) => string | undefined;
}

/** A volume cannot be prepared yet. The message becomes that of the waiting containers. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

interface KeyToPath {
  readonly key: string;
  readonly path: string;
  readonly mode?: number;
}

interface KeyedSource {
  /** "secret" or "configmap", for the kubelet's messages. */
  readonly kind: string;
  readonly name: string;
  readonly content: Content | undefined;
  readonly optional: boolean;
  readonly items: readonly KeyToPath[] | undefined;
}

interface VolumeFile {
  readonly path: string;
  readonly data: Buffer;
  readonly mode: number | undefined;
}

/** The files of a ConfigMap or Secret volume: all keys, or those in `items`. Throws VolumeError if one is missing. */
export function filesOf(source: KeyedSource): readonly VolumeFile[] {
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

async function writeFiles(folder: string, files: readonly VolumeFile[], defaultMode = 0o644): Promise<string> {
  for (const file of files) {
    const target = join(folder, join('/', file.path)); // the inner join removes `..`, so a path cannot leave the volume
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.data);
    await chmod(target, file.mode ?? defaultMode);
  }
  return folder;
}

/** A folder that every user may write to, like an emptyDir. */
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

function downwardFiles(pod: Pod, items: NonNullable<Volume['downwardAPI']>['items']): readonly VolumeFile[] {
  return (items ?? []).map(({ path, fieldRef, mode }) => {
    const value = fieldRef === undefined ? undefined : fieldValue(pod, fieldRef.fieldPath);
    if (value === undefined) throw new VolumeError(`${path}: the local node supports only files from fieldRef`);
    return { path, data: Buffer.from(value), mode };
  });
}

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

async function sourceFiles(pod: Pod, projection: Projection, sources: VolumeSources): Promise<readonly VolumeFile[]> {
  const { configMap, secret, downwardAPI } = projection;
  const { namespace } = pod.metadata;
  if (downwardAPI !== undefined) return downwardFiles(pod, downwardAPI.items);
  const named = configMap ?? secret;
  if (named === undefined) return []; // a service account token, which the local control plane does not issue to Pods
  const { name = '', optional = false, items } = named;
  const read = configMap === undefined ? sources.secret : sources.configMap;
  const kind = configMap === undefined ? 'secret' : 'configmap';
  return filesOf({ kind, name, optional, items, content: await read(namespace, name) });
}

/**
 * Creates one volume below `folder`, or finds it elsewhere on the machine, and returns its path. Idempotent. Rejects with
 * VolumeError if an object that it references does not exist, or if the local node does not support the volume type.
 */
export async function prepareVolume(pod: Pod, volume: Volume, folder: string, sources: VolumeSources): Promise<string> {
  const volumeFolder = await openFolder(join(folder, volume.name));
  if (volume.emptyDir !== undefined) return volumeFolder;
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
      volumeFolder,
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
    return writeFiles(volumeFolder, await sourceFiles(pod, { secret }, sources), defaultMode);
  }
  if (volume.downwardAPI !== undefined) return writeFiles(volumeFolder, downwardFiles(pod, volume.downwardAPI.items));
  if (volume.projected !== undefined) {
    const files = await Promise.all(
      (volume.projected.sources ?? []).map((source) => sourceFiles(pod, source, sources)),
    );
    return writeFiles(volumeFolder, files.flat(), volume.projected.defaultMode);
  }
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'none';
  throw new VolumeError(`the local node has no volumes of type ${kind}`);
}
