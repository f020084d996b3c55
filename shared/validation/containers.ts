/** Validates one container, a step's or an init container of the template. */
import type { V1Container } from '@kubernetes/client-node';
import { validateEnv } from './env.ts';
import { invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { validateHandlers } from './probes-and-hooks.ts';
import { validateImage } from './images.ts';
import { dnsLabelProblems } from './names.ts';
import { validatePorts } from './ports.ts';
import { validateResources } from './resources.ts';
import { nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { validateVolumeMounts } from './volume-mounts.ts';

/** Validates a container. `volumes` are the names of the volumes of its Pod. */
export function validateContainer(
  container: Untrusted<V1Container>,
  volumes: ReadonlySet<string>,
  at: Path,
  errors: FieldErrors,
): void {
  const name = nonEmptyString(container.name);
  if (name === undefined) {
    errors.push(required(at.child('name')));
  } else {
    for (const problem of dnsLabelProblems(name)) {
      errors.push(invalid(at.child('name'), name, problem));
    }
  }
  validateImage(nonEmptyString(container.image), at, errors);
  validatePorts(container, at, errors);
  validateEnv(container, at, errors);
  validateVolumeMounts(container, volumes, at, errors);
  validateResources(container, at, errors);
  validateHandlers(container, at, errors);
}
