/** Warnings about valid specs that are probably mistakes; kubectl prints them. */
import type { V1Container, V1SecurityContext, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import { MAX_STEPS } from '../api/group.ts';
import { escapedLine } from '../printable-text.ts';
import type { SequentialJob, SequentialJobSpec, Step, StepPod } from '../api/types.ts';
import { usedVolumes } from '../jobs/used-volumes.ts';
import { Path, shorten } from './field-error.ts';
import { parseImage } from './images.ts';
import { MAX_APPLIED_BYTES, MAX_SPEC_BYTES, jsonBytes } from './value-limit.ts';
import { viewTemplate } from './template.ts';
import { claimTemplateNames } from './volume-claims.ts';
import { asEntries, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

const SPEC = Path.of('spec');
const TEMPLATE = SPEC.child('template').child('spec');

/** Maximum number of step names in a warning. */
const MAX_LISTED = 5;

/**
 * The warnings for an object, in the order of its fields, the steps of `finally` included: a spec that is too long for client-side `kubectl apply`,
 * images without tag or digest or with `latest`, privileged containers, `hostPath` volumes, volumes that several
 * steps mount although they do not outlive a step, and claims that no step mounts. Accepts untrusted values. `bytes`: the length of its JSON, or an
 * upper bound, if known.
 */
export function warningsFor(object: unknown, bytes = Infinity): readonly string[] {
  const spec = asObject<SequentialJobSpec>(asObject<SequentialJob>(object)?.spec);
  const template = viewTemplate(spec?.template, spec?.volumeClaimTemplates);
  const steps = asObjects<Step>(spec?.steps).slice(0, MAX_STEPS);
  const last = asObjects<Step>(spec?.finally).slice(0, MAX_STEPS);
  const mounting = stepsByVolume([...steps, ...last]);
  return [
    ...lengthWarnings(spec, bytes),
    ...stepsWarnings(steps, SPEC.child('steps')),
    ...stepsWarnings(last, SPEC.child('finally')),
    ...containersWarnings(template.initContainers, TEMPLATE.child('initContainers')),
    ...template.volumes.flatMap((volume, i) => volumeWarnings(volume, mounting, TEMPLATE.child('volumes').index(i))),
    ...unmountedClaimWarnings(spec?.volumeClaimTemplates, [...steps, ...last], template.initContainers),
  ].map(escapedLine);
}

function lengthWarnings(spec: unknown, bytes: number): readonly string[] {
  const length = bytes > MAX_APPLIED_BYTES ? jsonBytes(spec) : 0;
  // One that is refused for its length can be applied in no way.
  if (length <= MAX_APPLIED_BYTES || length > MAX_SPEC_BYTES) return [];
  const size = `${Math.ceil(length / 1024)} KiB of JSON`;
  return [
    `spec: ${size}: kubectl apply needs --server-side, or its copy of the object does not fit into an annotation`,
  ];
}

type Containers = readonly Untrusted<V1Container>[];
type Steps = readonly Untrusted<Step>[];

/** The init containers of the step's own. */
const initContainersOf = ({ pod }: Untrusted<Step>): Containers =>
  asObjects<V1Container>(asObject<StepPod>(pod)?.initContainers);

const stepsWarnings = (steps: Steps, at: Path): readonly string[] =>
  steps.flatMap((step, i) => {
    const here = at.index(i);
    const ofPod = containersWarnings(initContainersOf(step), here.child('pod').child('initContainers'));
    return [...containerWarnings(step, here), ...ofPod];
  });

const containersWarnings = (containers: Containers, at: Path): readonly string[] =>
  containers.flatMap((container, i) => containerWarnings(container, at.index(i)));

function containerWarnings(container: Untrusted<V1Container>, at: Path): readonly string[] {
  const isPrivileged = asObject<V1SecurityContext>(container.securityContext)?.privileged === true;
  return [
    ...imageWarnings(nonEmptyString(container.image), at.child('image')),
    ...(isPrivileged
      ? [`${at.child('securityContext').child('privileged').toString()}: the container has full access to the node`]
      : []),
  ];
}

function imageWarnings(image: string | undefined, at: Path): readonly string[] {
  const parsed = image === undefined ? undefined : parseImage(image);
  if (image === undefined || parsed === undefined || 'problem' in parsed || parsed.digest !== undefined) {
    return [];
  }
  const why = 'what it runs can change from one attempt to the next';
  if (parsed.tag === undefined) {
    return [`${at.toString()}: "${image}" has neither tag nor digest and means "latest": ${why}`];
  }
  return parsed.tag === 'latest' ? [`${at.toString()}: "${image}" has the tag "latest": ${why}`] : [];
}

/**
 * The steps that mount each volume, by its name, also in an init container of their own: each gets a Pod of its own, also one of
 * `finally`.
 */
function stepsByVolume(steps: Steps): ReadonlyMap<string, Steps> {
  const mounting = new Map<string, Untrusted<Step>[]>();
  const mountsOf = ({ volumeMounts }: Untrusted<V1Container>): readonly string[] =>
    asObjects<V1VolumeMount>(volumeMounts).flatMap((mount) => nonEmptyString(mount.name) ?? []);
  for (const step of steps) {
    const inInit = initContainersOf(step).flatMap(mountsOf);
    for (const name of new Set([...mountsOf(step), ...inInit])) {
      const known = mounting.get(name);
      if (known === undefined) mounting.set(name, [step]);
      else known.push(step);
    }
  }
  return mounting;
}

/** `shared`: the init containers of all steps. */
function unmountedClaimWarnings(templates: unknown, steps: Steps, shared: Steps): readonly string[] {
  const used = usedVolumes([...steps, ...steps.flatMap(initContainersOf), ...shared]);
  return claimTemplateNames(templates).flatMap((name, i) =>
    name === undefined || used.has(name)
      ? []
      : [`${SPEC.child('volumeClaimTemplates').index(i).toString()}: no step mounts it`],
  );
}

function volumeWarnings(
  volume: Untrusted<V1Volume>,
  mounting: ReadonlyMap<string, Steps>,
  at: Path,
): readonly string[] {
  if (asObject(volume.hostPath) !== undefined) {
    return [`${at.child('hostPath').toString()}: the volume is a directory of whichever node runs the step`];
  }
  const source = asEntries(volume).find(([, value]) => asObject(value) !== undefined)?.[0];
  // A volume without a source is an emptyDir (pkg/apis/core/v1/defaults.go).
  const isOfPod = source === undefined || source === 'emptyDir' || source === 'ephemeral';
  const steps = (isOfPod ? mounting.get(nonEmptyString(volume.name) ?? '') : undefined) ?? [];
  if (steps.length < 2) return [];
  const names = steps.slice(0, MAX_LISTED).map(({ name }) => `"${shorten(nonEmptyString(name) ?? '')}"`);
  const stepList = [...names, ...(steps.length > MAX_LISTED ? [`${steps.length - MAX_LISTED} more`] : [])].join(', ');
  return [
    `${(source === undefined ? at : at.child(source)).toString()}: each of the steps that mount it (${stepList}) gets an empty one: it does not outlive a step; use a claim to hand files on`,
  ];
}
