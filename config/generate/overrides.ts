/**
 * What client-node's models lack of the core types' schema, by `Model.property`. The rest is read from the models.
 *
 * The list types follow what core validation enforces, not what Kubernetes' own OpenAPI says: a list is a map only
 * where a Job with two items of the same key is refused too (pkg/apis/core/validation/validation.go). So duplicate
 * environment variables or host aliases, which a Pod may have, are not refused here. `ports` is the one exception: this
 * resource wants ports unique, and the key of Kubernetes' own list map is what they are unique by.
 *
 * Core enumerations are not in the schema: a release of Kubernetes may add a value, and the API server judges the Job.
 */
import type { Schema } from '../../shared/api/schema.ts';

type Overrides = Readonly<Record<string, Schema>>;

/** Fields and maps of fields of type `resource.Quantity`: client-node calls them strings, the API takes numbers as well. */
export const QUANTITIES: ReadonlySet<string> = new Set([
  'V1ResourceRequirements.limits',
  'V1ResourceRequirements.requests',
  'V1VolumeResourceRequirements.limits',
  'V1VolumeResourceRequirements.requests',
  'V1PodSpec.overhead',
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1ResourceFieldSelector.divisor',
]);

/** Lists that server-side apply merges by key, and whose keys are unique. Every key is required or has a default. */
export const LIST_MAPS: Readonly<Record<string, readonly string[]>> = {
  'V1PodSpec.initContainers': ['name'],
  'V1PodSpec.volumes': ['name'],
  'V1PodSpec.topologySpreadConstraints': ['topologyKey', 'whenUnsatisfiable'],
  'V1PodSpec.schedulingGates': ['name'],
  'V1PodSpec.resourceClaims': ['name'],
  'V1Container.ports': ['containerPort', 'protocol'],
  'V1Container.volumeMounts': ['mountPath'],
  'V1Container.volumeDevices': ['devicePath'],
};

/** Types that are one value to server-side apply: `+structType=atomic` on the type in staging/src/k8s.io/api/core/v1/types.go. */
export const ATOMIC: ReadonlySet<string> = new Set([
  'V1ConfigMapKeySelector',
  'V1FileKeySelector',
  'V1LabelSelector',
  'V1LocalObjectReference',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1SecretKeySelector',
  'V1TypedLocalObjectReference',
]);

/** A list that must stay empty needs no description of its items: whatever is in it is refused as a whole. */
const EMPTY_LIST: Schema = { type: 'array', nullable: true, maxItems: 0, items: { type: 'object' } };

/** Optional lists and references that Go clients write as `null`: no `omitempty` in types.go, in some release or in all. */
export const NULLABLE: ReadonlySet<string> = new Set([
  'V1PodFailurePolicyRule.onPodConditions',
  'V1ProjectedVolumeSource.sources',
  'V1ScaleIOVolumeSource.secretRef',
]);

/**
 * Properties left out. Metadata embedded in a template is declared, because it is pruned otherwise, and declared whole,
 * because what a Go client serialises must pass strict field validation; only `managedFields` is left out, which has no
 * fixed structure and which nobody writes into a template.
 */
export const OMITTED: ReadonlySet<string> = new Set(['V1ObjectMeta.managedFields']);

/** Schemas that stand for a property as a whole. */
export const REPLACED: Overrides = {
  // A step supplies the container, so a template has none; Go clients write `null`.
  'V1PodSpec.containers': EMPTY_LIST,
  // Refused in every Pod template (validation.go ValidatePodTemplateSpec).
  'V1PodSpec.ephemeralContainers': EMPTY_LIST,
  // A Job's Pod must be able to end, so Always is not among them; for all servers, and for good.
  'V1PodSpec.restartPolicy': { type: 'string', enum: ['', 'Never', 'OnFailure'] },
  // Part of a list map's key, so it has a default, the core type's own (pkg/apis/core/v1/defaults.go).
  'V1ContainerPort.protocol': { type: 'string', default: 'TCP' },
};

/**
 * Properties that the OpenAPI document requires and not this schema: a template's containers are the steps; the others an
 * API server takes for their zero value when they are absent, which is as good as any (a Job without them is accepted).
 */
export const OPTIONAL: ReadonlySet<string> = new Set([
  'V1HTTPHeader.value',
  'V1ISCSIVolumeSource.lun',
  'V1PodSpec.containers',
  'V1PreferredSchedulingTerm.preference',
  'V1ScaleIOVolumeSource.secretRef',
  'V1SleepAction.seconds',
  'V1Sysctl.value',
]);
