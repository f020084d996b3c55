/** Container ports (pkg/apis/core/validation/validation.go validateContainerPorts). */
import type { V1Container, V1ContainerPort } from '@kubernetes/client-node';
import { duplicate, invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { portNameProblems, portNumberProblems } from './names.ts';
import { asInteger, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

/** What the ports of one container have used up so far. */
interface Taken {
  readonly names: Set<string>;
  readonly ports: Set<string>;
}

/** Whether `value` is new; it is taken from then on. */
function take(taken: Set<string>, value: string): boolean {
  const isNew = !taken.has(value);
  taken.add(value);
  return isNew;
}

/**
 * Checks the ports of a container: legal, with names and port/protocol pairs unique. A Pod may repeat a pair, but server-side
 * apply can't then tell the two apart, and this resource's schema refuses it.
 */
export function portFaults(container: Untrusted<V1Container>, at: Path, faults: FieldErrors): void {
  const taken: Taken = { names: new Set(), ports: new Set() };
  asObjects<V1ContainerPort>(container.ports).forEach((port, i) => {
    onePortFaults(port, taken, at.child('ports').index(i), faults);
  });
}

function onePortFaults(port: Untrusted<V1ContainerPort>, taken: Taken, at: Path, faults: FieldErrors): void {
  const name = nonEmptyString(port.name);
  if (name !== undefined) {
    const problems = portNameProblems(name);
    faults.push(...problems.map((problem) => invalid(at.child('name'), name, problem)));
    if (problems.length === 0 && !take(taken.names, name)) {
      faults.push(duplicate(at.child('name'), name));
    }
  }
  const number = asInteger(port.containerPort) ?? 0;
  if (number === 0) {
    faults.push(required(at.child('containerPort')));
  } else {
    numberFaults(number, at.child('containerPort'), faults);
    const pair = `${number}/${nonEmptyString(port.protocol) ?? 'TCP'}`;
    if (!take(taken.ports, pair)) {
      faults.push(duplicate(at, pair));
    }
  }
  const hostPort = asInteger(port.hostPort) ?? 0;
  if (hostPort !== 0) {
    numberFaults(hostPort, at.child('hostPort'), faults);
  }
}

function numberFaults(number: number, at: Path, faults: FieldErrors): void {
  for (const problem of portNumberProblems(number)) {
    faults.push(invalid(at, number, problem));
  }
}
