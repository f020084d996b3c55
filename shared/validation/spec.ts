/** Validates the spec: the rules in the order of the report. */
import type { V1Container } from '@kubernetes/client-node';
import { MAX_STEPS } from '../api/group.ts';
import type { SequentialJobSpec } from '../api/types.ts';
import { validateContainer } from './containers.ts';
import { duplicate, Path, required, tooMany, type FieldErrors } from './field-error.ts';
import { validateResults } from './results.ts';
import { validateStepSettings } from './step-settings.ts';
import { validateTemplate, viewTemplate } from './template.ts';
import { validateClaimTemplates } from './volume-claims.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

const SPEC = Path.of('spec');

/** Validates a spec by the rules that a schema cannot express: the steps in order, the template, the claims, the settings of steps. */
export function validateSpecRules(value: unknown, errors: FieldErrors): void {
  const spec = asObject<SequentialJobSpec>(value) ?? {};
  const template = viewTemplate(spec.template, spec.volumeClaimTemplates);
  const names = validateSteps(spec, template.mountable, errors);
  validateTemplate(template, names, SPEC.child('template'), errors);
  const claims = SPEC.child('volumeClaimTemplates');
  validateClaimTemplates(spec.volumeClaimTemplates, template.volumeNames, claims, errors);
  validateStepSettings(spec, { template, names }, SPEC, errors);
  validateResults(spec, template, SPEC, errors);
}

/** Validates the steps, those of `finally` too, and returns their names. */
function validateSteps(
  spec: Untrusted<SequentialJobSpec>,
  volumes: ReadonlySet<string>,
  errors: FieldErrors,
): ReadonlySet<string> {
  const at = SPEC.child('steps');
  const steps = asObjects<V1Container>(spec.steps);
  if (steps.length === 0) {
    errors.push(required(at));
  } else if (steps.length > MAX_STEPS) {
    errors.push(tooMany(at, steps.length, MAX_STEPS));
  }
  const names = new Set<string>();
  validateContainers(steps.slice(0, MAX_STEPS), { names, volumes, at }, errors);
  const last = asObjects<V1Container>(spec.finally).slice(0, MAX_STEPS);
  validateContainers(last, { names, volumes, at: SPEC.child('finally') }, errors);
  return names;
}

interface ContainersContext {
  /** The names so far; those of these containers are added. */
  readonly names: Set<string>;
  readonly volumes: ReadonlySet<string>;
  readonly at: Path;
}

function validateContainers(
  containers: readonly Untrusted<V1Container>[],
  { names, volumes, at }: ContainersContext,
  errors: FieldErrors,
): void {
  containers.forEach((container, i) => {
    const here = at.index(i);
    const name = nonEmptyString(container.name);
    if (name !== undefined && names.has(name)) {
      errors.push(duplicate(here.child('name'), name));
    } else if (name !== undefined) {
      names.add(name);
    }
    validateContainer(container, volumes, here, errors);
  });
}
