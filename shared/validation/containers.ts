/** One container, a step's or the template's init container, by all rules in order. */
import type { V1Container } from '@kubernetes/client-node';
import { envFaults } from './env.ts';
import { invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { handlerFaults } from './probes-and-hooks.ts';
import { imageFaults } from './images.ts';
import { dnsLabelProblems } from './names.ts';
import { portFaults } from './ports.ts';
import { resourceFaults } from './resources.ts';
import { nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { volumeMountFaults } from './volume-mounts.ts';

/** Checks a container. `volumes` are the names of those in its Pod. */
export function containerFaults(
  container: Untrusted<V1Container>,
  volumes: ReadonlySet<string>,
  at: Path,
  faults: FieldErrors,
): void {
  const name = nonEmptyString(container.name);
  if (name === undefined) {
    faults.push(required(at.child('name')));
  } else {
    for (const problem of dnsLabelProblems(name)) {
      faults.push(invalid(at.child('name'), name, problem));
    }
  }
  imageFaults(nonEmptyString(container.image), at, faults);
  portFaults(container, at, faults);
  envFaults(container, at, faults);
  volumeMountFaults(container, volumes, at, faults);
  resourceFaults(container, at, faults);
  handlerFaults(container, at, faults);
}
