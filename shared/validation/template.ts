/** The template that all steps share. */
import type { V1Container, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node';
import { containerFaults } from './containers.ts';
import { duplicate, forbidden, type Faults, type Path } from './field-error.ts';
import { keyedListFaults } from './keyed-lists.ts';
import { reservedKeyFaults } from './labels.ts';
import { list, part, parts, text, type Untrusted } from '../json/untrusted.ts';
import { volumeFaults } from './volumes.ts';

/** What the rules about steps need of the template. */
export interface TemplateView {
  readonly metadata: Untrusted<V1ObjectMeta> | undefined;
  readonly spec: Untrusted<V1PodSpec> | undefined;
  readonly volumes: readonly Untrusted<V1Volume>[];
  readonly volumeNames: ReadonlySet<string>;
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
    volumeNames: new Set(volumes.flatMap(({ name }) => text(name) ?? [])),
    initContainers: parts<V1Container>(spec?.initContainers),
  };
}

/** Checks the template. `names` are those of the steps: an init container runs in the same Pod as each of them. */
export function templateFaults(view: TemplateView, names: ReadonlySet<string>, at: Path, faults: Faults): void {
  const { metadata, spec } = view;
  for (const what of ['labels', 'annotations'] as const) {
    reservedKeyFaults(metadata?.[what], what, at.child('metadata').child(what), faults);
  }
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
  keyedListFaults(spec, here, faults);
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
    containerFaults(container, view.volumeNames, at.index(i), faults);
  });
}
