/**
 * The objects without which a step's Pod cannot start: the Secrets, ConfigMaps and PersistentVolumeClaims that it
 * references. Pure. The fields are those of pkg/api/v1/pod/util.go (VisitPodSecretNames, VisitPodConfigmapNames),
 * except those that no kubelet waits for, and the claims.
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
import type { SequentialJob, SequentialJobSpec, Step, StepPod } from '../api/types.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { claimName, type ClaimTemplate } from './claim-volumes.ts';
import { mergePod } from './pod-settings.ts';
import type { StepPosition } from './position.ts';
import { usedVolumes } from './used-volumes.ts';

/** In the order in which they are reported. */
export const DEPENDENCY_KINDS = ['Secret', 'ConfigMap', 'PersistentVolumeClaim'] as const;
export type DependencyKind = (typeof DEPENDENCY_KINDS)[number];

/** An object in the Pod's namespace. */
export interface Dependency {
  readonly kind: DependencyKind;
  readonly name: string;
  /** The Pod may create the object itself: an init container runs before it is needed. */
  readonly mayBeCreated?: true;
}

type References = Iterable<Dependency>;

/**
 * The objects that the Pod of the step at `position` needs, without duplicates: sorted by kind, then in the kubelet's order
 * (volumes that a container of the Pod mounts, init containers, the step). Excludes image pull secrets: the kubelet
 * pulls the image without a missing one (getPullSecretsForPod). An object that is optional in one place and required
 * in another is needed. Never throws: a value that is null, empty or of the wrong type is ignored, and a step that
 * does not exist needs nothing.
 */
export function dependenciesOf(object: SequentialJob, position: StepPosition): readonly Dependency[] {
  return dedupe([...stepReferences(object, position)]);
}

/** Maximum number of objects of a step to check. */
const MAX_CHECKED = 50;
/** Maximum number of references in a Pod. */
const MAX_REFERENCES = 1000;

/**
 * The objects to check before the step starts: all that it needs, or none if it needs more than 50 or has more than
 * 1000 references. Checking that many would slow down all other sequences; the status of the Pod reports what is
 * missing.
 */
export function dependenciesToCheck(object: SequentialJob, position: StepPosition): readonly Dependency[] {
  const named = [...Iterator.from(stepReferences(object, position)).take(MAX_REFERENCES + 1)];
  const needed = named.length > MAX_REFERENCES ? [] : dedupe(named);
  return needed.length > MAX_CHECKED ? [] : needed;
}

function* stepReferences(object: SequentialJob, position: StepPosition): References {
  const spec = asObject<SequentialJobSpec>(object.spec);
  const step = [...asObjects<Step>(spec?.steps), ...asObjects<Step>(spec?.finally)][position];
  if (step === undefined) return;
  const template = mergePod(asObject<V1PodTemplateSpec>(spec?.template) ?? {}, asObject<StepPod>(step.pod));
  const own = ownClaimNames(object, spec);
  for (const one of podReferences(asObject<V1PodSpec>(template.spec) ?? {}, step)) {
    if (one.kind !== 'PersistentVolumeClaim' || !own.has(one.name)) yield one;
  }
}

/** The claims that the operator creates itself: a volume of the template may name one, too. */
function ownClaimNames(object: SequentialJob, spec: Untrusted<SequentialJobSpec> | undefined): ReadonlySet<string> {
  const templates = asObjects<ClaimTemplate>(spec?.volumeClaimTemplates).flatMap(({ metadata }) => {
    const name = nonEmptyString(asObject<{ name: string }>(metadata)?.name);
    return name === undefined ? [] : { metadata: { name } };
  });
  return new Set(templates.map((template) => claimName(object, template)));
}

