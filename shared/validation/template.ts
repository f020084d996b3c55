/** The template that all steps share (pkg/apis/core/validation/validation.go ValidatePodTemplateSpec, batch ValidateJob). */
import type { V1Container, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node';
import { initContainerFaults } from './containers.ts';
import { duplicate, forbidden, notSupported, type Faults, type Path } from './field.ts';
import { annotationFaults, labelFaults, reservedLabelFaults } from './labels.ts';
import { schedulingFaults } from './scheduling.ts';
import { list, part, parts, text, type Untrusted } from './untrusted.ts';
import { volumeFaults } from './volumes.ts';
import { profileAnnotationFaults } from './pod-annotations.ts';
import { podSpecFaults } from './pod-spec.ts';
import type { PodSetting } from './volume-mounts.ts';

/** What the rules about steps need of the template. */
export interface TemplateView {
  readonly metadata: Untrusted<V1ObjectMeta> | undefined;
  readonly spec: Untrusted<V1PodSpec> | undefined;
  readonly volumes: readonly Untrusted<V1Volume>[];
  readonly setting: PodSetting;
  readonly initContainers: readonly Untrusted<V1Container>[];
}

export function viewTemplate(value: unknown): TemplateView {
  const template = part<V1PodTemplateSpec>(value);
  const spec = part<V1PodSpec>(template?.spec);
  const volumes = parts<V1Volume>(spec?.volumes);
  return {
    metadata: part<V1ObjectMeta>(template?.metadata),
    spec,
    volumes,
    setting: {
      volumes: namesOf(volumes),
      claims: namesOf(volumes.filter(isClaim)),
      isHostNetwork: spec?.hostNetwork === true,
    },
    initContainers: parts<V1Container>(spec?.initContainers),
  };
}

const namesOf = (items: readonly { readonly name?: unknown }[]): ReadonlySet<string> =>
  new Set(items.flatMap(({ name }) => text(name) ?? []));

const isClaim = ({ persistentVolumeClaim, ephemeral }: Untrusted<V1Volume>): boolean =>
  part(persistentVolumeClaim) !== undefined || part(ephemeral) !== undefined;

const RESTART_POLICIES = ['Never', 'OnFailure'] as const;

/** Checks the template. `names` are those of the steps: an init container runs in the same Pod as each of them. */
export function templateFaults(view: TemplateView, names: ReadonlySet<string>, at: Path, faults: Faults): void {
  const { metadata, spec } = view;
  const labels = at.child('metadata').child('labels');
  labelFaults(metadata?.labels, labels, faults);
  reservedLabelFaults(metadata?.labels, labels, faults);
  const annotations = at.child('metadata').child('annotations');
  annotationFaults(metadata?.annotations, annotations, faults);
  const initContainers = namesOf(view.initContainers);
  profileAnnotationFaults(metadata?.annotations, { steps: names, initContainers }, annotations, faults);
  if (spec === undefined) {
    return;
  }
  const here = at.child('spec');
  volumeFaults(view.volumes, here.child('volumes'), faults);
  if (list(spec.containers).length > 0) {
    faults.push(forbidden(here.child('containers'), 'the containers are the steps in spec.containers'));
  }
  initContainersFaults(view, names, here.child('initContainers'), faults);
  if (list(spec.ephemeralContainers).length > 0) {
    const detail = 'ephemeral containers not allowed in pod template';
    faults.push(forbidden(here.child('ephemeralContainers'), detail));
  }
  const policy = text(spec.restartPolicy);
  if (policy !== undefined && !RESTART_POLICIES.some((supported) => supported === policy)) {
    faults.push(notSupported(here.child('restartPolicy'), policy, RESTART_POLICIES));
  }
  labelFaults(spec.nodeSelector, here.child('nodeSelector'), faults);
  schedulingFaults(spec, here, faults);
  podSpecFaults(spec, here, faults);
}

function initContainersFaults(view: TemplateView, steps: ReadonlySet<string>, at: Path, faults: Faults): void {
  const seen = new Set<string>();
  view.initContainers.forEach((container, i) => {
    const name = text(container.name);
    if (name !== undefined) {
      if (steps.has(name) || seen.has(name)) {
        faults.push(duplicate(at.index(i).child('name'), name));
      }
      seen.add(name);
    }
    initContainerFaults(container, view.setting, at.index(i), faults);
  });
}
