/** Builds the Job of a step: the exact manifest that the controller creates and `render` prints. Pure. */
import { type DefaultedTemplate, withDefaults } from '../api/defaults.ts';
import {
  API_VERSION,
  DEFAULT_FINALLY_DEADLINE_SECONDS,
  KIND,
  LABELS,
  MANAGER,
  OUTCOME_ANNOTATIONS,
} from '../api/group.ts';
import type {
  ChildMetadata,
  Container,
  OwnerReference,
  PodFailurePolicy,
  PodTemplateSpec,
  SequentialJob,
  Step,
  StepJob,
} from '../api/types.ts';
import { containerOf } from '../conversion/step-settings.ts';
import { isReserved } from '../validation/labels.ts';
import { claimVolumes } from './claim-volumes.ts';
import { jobName } from './names.ts';
import { mergeMaps, mergePod } from './pod-settings.ts';
import { allSteps, placeOf, stepAt, type StepPlace, type StepPosition } from './position.ts';
import { resultAnnotations } from './results.ts';
import { usedClaims, usedVolumes } from './used-volumes.ts';

export interface JobManifest {
  readonly apiVersion: 'batch/v1';
  readonly kind: 'Job';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences: readonly OwnerReference[];
  };
  readonly spec: {
    readonly completions: 1;
    readonly parallelism: 1;
    readonly backoffLimit: number;
    readonly podReplacementPolicy: typeof POD_REPLACEMENT_POLICY;
    readonly activeDeadlineSeconds?: number;
    readonly podFailurePolicy?: PodFailurePolicy;
    readonly template: PodTemplateSpec;
  };
}

/**
 * The Job controller replaces a drained, evicted or deleted Pod only after it has terminated (1.29 and newer; older
 * servers drop the field).
 */
const POD_REPLACEMENT_POLICY = 'Failed';

/**
 * The Job of the step at `position` after `resumes` resumes. Deterministic: the same object gives the same manifest. The object
 * must be valid; throws RangeError if the step does not exist.
 */
export function buildJob(object: SequentialJob, position: StepPosition, resumes: number): JobManifest {
  return buildCombinedJob(object, [position], resumes);
}

/**
 * A Job with the containers of several steps in one Pod and all other fields of the first step's Job, its settings
 * included: one dry run of it checks the Jobs of all these steps. Throws RangeError if a step does not exist.
 */
export function buildCombinedJob(
  object: SequentialJob,
  positions: readonly StepPosition[],
  resumes: number,
): JobManifest {
  const spec = withDefaults(object.spec);
  const { job } = spec;
  const all = allSteps(spec);
  const steps = positions.flatMap((at) => all[at] ?? []);
  const [position] = positions;
  const [first] = steps;
  if (position === undefined || first === undefined || steps.length < positions.length) {
    throw new RangeError(`there is no step ${positions.find((at) => all[at] === undefined)}`);
  }
  const place = placeOf(spec, position);
  const labels = childLabels(object, { ...place, name: first.name, resumes });
  const own = jobMetadata(first.job, job);
  const template = mergePod(spec.template, first.pod);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: stepJobName(object, position, resumes),
      namespace: object.metadata.namespace,
      labels: { ...own.labels, ...labels },
      ...(own.annotations === undefined ? {} : { annotations: own.annotations }),
      ownerReferences: [ownerReference(object)],
    },
    spec: {
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: POD_REPLACEMENT_POLICY,
      ...jobFields(first.job, job, place.list),
      template: podTemplate(
        withClaimVolumes(template, object),
        steps.map((step) => containerOf(step)),
        {
          labels,
          annotations: nonEmpty({
            ...annotationsForSteps(template, all, steps),
            ...outcomeAnnotations(place, object),
            ...resultAnnotations(object, positions),
          }),
        },
      ),
    },
  };
}

/**
 * The Job fields that the step sets, else those that all steps have; a step of `finally` has a time limit. The deadline of the sequence is not among them: the
 * controller enforces it over all Jobs.
 */
export function jobFields(
  own: StepJob | undefined,
  all: StepJob & { readonly backoffLimit: number },
  list: StepPlace['list'],
): Pick<JobManifest['spec'], 'backoffLimit' | 'activeDeadlineSeconds' | 'podFailurePolicy'> {
  // Go clients send null for an unset field.
  const limit = list === 'finally' ? DEFAULT_FINALLY_DEADLINE_SECONDS : undefined;
  const deadline = own?.activeDeadlineSeconds ?? all.activeDeadlineSeconds ?? limit;
  const failures = own?.podFailurePolicy ?? all.podFailurePolicy ?? undefined;
  return {
    backoffLimit: own?.backoffLimit ?? all.backoffLimit,
    ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
    ...(failures === undefined ? {} : { podFailurePolicy: failures }),
  };
}

/**
 * The labels and annotations that the user gives the step's Job: those of all steps and those of the step, which wins by
 * key. Without reserved keys; a map without entries is absent.
 */
export function jobMetadata(own: StepJob | undefined, all: StepJob): ChildMetadata {
  const { labels, annotations } = mergeMaps(all.metadata ?? {}, own?.metadata ?? {});
  const [kept, notes] = [withoutReserved(labels ?? {}, 'labels'), withoutReserved(annotations ?? {}, 'annotations')];
  return {
    ...(Object.keys(kept).length === 0 ? {} : { labels: kept }),
    ...(Object.keys(notes).length === 0 ? {} : { annotations: notes }),
  };
}