function dedupe(named: readonly Dependency[]): readonly Dependency[] {
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

/** `secrets-store.csi.k8s.io` and drivers modeled on it: they create Secrets when a Pod mounts the volume. */
const SECRETS_STORE = /^secrets-store\b/;

const isSecretsStore = ({ csi }: Untrusted<V1Volume>): boolean =>
  SECRETS_STORE.test(nonEmptyString(asObject<V1CSIVolumeSource>(csi)?.driver) ?? '');

function* podReferences(pod: Untrusted<V1PodSpec>, step: Untrusted<V1Container>): References {
  const containers = [...asObjects<V1Container>(pod.initContainers), step];
  const used = usedVolumes(containers);
  const volumes = asObjects<V1Volume>(pod.volumes).filter(({ name }) => used.has(name));
  // Which Secrets they create is defined in the driver's own objects, which the operator does not read.
  const createsSecrets = volumes.some(isSecretsStore);
  for (const volume of volumes) {
    yield* driverReferences(volume);
    for (const one of volumeReferences(volume)) if (one.kind !== 'Secret' || !createsSecrets) yield one;
  }
  for (const [i, container] of containers.entries()) {
    for (const one of containerReferences(container)) {
      if (one.kind !== 'Secret' || !createsSecrets) yield i === 0 ? one : { ...one, mayBeCreated: true };
    }
  }
}

/** The object that a reference names, unless the reference is optional. */
function* requiredReference(kind: DependencyKind, reference: unknown, field = 'name'): References {
  const source = asObject<Record<string, unknown>>(reference);
  const name = nonEmptyString(source?.[field]);
  if (name !== undefined && source?.['optional'] !== true) yield { kind, name };
}

function* containerReferences(container: Untrusted<V1Container>): References {
  for (const from of asObjects<V1EnvFromSource>(container.envFrom)) {
    yield* requiredReference('ConfigMap', from.configMapRef);
    yield* requiredReference('Secret', from.secretRef);
  }
  for (const variable of asObjects<V1EnvVar>(container.env)) {
    const from = asObject<V1EnvVarSource>(variable.valueFrom);
    yield* requiredReference('ConfigMap', from?.configMapKeyRef);
    yield* requiredReference('Secret', from?.secretKeyRef);
  }
}

/** An ephemeral volume creates its own claim, so it references none. */
function* volumeReferences(volume: Untrusted<V1Volume>): References {
  yield* requiredReference('Secret', volume.secret, 'secretName');
  yield* requiredReference('ConfigMap', volume.configMap);
  yield* requiredReference('PersistentVolumeClaim', volume.persistentVolumeClaim, 'claimName');
  const projected = asObject<V1ProjectedVolumeSource>(volume.projected);
  for (const source of asObjects<V1VolumeProjection>(projected?.sources)) {
    yield* requiredReference('Secret', source.secret);
    yield* requiredReference('ConfigMap', source.configMap);
  }
}

/**
 * Drivers that read `secretRef` before mounting. Cinder has the field too, but neither the in-tree driver
 * (pkg/volume/cinder) nor its CSI translation reads it.
 */
const WITH_SECRET_REF = ['cephfs', 'flexVolume', 'rbd', 'scaleIO', 'storageos'] as const satisfies (keyof V1Volume)[];

/** The Secrets that a volume driver needs to access its storage, if they are in the Pod's namespace. */
function* driverReferences(volume: Untrusted<V1Volume>): References {
  yield* requiredReference('Secret', volume.azureFile, 'secretName');
  yield* requiredReference('Secret', asObject<V1CSIVolumeSource>(volume.csi)?.nodePublishSecretRef);
  for (const driver of WITH_SECRET_REF) {
    yield* requiredReference('Secret', asObject<{ secretRef: unknown }>(volume[driver])?.secretRef);
  }
  const iscsi = asObject<V1ISCSIVolumeSource>(volume.iscsi);
  // Only CHAP reads the Secret (pkg/volume/iscsi/iscsi.go createSecretMap).
  if (iscsi?.chapAuthDiscovery === true || iscsi?.chapAuthSession === true)
    yield* requiredReference('Secret', iscsi.secretRef);
}
