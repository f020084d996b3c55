/**
 * Results of steps: which ones the Pods of a spec's steps refer to, and the annotations that hand them on. Pure, and
 * total on untrusted specs; the time is linear in the size of the spec.
 */
import type {
  V1Container,
  V1DownwardAPIVolumeFile,
  V1DownwardAPIVolumeSource,
  V1EnvVar,
  V1EnvVarSource,
  V1ObjectFieldSelector,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ProjectedVolumeSource,
  V1Volume,
  V1VolumeProjection,
} from '@kubernetes/client-node';
import { RESULT_PREFIX } from '../api/group.ts';
import type { SequentialJob, SequentialJobSpec, Step, StepPod, StepStatus } from '../api/types.ts';
import { asObject, asObjects, type Untrusted } from '../json/untrusted.ts';
import { usedVolumes } from './used-volumes.ts';

/** A place within a container or a volume that refers to the result of a step. */
export interface ResultReference {
  /** The name of the step; any text, because a client wrote it. */
  readonly step: string;
  /** The whole value of the field. */
  readonly fieldPath: string;
  /** The path of the field, from the container or the volume on. */
  readonly at: readonly (string | number)[];
}

type References = Iterable<ResultReference>;

/** The syntax of a map's key in a field path (pkg/fieldpath/fieldpath.go SplitMaybeSubscriptedPath). */
const START = `metadata.annotations['${RESULT_PREFIX}`;
const END = "']";

function* referenceAt(fieldRef: unknown, at: readonly (string | number)[]): References {
  const fieldPath = asObject<V1ObjectFieldSelector>(fieldRef)?.fieldPath;
  if (typeof fieldPath !== 'string' || !fieldPath.startsWith(START) || !fieldPath.endsWith(END)) return;
  yield {
    step: fieldPath.slice(START.length, -END.length),
    fieldPath,
    at: [...at, 'fieldRef', 'fieldPath'],
  };
}

/** The references in the variables of a container. */
export function* containerReferences({ env }: Untrusted<V1Container>): References {
  for (const [i, variable] of asObjects<V1EnvVar>(env).entries()) {
    const source = asObject<V1EnvVarSource>(variable.valueFrom);
    if (source !== undefined) yield* referenceAt(source.fieldRef, ['env', i, 'valueFrom']);
  }
}

/** The references in the files of a volume of the downward API, or of a projected one. */
export function* volumeReferences({ downwardAPI, projected }: Untrusted<V1Volume>): References {
  yield* fileReferences(downwardAPI, ['downwardAPI']);
  const sources = asObjects<V1VolumeProjection>(asObject<V1ProjectedVolumeSource>(projected)?.sources);
  for (const [i, source] of sources.entries()) {
    yield* fileReferences(source.downwardAPI, ['projected', 'sources', i, 'downwardAPI']);
  }
}

function* fileReferences(volume: unknown, at: readonly (string | number)[]): References {
  const items = asObjects<V1DownwardAPIVolumeFile>(asObject<V1DownwardAPIVolumeSource>(volume)?.items);
  for (const [i, { fieldRef }] of items.entries()) yield* referenceAt(fieldRef, [...at, 'items', i]);
}

/** The init containers that a step's own settings add to its Pod. */
export const ownInitContainers = (step: Untrusted<Step>): readonly Untrusted<V1Container>[] =>
  asObjects<V1Container>(asObject<StepPod>(step.pod)?.initContainers);

interface SpecReferences {
  /** The names of the steps whose results the Pod of each step refers to, by the step's position. */
  readonly byPosition: readonly ReadonlySet<string>[];
  readonly all: ReadonlySet<string>;
}

type StepNames = readonly string[];

const NONE: ReadonlySet<string> = new Set();
const NO_NAMES: StepNames = [];

const namesIn = (references: References): StepNames => [...new Set(Array.from(references, ({ step }) => step))];

function readReferences(spec: Untrusted<SequentialJobSpec>): SpecReferences {
  const pod = asObject<V1PodSpec>(asObject<V1PodTemplateSpec>(spec.template)?.spec);
  const byVolume = new Map(
    asObjects<V1Volume>(pod?.volumes).map((volume) => [volume.name, namesIn(volumeReferences(volume))]),
  );
  const namesOf = (containers: readonly Untrusted<V1Container>[]): StepNames => [
    ...containers.flatMap((container) => namesIn(containerReferences(container))),
    ...Array.from(usedVolumes(containers), (name) => byVolume.get(name) ?? NO_NAMES).flat(),
  ];
  const shared = namesOf(asObjects<V1Container>(pod?.initContainers));
  const byPosition = [...asObjects<Step>(spec.steps), ...asObjects<Step>(spec.finally)].map((step) => {
    const own = namesOf([...ownInitContainers(step), step]);
    return shared.length + own.length === 0 ? NONE : new Set([...shared, ...own]);
  });
  const all = new Set<string>();
  for (const names of byPosition) for (const name of names) all.add(name);
  return { byPosition, all };
}

/** A spec is immutable and asked about at every reconcile. */
const known = new WeakMap<object, SpecReferences>();

function referencesOf(spec: SequentialJobSpec): SpecReferences {
  const read = known.get(spec) ?? readReferences(spec);
  known.set(spec, read);
  return read;
}

/** The names of the steps whose results the Pod of the step at this position refers to. */
export const referencedSteps = (spec: SequentialJobSpec, position: number): ReadonlySet<string> =>
  referencesOf(spec).byPosition[position] ?? NONE;

/** Whether a Pod of the spec refers to the result of the step of this name. */
export const isReferenced = (spec: SequentialJobSpec, step: string): boolean => referencesOf(spec).all.has(step);

/**
 * The annotations with the recorded results that the Pods of the steps at these positions refer to. A step without a recorded
 * result has none: a reference to an absent annotation reads as the empty string.
 */
export function resultAnnotations(
  { spec, status }: SequentialJob,
  positions: readonly number[],
): Readonly<Record<string, string>> {
  const names = new Set(positions.flatMap((position) => [...referencedSteps(spec, position)]));
  if (names.size === 0) return {};
  const recorded = asObject<{ steps: unknown; finally: unknown }>(status);
  const steps = [...asObjects<StepStatus>(recorded?.steps), ...asObjects<StepStatus>(recorded?.finally)];
  return Object.fromEntries(
    steps.flatMap(({ name, state, result }) =>
      typeof name === 'string' && names.has(name) && state === 'Succeeded' && typeof result === 'string'
        ? [[`${RESULT_PREFIX}${name}`, result]]
        : [],
    ),
  );
}
