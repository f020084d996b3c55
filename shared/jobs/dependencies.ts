/**
 * What a step's Pod cannot start without: the Secrets, ConfigMaps and claims of its namespace that it names. Pure.
 * The places are those of pkg/api/v1/pod/util.go (VisitPodSecretNames, VisitPodConfigmapNames) less what no
 * kubelet waits for, and the claims.
 */
import type {
  V1CSIVolumeSource,
  V1Container,
  V1EnvFromSource,
  V1EnvVar,
  V1EnvVarSource,
  V1ISCSIVolumeSource,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ProjectedVolumeSource,
  V1Volume,
  V1VolumeProjection,
} from '@kubernetes/client-node';
import type { SequentialJob, SequentialJobSpec } from '../api/types.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { usedVolumes } from './used-volumes.ts';

/** In the order in which they are reported. */
export const DEPENDENCY_KINDS = ['Secret', 'ConfigMap', 'PersistentVolumeClaim'] as const;
export type DependencyKind = (typeof DEPENDENCY_KINDS)[number];

/** An object of the Pod's namespace. */
export interface Dependency {
  readonly kind: DependencyKind;
  readonly name: string;
  /** An init container of the Pod runs before it is needed, and may create it. */
  readonly mayBeCreated?: true;
}

type Named = Iterable<Dependency>;

/**
 * What the Pod of step `index` needs, each thing once: by kind, and within a kind as the kubelet comes upon it (the volumes
 * that a container of the Pod mounts, init containers, the step). Not the pull secrets: an image is pulled without one
 * that is missing (kubelet getPullSecretsForPod). A thing that is optional in one place and not in another is needed. Never
 * throws, whatever a client wrote: what is null, empty or of the wrong type names nothing. Nor does a step that is not there.
 */
export function dependenciesOf(object: SequentialJob, index: number): readonly Dependency[] {
  return eachOnce([...namedBy(object, index)]);
}

/** Things that a step may need to be looked for. */
const MAX_LOOKED_FOR = 50;
/** Places of a Pod that may name one. */
const MAX_PLACES = 1000;

/**
 * What is to be looked for before the step starts: what it needs, or nothing where that is more than 50 things, or is named in
 * more than 1000 places. Such a Pod tells by itself what it lacks; to look for all of it would be at the expense of everybody
 * else.
 */
export function lookedFor(object: SequentialJob, index: number): readonly Dependency[] {
  const named = [...Iterator.from(namedBy(object, index)).take(MAX_PLACES + 1)];
  const needed = named.length > MAX_PLACES ? [] : eachOnce(named);
  return needed.length > MAX_LOOKED_FOR ? [] : needed;
}

function* namedBy(object: SequentialJob, index: number): Named {
  const spec = asObject<SequentialJobSpec>(object.spec);
  const step = asObjects<V1Container>(spec?.containers)[index];
  if (step === undefined) return;
  const pod = asObject<V1PodSpec>(asObject<V1PodTemplateSpec>(spec?.template)?.spec);
  yield* ofPod(pod ?? {}, step);
}

function eachOnce(named: readonly Dependency[]): readonly Dependency[] {
  return DEPENDENCY_KINDS.flatMap((kind) => {
    const byName = Map.groupBy(
      named.filter((one) => one.kind === kind),
      ({ name }) => name,
    );
    return [...byName].map(([name, uses]): Dependency =>
      uses.every(({ mayBeCreated }) => mayBeCreated === true) ? { kind, name, mayBeCreated: true } : { kind, name },
    );
  });
}

/** `secrets-store.csi.k8s.io`, and the drivers that are made after it: they create Secrets when a Pod mounts the volume. */
const SECRETS_STORE = /^secrets-store\b/;

const isSecretsStore = ({ csi }: Untrusted<V1Volume>): boolean =>
  SECRETS_STORE.test(nonEmptyString(asObject<V1CSIVolumeSource>(csi)?.driver) ?? '');

function* ofPod(pod: Untrusted<V1PodSpec>, step: Untrusted<V1Container>): Named {
  const containers = [...asObjects<V1Container>(pod.initContainers), step];
  const used = usedVolumes(containers);
  const volumes = asObjects<V1Volume>(pod.volumes).filter(({ name }) => used.has(name));
  // Which Secrets that are is written in objects of the driver, that nobody here reads.
  const createsSecrets = volumes.some(isSecretsStore);
  for (const volume of volumes) {
    yield* ofDriver(volume);
    for (const one of ofVolume(volume)) if (one.kind !== 'Secret' || !createsSecrets) yield one;
  }
  for (const [i, container] of containers.entries()) {
    for (const one of ofContainer(container)) {
      if (one.kind !== 'Secret' || !createsSecrets) yield i === 0 ? one : { ...one, mayBeCreated: true };
    }
  }
}

/** What a reference names, unless it says that it can do without. */
function* needed(kind: DependencyKind, reference: unknown, field = 'name'): Named {
  const source = asObject<Record<string, unknown>>(reference);
  const name = nonEmptyString(source?.[field]);
  if (name !== undefined && source?.['optional'] !== true) yield { kind, name };
}

function* ofContainer(container: Untrusted<V1Container>): Named {
  for (const from of asObjects<V1EnvFromSource>(container.envFrom)) {
    yield* needed('ConfigMap', from.configMapRef);
    yield* needed('Secret', from.secretRef);
  }
  for (const variable of asObjects<V1EnvVar>(container.env)) {
    const from = asObject<V1EnvVarSource>(variable.valueFrom);
    yield* needed('ConfigMap', from?.configMapKeyRef);
    yield* needed('Secret', from?.secretKeyRef);
  }
}

/** An ephemeral volume makes its own claim, and so names none. */
function* ofVolume(volume: Untrusted<V1Volume>): Named {
  yield* needed('Secret', volume.secret, 'secretName');
  yield* needed('ConfigMap', volume.configMap);
  yield* needed('PersistentVolumeClaim', volume.persistentVolumeClaim, 'claimName');
  const projected = asObject<V1ProjectedVolumeSource>(volume.projected);
  for (const source of asObjects<V1VolumeProjection>(projected?.sources)) {
    yield* needed('Secret', source.secret);
    yield* needed('ConfigMap', source.configMap);
  }
}

/**
 * Drivers that read `secretRef` before they mount. Cinder has that field too, but neither the old driver
 * (pkg/volume/cinder) nor its CSI translation reads it.
 */
const WITH_SECRET_REF = ['cephfs', 'flexVolume', 'rbd', 'scaleIO', 'storageos'] as const satisfies (keyof V1Volume)[];

/** The Secrets with which a driver reaches its storage, where they are in the Pod's namespace. */
function* ofDriver(volume: Untrusted<V1Volume>): Named {
  yield* needed('Secret', volume.azureFile, 'secretName');
  yield* needed('Secret', asObject<V1CSIVolumeSource>(volume.csi)?.nodePublishSecretRef);
  for (const driver of WITH_SECRET_REF) {
    yield* needed('Secret', asObject<{ secretRef: unknown }>(volume[driver])?.secretRef);
  }
  const iscsi = asObject<V1ISCSIVolumeSource>(volume.iscsi);
  // Read for CHAP alone (pkg/volume/iscsi/iscsi.go createSecretMap).
  if (iscsi?.chapAuthDiscovery === true || iscsi?.chapAuthSession === true) yield* needed('Secret', iscsi.secretRef);
}
