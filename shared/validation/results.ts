/**
 * References to results: each names a step that has ended before a Pod with the reference starts. Total; the time is
 * linear in the size of the spec.
 */
import type { V1Container, V1Volume } from '@kubernetes/client-node';
import { MAX_RESULTS } from '../api/group.ts';
import type { SequentialJobSpec, Step } from '../api/types.ts';
import { containerReferences, ownInitContainers, type ResultReference, volumeReferences } from '../jobs/results.ts';
import { usedVolumes } from '../jobs/used-volumes.ts';
import { asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { invalid, notFound, quoted, type FieldErrors, type Path } from './field-error.ts';
import type { TemplateView } from './template.ts';

/** Where a Pod with a reference starts: only steps before this one have ended. */
interface Start {
  /** The position of the first step with such a Pod. */
  readonly position: number;
  readonly mustBe: string;
}

const IN_STEP = 'must name an earlier step';
const IN_TEMPLATE = 'must name an earlier step, and the init containers of the template run before the first one, too';

/** Validates the references of all containers, and of the volumes of the template where a Pod mounts them. */
export function validateResults(
  spec: Untrusted<SequentialJobSpec>,
  template: TemplateView,
  at: Path,
  errors: FieldErrors,
): void {
  const steps = stepsOf(spec, at);
  const references = new References(steps, errors);
  const mounts = new Map<unknown, Start>();
  // The first Pod to mount a volume comes first here.
  const addMounts = (containers: readonly Untrusted<V1Container>[], start: Start): void => {
    for (const name of usedVolumes(containers)) if (!mounts.has(name)) mounts.set(name, start);
  };
  addMounts(template.initContainers, { position: 0, mustBe: IN_TEMPLATE });
  steps.forEach(({ step, here }, position) => {
    const inits = ownInitContainers(step);
    const start = { position, mustBe: IN_STEP };
    references.validate(containerReferences(step), start, here);
    validateContainers(inits, start, here.child('pod').child('initContainers'), references);
    const mustBe = `${IN_STEP} than ${quoted(nonEmptyString(step.name) ?? '')}, the first one that mounts the volume`;
    addMounts([...inits, step], { position, mustBe });
  });
  const pod = at.child('template').child('spec');
  const beforeAll = { position: 0, mustBe: IN_TEMPLATE };
  validateContainers(template.initContainers, beforeAll, pod.child('initContainers'), references);
  validateVolumes(template.volumes, mounts, pod.child('volumes'), references);
}

interface StepAt {
  readonly step: Untrusted<Step>;
  readonly here: Path;
}

/** By position. */
const stepsOf = (spec: Untrusted<SequentialJobSpec>, at: Path): readonly StepAt[] =>
  (['steps', 'finally'] as const).flatMap((list) =>
    asObjects<Step>(spec[list]).map((step, i) => ({ step, here: at.child(list).index(i) })),
  );

function validateContainers(
  containers: readonly Untrusted<V1Container>[],
  start: Start,
  at: Path,
  references: References,
): void {
  containers.forEach((container, i) => {
    references.validate(containerReferences(container), start, at.index(i));
  });
}

/** A volume that no container mounts is in no Pod. */
function validateVolumes(
  volumes: readonly Untrusted<V1Volume>[],
  mounts: ReadonlyMap<unknown, Start>,
  at: Path,
  references: References,
): void {
  volumes.forEach((volume, i) => {
    const start = mounts.get(volume.name);
    if (start !== undefined) references.validate(volumeReferences(volume), start, at.index(i));
  });
}

class References {
  /** The position of the first step of each name. */
  readonly #positions = new Map<string, number>();
  readonly #errors: FieldErrors;
  readonly #referenced = new Set<string>();

  constructor(steps: readonly StepAt[], errors: FieldErrors) {
    this.#errors = errors;
    steps.forEach(({ step: { name } }, position) => {
      const known = nonEmptyString(name);
      if (known !== undefined && !this.#positions.has(known)) this.#positions.set(known, position);
    });
  }

  validate(references: Iterable<ResultReference>, { position, mustBe }: Start, at: Path): void {
    for (const { step, fieldPath, at: within } of references) {
      const fault = this.#fault(step, position, mustBe);
      if (fault === undefined) continue;
      const field = within.reduce<Path>(
        (path, part) => (typeof part === 'number' ? path.index(part) : path.child(part)),
        at,
      );
      this.#errors.push(fault === 'notFound' ? notFound(field, fieldPath) : invalid(field, fieldPath, fault));
    }
  }

  #fault(step: string, before: number, mustBe: string): string | undefined {
    const position = this.#positions.get(step);
    if (position === undefined) return 'notFound';
    if (position >= before) return mustBe;
    const isOneTooMany = !this.#referenced.has(step) && this.#referenced.size === MAX_RESULTS;
    if (!isOneTooMany) this.#referenced.add(step);
    return isOneTooMany ? `results of at most ${MAX_RESULTS} steps may be referred to` : undefined;
  }
}
