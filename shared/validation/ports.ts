/** Container ports (pkg/apis/core/validation/validation.go validateContainerPorts). */
import type { V1Container, V1ContainerPort } from '@kubernetes/client-node';
import { duplicate, invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { portNameProblems, portNumberProblems } from './names.ts';
import { asInteger, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** The names and ports that the container already uses. */
interface UsedPorts {
  readonly names: Set<string>;
  readonly ports: Set<string>;
}

/** Adds the value; false if it was there already. */
function addIfNew(taken: Set<string>, value: string): boolean {
  const isNew = !taken.has(value);
  taken.add(value);
  return isNew;
}

/**
 * Validates the ports of a container, with unique names and unique pairs of port and protocol. A Pod may repeat a
 * pair, but server-side apply cannot distinguish them, and this resource's schema refuses it.
 */
export function validatePorts(container: Untrusted<V1Container>, at: Path, errors: FieldErrors): void {
  const taken: UsedPorts = { names: new Set(), ports: new Set() };
  asObjects<V1ContainerPort>(container.ports).forEach((port, i) => {
    validatePort(port, taken, at.child('ports').index(i), errors);
  });
}

function validatePort(port: Untrusted<V1ContainerPort>, taken: UsedPorts, at: Path, errors: FieldErrors): void {
  const name = nonEmptyString(port.name);
  if (name !== undefined) {
    const problems = portNameProblems(name);
    errors.push(...problems.map((problem) => invalid(at.child('name'), name, problem)));
    if (problems.length === 0 && !addIfNew(taken.names, name)) {
      errors.push(duplicate(at.child('name'), name));
    }
  }
  const number = asInteger(port.containerPort) ?? 0;
  if (number === 0) {
    errors.push(required(at.child('containerPort')));
  } else {
    validatePortNumber(number, at.child('containerPort'), errors);
    const pair = `${number}/${nonEmptyString(port.protocol) ?? 'TCP'}`;
    if (!addIfNew(taken.ports, pair)) {
      errors.push(duplicate(at, pair));
    }
  }
  const hostPort = asInteger(port.hostPort) ?? 0;
  if (hostPort !== 0) {
    validatePortNumber(hostPort, at.child('hostPort'), errors);
  }
}

function validatePortNumber(number: number, at: Path, errors: FieldErrors): void {
  for (const problem of portNumberProblems(number)) {
    errors.push(invalid(at, number, problem));
  }
}
