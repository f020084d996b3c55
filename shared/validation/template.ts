/** The template that all steps share. */
import type { V1Container, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node';
import { containerFaults } from './containers.ts';
import { duplicate, forbidden, type FieldErrors, type Path } from './field-error.ts';
import { keyedListFaults } from './keyed-lists.ts';
import { reservedKeyFaults } from './labels.ts';
import { asArray, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
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
  const template = asObject<V1PodTemplateSpec>(value);
  const spec = asObject<V1PodSpec>(template?.spec);
  const volumes = asObjects<V1Volume>(spec?.volumes);
  return {
    metadata: asObject<V1ObjectMeta>(template?.metadata),
    spec,
    volumes,
    volumeNames: new Set(volumes.flatMap(({ name }) => nonEmptyString(name) ?? [])),
    initContainers: asObjects<V1Container>(spec?.initContainers),
  };
}

/** Checks the template. `names` are those of the steps: an init container runs in the same Pod as each of them. */
export function templateFaults(view: TemplateView, names: ReadonlySet<string>, at: Path, faults: FieldErrors): void {
  const { metadata, spec } = view;
  for (const what of ['labels', 'annotations'] as const) {
    reservedKeyFaults(metadata?.[what], what, at.child('metadata').child(what), faults);
  }
  if (spec === undefined) {
    return;
  }
  const here = at.child('spec');
  volumeFaults(view.volumes, here.child('volumes'), faults);
  if (asArray(spec.containers).length > 0) {
    faults.push(forbidden(here.child('containers'), 'the containers are the steps in spec.containers'));
  }
  initContainersFaults(view, names, here.child('initContainers'), faults);
  if (asArray(spec.ephemeralContainers).length > 0) {
    const detail = 'ephemeral containers not allowed in pod template';
    faults.push(forbidden(here.child('ephemeralContainers'), detail));
  }
  keyedListFaults(spec, here, faults);
}

function initContainersFaults(view: TemplateView, steps: ReadonlySet<string>, at: Path, faults: FieldErrors): void {
  const seen = new Set<string>();
  view.initContainers.forEach((container, i) => {
    const name = nonEmptyString(container.name);
    if (name !== undefined) {
      if (steps.has(name) || seen.has(name)) {
        faults.push(duplicate(at.index(i).child('name'), name));
      }
      seen.add(name);
    }
    containerFaults(container, view.volumeNames, at.index(i), faults);
  });
}
