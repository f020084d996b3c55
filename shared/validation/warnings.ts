/** What is legal and probably not meant: shown by kubectl as a warning, never a refusal. */
import type { V1Container, V1SecurityContext, V1Volume } from '@kubernetes/client-node';
import { MAX_STEPS } from '../api/group.ts';
import type { SequentialJob, SequentialJobSpec } from '../api/types.ts';
import { Path } from './field.ts';
import { parseImage } from './images.ts';
import { viewTemplate } from './template.ts';
import { part, parts, text, type Untrusted } from './untrusted.ts';

const SPEC = Path.of('spec');
const TEMPLATE = SPEC.child('template').child('spec');

/**
 * Lists the warnings for an object, in the order of its fields: images without tag or digest or with `latest`,
 * privileged containers, `hostPath` volumes. Total, like validation: anything may be passed.
 */
export function warningsFor(object: unknown): readonly string[] {
  const spec = part<SequentialJobSpec>(part<SequentialJob>(object)?.spec);
  const template = viewTemplate(spec?.template);
  const steps = parts<V1Container>(spec?.containers).slice(0, MAX_STEPS);
  return [
    ...steps.flatMap((container, i) => containerWarnings(container, SPEC.child('containers').index(i))),
    ...template.initContainers.flatMap((container, i) =>
      containerWarnings(container, TEMPLATE.child('initContainers').index(i)),
    ),
    ...template.volumes.flatMap((volume, i) => volumeWarnings(volume, TEMPLATE.child('volumes').index(i))),
  ];
}

function containerWarnings(container: Untrusted<V1Container>, at: Path): readonly string[] {
  const isPrivileged = part<V1SecurityContext>(container.securityContext)?.privileged === true;
  return [
    ...imageWarnings(text(container.image), at.child('image')),
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

const volumeWarnings = (volume: Untrusted<V1Volume>, at: Path): readonly string[] =>
  part(volume.hostPath) === undefined
    ? []
    : [`${at.child('hostPath').toString()}: the volume is a directory of whichever node runs the step`];
