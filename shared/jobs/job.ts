/** Step → Job: the exact manifest that is created, and by `render` shown. Pure. */
import { type DefaultedTemplate, withDefaults } from '../api/defaults.ts';
import { API_VERSION, KIND, LABELS, MANAGER } from '../api/group.ts';
import type { Container, OwnerReference, PodTemplateSpec, SequentialJob, StepPolicy } from '../api/types.ts';
import { isReserved } from '../validation/labels.ts';
import { jobName } from './names.ts';
import { usedVolumes } from './used-volumes.ts';

export interface JobManifest {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'Job';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly ownerReferences: readonly OwnerReference[];
  };
  readonly spec: {
    readonly completions: 1;
    readonly parallelism: 1;
    readonly backoffLimit: number;
    readonly podReplacementPolicy: typeof POD_REPLACEMENT_POLICY;
    readonly activeDeadlineSeconds?: number;
    readonly podFailurePolicy?: NonNullable<StepPolicy['podFailurePolicy']>;
    readonly template: PodTemplateSpec;
  };
}

/**
 * A Pod that is drained, evicted or deleted has ended before the Job controller starts another one (1.29 and newer;
 * an older server drops the field).
 */
const POD_REPLACEMENT_POLICY = 'Failed';

/**
 * The Job of step `index` after `resumes` resumes. Deterministic: the same object gives the same manifest. The object
 * must be one that validation accepted; throws RangeError when it has no such step.
 */
export function buildJob(object: SequentialJob, index: number, resumes: number): JobManifest {
  return buildCombinedJob(object, [index], resumes);
}

/**
 * A Job that has the containers of several steps in its one Pod, and all else of the first of them: for a dry run, in
 * which it stands for all of their Jobs. Throws RangeError when there is no such step.
 */
export function buildCombinedJob(object: SequentialJob, indices: readonly number[], resumes: number): JobManifest {
  const { containers, template, backoffLimit, stepPolicies } = withDefaults(object.spec);
  const steps = indices.flatMap((at) => containers[at] ?? []);
  const [index] = indices;
  const [first] = steps;
  if (index === undefined || first === undefined || steps.length < indices.length) {
    throw new RangeError(`there is no step ${indices.find((at) => containers[at] === undefined)}`);
  }
  const labels = childLabels(object, { index, name: first.name, resumes });
  const policy = stepPolicies.find(({ name }) => name === first.name);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: stepJobName(object, index, resumes),
      namespace: object.metadata.namespace,
      labels,
      ownerReferences: [ownerReference(object)],
    },
    spec: {
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: POD_REPLACEMENT_POLICY,
      ...jobPolicy(policy, backoffLimit),
      template: podTemplate(template, steps, { labels, annotations: annotationsOf(template, containers, steps) }),
    },
  };
}

/**
 * What the step's policy says of its Job, in the Job's own words; what it leaves open is the sequence's. The time limit
 * of the sequence is not here: it is the controller's to keep, over all Jobs.
 */
function jobPolicy(
  policy: StepPolicy | undefined,
  backoffLimit: number,
): Pick<JobManifest['spec'], 'backoffLimit' | 'activeDeadlineSeconds' | 'podFailurePolicy'> {
  // Go clients write null for what is absent.
  const deadline = policy?.activeDeadlineSeconds ?? undefined;
  const failures = policy?.podFailurePolicy ?? undefined;
  return {
    backoffLimit: policy?.backoffLimit ?? backoffLimit,
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
    ...(failures === undefined ? {} : { podFailurePolicy: failures }),
  };
}

/** The name that the Job of this step has, or would have. */
export function stepJobName(object: SequentialJob, index: number, resumes: number): string {
  const container = object.spec.containers[index]?.name ?? '';
  return jobName({ name: object.metadata.name, index, container, resumes });
}

/** What ties a Job to its SequentialJob: the garbage collector follows it, and so does the controller. */
export function ownerReference(object: SequentialJob): OwnerReference {
  const { name, uid } = object.metadata;
  return { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true };
}

function childLabels(
  object: SequentialJob,
  step: { readonly index: number; readonly name: string; readonly resumes: number },
): Readonly<Record<string, string>> {
  return {
    [LABELS.managedBy]: MANAGER,
    [LABELS.name]: object.metadata.name,
    [LABELS.uid]: object.metadata.uid,
    [LABELS.stepIndex]: String(step.index),
    [LABELS.stepName]: step.name,
    ...(step.resumes === 0 ? {} : { [LABELS.resume]: String(step.resumes) }),
  };
}

function podTemplate(
  { metadata, spec }: DefaultedTemplate,
  containers: readonly Container[],
  { labels, annotations }: Pick<JobManifest['metadata'], 'labels'> & { readonly annotations: StringMap | undefined },
): PodTemplateSpec {
  return {
    metadata: {
      labels: { ...withoutReserved(metadata?.labels ?? {}, 'labels'), ...labels },
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec: {
      ...withOnlyUsed(spec, containers),
      ...(spec.initContainers === undefined || spec.initContainers === null
        ? {}
        : { initContainers: spec.initContainers.map(withMessages) }),
      containers: containers.map(withMessages),
    },
  };
}

/**
 * The Pod without the volumes and resource claims that none of its containers uses: the kubelet mounts all that a Pod
 * names, so that a step would wait for what only another step needs.
 */
function withOnlyUsed(spec: DefaultedTemplate['spec'], containers: readonly Container[]): DefaultedTemplate['spec'] {
  const all = [...(spec.initContainers ?? []), ...containers];
  const { volumes: _, resourceClaims: __, ...rest } = spec;
  const volumes = those(spec.volumes, usedVolumes(all));
  const resourceClaims = those(spec.resourceClaims, new Set(all.flatMap(claimsOf)));
  return {
    ...rest,
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(resourceClaims.length === 0 ? {} : { resourceClaims }),
  };
}

const claimsOf = ({ resources }: Container): readonly string[] => (resources?.claims ?? []).map(({ name }) => name);

function those<T extends { readonly name: string }>(
  items: readonly T[] | null | undefined,
  names: ReadonlySet<unknown>,
): readonly T[] {
  return (items ?? []).filter(({ name }) => names.has(name));
}

type StringMap = Readonly<Record<string, string>>;

/** The annotations with which a profile was given to a container before there were fields; the container's name follows. */
const OF_CONTAINER = [
  'container.apparmor.security.beta.kubernetes.io/',
  'container.seccomp.security.alpha.kubernetes.io/',
] as const;

/** What the user may set: past the webhook a template can have keys of ours that its Job does not, and those are read. */
function withoutReserved(map: StringMap, what: 'labels' | 'annotations'): StringMap {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !isReserved(key, what)));
}

/** The template's annotations but for those about the containers of other steps: servers refuse a Pod without the container. */
function annotationsOf(
  { metadata }: DefaultedTemplate,
  all: readonly Container[],
  own: readonly Container[],
): StringMap | undefined {
  const annotations = metadata?.annotations ?? undefined;
  if (annotations === undefined) return undefined;
  const names = new Set(all.filter((container) => !own.includes(container)).map(({ name }) => name));
  const isOfAnother = (key: string): boolean =>
    OF_CONTAINER.some((prefix) => key.startsWith(prefix) && names.has(key.slice(prefix.length)));
  const kept = Object.entries(withoutReserved(annotations, 'annotations')).filter(([key]) => !isOfAnother(key));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** A container that says nothing about its last words leaves the end of its log when it fails. */
function withMessages(container: Container): Container {
  return { ...container, terminationMessagePolicy: container.terminationMessagePolicy ?? 'FallbackToLogsOnError' };
}