/** The name of this step's Job, whether or not the Job exists. */
export function stepJobName({ metadata, spec }: SequentialJob, position: StepPosition, resumes: number): string {
  const { list, index } = placeOf(spec, position);
  const container = stepAt(spec, position)?.name ?? '';
  return jobName({ name: metadata.name, index, container, resumes, isFinally: list === 'finally' });
}

/** The owner reference of a Job: the garbage collector and the controller use it to find the owner. */
export function ownerReference(object: SequentialJob): OwnerReference {
  const { name, uid } = object.metadata;
  return { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true, blockOwnerDeletion: true };
}

function childLabels(
  object: SequentialJob,
  step: StepPlace & { readonly name: string; readonly resumes: number },
): Readonly<Record<string, string>> {
  return {
    [LABELS.managedBy]: MANAGER,
    [LABELS.name]: object.metadata.name,
    [LABELS.uid]: object.metadata.uid,
    [step.list === 'finally' ? LABELS.finallyIndex : LABELS.stepIndex]: String(step.index),
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
      ...withoutUnused(spec, containers),
      ...(spec.initContainers === undefined || spec.initContainers === null
        ? {}
        : { initContainers: spec.initContainers.map(withTerminationMessagePolicy) }),
      containers: containers.map(withTerminationMessagePolicy),
    },
  };
}

/** The template with one volume more for each claim of the sequence. */
function withClaimVolumes(template: DefaultedTemplate, object: SequentialJob): DefaultedTemplate {
  const claims = claimVolumes(object);
  const { spec } = template;
  return claims.length === 0
    ? template
    : { ...template, spec: { ...spec, volumes: [...(spec.volumes ?? []), ...claims] } };
}

/**
 * The Pod spec without the volumes and resource claims that none of its containers uses. The kubelet mounts all
 * volumes of a Pod, so a step would otherwise wait for objects that only another step needs.
 */
function withoutUnused(spec: DefaultedTemplate['spec'], containers: readonly Container[]): DefaultedTemplate['spec'] {
  const all = [...(spec.initContainers ?? []), ...containers];
  const { volumes: _, resourceClaims: __, ...rest } = spec;
  const volumes = pickByName(spec.volumes, usedVolumes(all));
  const resourceClaims = pickByName(spec.resourceClaims, usedClaims(all));
  return {
    ...rest,
    ...(volumes.length === 0 ? {} : { volumes }),
    ...(resourceClaims.length === 0 ? {} : { resourceClaims }),
  };
}

function pickByName<T extends { readonly name: string }>(
  items: readonly T[] | null | undefined,
  names: ReadonlySet<unknown>,
): readonly T[] {
  return (items ?? []).filter(({ name }) => names.has(name));
}

type StringMap = Readonly<Record<string, string>>;

/**
 * Annotations that set a profile for one container, from before there were fields; the container's name is the rest
 * of the key.
 */
const PER_CONTAINER_PREFIXES = [
  'container.apparmor.security.beta.kubernetes.io/',
  'container.seccomp.security.alpha.kubernetes.io/',
] as const;

/** Without reserved keys: if the webhook was bypassed, a template may have keys that the controller reads from its children. */
export function withoutReserved(map: StringMap, what: 'labels' | 'annotations'): StringMap {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !isReserved(key, what)));
}

const namesOfContainers = (steps: readonly Step[]): readonly string[] =>
  steps.flatMap(({ name, pod }) => [name, ...(pod?.initContainers ?? []).map((container) => container.name)]);

/**
 * The Pod's annotations without those about containers of other steps, init containers included: servers refuse a Pod
 * without the named container.
 */
function annotationsForSteps({ metadata }: DefaultedTemplate, all: readonly Step[], own: readonly Step[]): StringMap {
  const annotations = metadata?.annotations ?? {};
  const others = namesOfContainers(all.filter((step) => !own.includes(step)));
  // The init containers of two steps may have the same name.
  const inPod = new Set(namesOfContainers(own));
  const names = new Set(others.filter((name) => !inPod.has(name)));
  const isOfOtherStep = (key: string): boolean =>
    PER_CONTAINER_PREFIXES.some((prefix) => key.startsWith(prefix) && names.has(key.slice(prefix.length)));
  const kept = Object.entries(withoutReserved(annotations, 'annotations')).filter(([key]) => !isOfOtherStep(key));
  return Object.fromEntries(kept);
}

const nonEmpty = (map: StringMap): StringMap | undefined => (Object.keys(map).length === 0 ? undefined : map);

/** How the steps have ended, for a step of `finally`; none before the status records it. */
function outcomeAnnotations({ list }: StepPlace, { status }: SequentialJob): StringMap {
  if (list !== 'finally' || status?.finally === undefined) return {};
  const { failureReason, failureMessage = '', failedIndex, currentStep = '' } = status.progress ?? {};
  if (failureReason === undefined) return { [OUTCOME_ANNOTATIONS.outcome]: 'Succeeded' };
  return {
    [OUTCOME_ANNOTATIONS.outcome]: 'Failed',
    ...(failedIndex === undefined ? {} : { [OUTCOME_ANNOTATIONS.failedStep]: currentStep }),
    [OUTCOME_ANNOTATIONS.failureReason]: failureReason,
    [OUTCOME_ANNOTATIONS.failureMessage]: failureMessage,
  };
}

/**
 * Sets the default termination message policy: a failed container without a termination message reports the end of
 * its log.
 */
function withTerminationMessagePolicy(container: Container): Container {
  return { ...container, terminationMessagePolicy: container.terminationMessagePolicy ?? 'FallbackToLogsOnError' };
}
