/** Container ports (pkg/apis/core/validation/validation.go validateContainerPorts, checkHostPortConflicts). */
import type { V1Container, V1ContainerPort } from '@kubernetes/client-node';
import { duplicate, invalid, required, type Faults, type Path } from './field.ts';
import { portNameProblems, portNumberProblems } from './names.ts';
import { integer, parts, text, type Untrusted } from './untrusted.ts';

/** What the ports of one container have used up so far. */
interface Taken {
  readonly names: Set<string>;
  readonly ports: Set<string>;
  readonly hostPorts: Set<string>;
}

/** Whether `value` is new; it is taken from then on. */
function take(taken: Set<string>, value: string): boolean {
  const isNew = !taken.has(value);
  taken.add(value);
  return isNew;
}

/**
 * Checks the ports of a container: legal, with names, host ports and port/protocol pairs unique. A Pod may repeat a
 * pair, but server-side apply can't then tell the two apart, and this resource's schema refuses it.
 */
export function portFaults(container: Untrusted<V1Container>, isHostNetwork: boolean, at: Path, faults: Faults): void {
  const ports = parts<V1ContainerPort>(container.ports);
  if (ports.length === 0) {
    return;
  }
  const taken: Taken = { names: new Set(), ports: new Set(), hostPorts: new Set() };
  ports.forEach((port, i) => {
    onePortFaults(port, at.child('ports').index(i), { faults, taken, isHostNetwork });
  });
}

interface Findings {
  readonly faults: Faults;
  readonly taken: Taken;
  readonly isHostNetwork: boolean;
}

function onePortFaults(port: Untrusted<V1ContainerPort>, at: Path, { faults, taken, isHostNetwork }: Findings): void {
  const name = text(port.name);
  if (name !== undefined) {
    const problems = portNameProblems(name);
    faults.push(...problems.map((problem) => invalid(at.child('name'), name, problem)));
    if (problems.length === 0 && !take(taken.names, name)) {
      faults.push(duplicate(at.child('name'), name));
    }
  }
  const protocol = text(port.protocol) ?? 'TCP';
  const number = integer(port.containerPort) ?? 0;
  if (number === 0) {
    faults.push(required(at.child('containerPort')));
  } else {
    numberFaults(number, at.child('containerPort'), faults);
    if (!take(taken.ports, `${number}/${protocol}`)) {
      faults.push(duplicate(at, `${number}/${protocol}`));
    }
  }
  const hostPort = integer(port.hostPort) ?? 0;
  if (hostPort !== 0) {
    numberFaults(hostPort, at.child('hostPort'), faults);
    if (isHostNetwork && hostPort !== number) {
      const detail = 'must match `hostPort` when `hostNetwork` is true';
      faults.push(invalid(at.child('containerPort'), number, detail));
    }
    const claim = `${protocol}/${text(port.hostIP) ?? ''}/${hostPort}`;
    if (!take(taken.hostPorts, claim)) {
      faults.push(duplicate(at.child('hostPort'), claim));
    }
  }
}

function numberFaults(number: number, at: Path, faults: Faults): void {
  for (const problem of portNumberProblems(number)) {
    faults.push(invalid(at, number, problem));
  }
}
