/** Validates the Pod template that all steps share. */
import type { V1Container, V1ObjectMeta, V1PodSpec, V1PodTemplateSpec, V1Volume } from '@kubernetes/client-node';
import { validateContainer } from './containers.ts';
import { duplicate, forbidden, type FieldErrors, type Path } from './field-error.ts';
import { validateKeyedLists } from './keyed-lists.ts';
import { validateReservedKeys } from './labels.ts';
import { asArray, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { claimTemplateNames } from './volume-claims.ts';
import { validateVolumes } from './volumes.ts';

/** The parts of the template that the rules read. */
export interface TemplateView {
  readonly metadata: Untrusted<V1ObjectMeta> | undefined;
  readonly spec: Untrusted<V1PodSpec> | undefined;
  readonly volumes: readonly Untrusted<V1Volume>[];
  readonly volumeNames: ReadonlySet<string>;
  /** What containers may mount: the volumes and the claims of the sequence. */
  readonly mountable: ReadonlySet<string>;
  readonly initContainers: readonly Untrusted<V1Container>[];
}

/** `claims`: the claim templates of the sequence. */
export function viewTemplate(value: unknown, claims: unknown): TemplateView {
  const template = asObject<V1PodTemplateSpec>(value);
  const spec = asObject<V1PodSpec>(template?.spec);
  const volumes = asObjects<V1Volume>(spec?.volumes);
  const volumeNames = volumes.flatMap(({ name }) => nonEmptyString(name) ?? []);
  return {
    metadata: asObject<V1ObjectMeta>(template?.metadata),
    spec,
    volumes,
    volumeNames: new Set(volumeNames),
    mountable: new Set([...volumeNames, ...claimTemplateNames(claims).filter((name) => name !== undefined)]),
    initContainers: asObjects<V1Container>(spec?.initContainers),
  };
}

/** Validates the template. `names`: the names of the steps; an init container runs in the same Pod as each step. */
export function validateTemplate(view: TemplateView, names: ReadonlySet<string>, at: Path, errors: FieldErrors): void {
  const { metadata, spec } = view;
  for (const what of ['labels', 'annotations'] as const) {
    validateReservedKeys(metadata?.[what], what, at.child('metadata').child(what), errors);
  }
  if (spec === undefined) {
    return;
  }
  const here = at.child('spec');
  validateVolumes(view.volumes, here.child('volumes'), errors);
  if (asArray(spec.containers).length > 0) {
    errors.push(forbidden(here.child('containers'), 'the containers are the steps in spec.steps'));
  }
  const { initContainers, mountable: volumes } = view;
  validateInitContainers(initContainers, { taken: names, volumes }, here.child('initContainers'), errors);
  if (asArray(spec.ephemeralContainers).length > 0) {
    const detail = 'ephemeral containers not allowed in pod template';
    errors.push(forbidden(here.child('ephemeralContainers'), detail));
  }
  validateKeyedLists(spec, here, errors);
}

/** What else is in the Pod of init containers. */
export interface PodContext {
  /** The names of other containers. */
  readonly taken: ReadonlySet<string>;
  /** The names of the volumes. */
  readonly volumes: ReadonlySet<string>;
}

/** Validates a list of init containers: of the template, or of one step. */
export function validateInitContainers(
  containers: readonly Untrusted<V1Container>[],
  { taken, volumes }: PodContext,
  at: Path,
  errors: FieldErrors,
): void {
  const seen = new Set<string>();
  containers.forEach((container, i) => {
    const name = nonEmptyString(container.name);
    if (name !== undefined) {
      if (taken.has(name) || seen.has(name)) {
        errors.push(duplicate(at.index(i).child('name'), name));
      }
      seen.add(name);
    }
    validateContainer(container, volumes, at.index(i), errors);
  });
}
