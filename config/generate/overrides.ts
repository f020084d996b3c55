/**
 * Schema information about core types that client-node's models do not have, by `Model.property`. core-models.ts reads the rest.
 *
 * The list types follow what core validation enforces, not Kubernetes' own OpenAPI document: a list is a map only if
 * the API server also refuses a Job with two items of the same key (pkg/apis/core/validation/validation.go). So duplicate
 * environment variables or host aliases, which a Pod may have, are allowed here. `ports` is the one exception: this
 * resource requires unique ports, by the keys of Kubernetes' own list map.
 *
 * Core enumerations are not in the schema: a release of Kubernetes may add a value, and the API server validates the Job.
 */
import type { Schema } from '../../shared/api/schema.ts';

type Overrides = Readonly<Record<string, Schema>>;

/** Fields, and maps, of type `resource.Quantity`: strings in client-node's models, but the API accepts numbers as well. */
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

/** Types that server-side apply treats as one value: `+structType=atomic` on the type in staging/src/k8s.io/api/core/v1/types.go. */
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

/** A list that must be empty. The schema of its items does not matter, because any item is refused. */
const EMPTY_LIST: Schema = { type: 'array', nullable: true, maxItems: 0, items: { type: 'object' } };

/** Optional lists and references that Go clients write as `null`: no `omitempty` in types.go, in some release or in all. */
export const NULLABLE: ReadonlySet<string> = new Set([
  'V1PodFailurePolicyRule.onPodConditions',
  'V1ProjectedVolumeSource.sources',
  'V1ScaleIOVolumeSource.secretRef',
]);

/**
 * Properties that the schema omits. It declares the metadata of a template, because the API server would prune it otherwise,
 * with all fields, because what a Go client serializes must pass strict field validation. Only `managedFields` is omitted: it
 * has no fixed structure, and no client writes it into a template.
 */
export const OMITTED: ReadonlySet<string> = new Set(['V1ObjectMeta.managedFields']);

/** Schemas that replace that of a property. */
export const REPLACED: Overrides = {
  // A step supplies the container, so a template has none; Go clients write `null`.
  'V1PodSpec.containers': EMPTY_LIST,
  // Refused in every Pod template (validation.go ValidatePodTemplateSpec).
  'V1PodSpec.ephemeralContainers': EMPTY_LIST,
  // Without Always: the Pod of a Job must be able to end. All versions of Kubernetes refuse it.
  'V1PodSpec.restartPolicy': { type: 'string', enum: ['', 'Never', 'OnFailure'] },
  // A list map key must be required or have a default; this is the core type's default (pkg/apis/core/v1/defaults.go).
  'V1ContainerPort.protocol': { type: 'string', default: 'TCP' },
};

/**
 * Properties that the OpenAPI document requires and this schema does not: a template's containers, which are the steps, and
 * properties whose zero value an API server uses if they are absent (it accepts a Job without them).
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
