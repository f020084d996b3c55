/** One container, a step's or the template's init container, by all rules in order. */
import type { V1Container } from '@kubernetes/client-node';
import { envFaults } from './env.ts';
import { forbidden, invalid, notSupported, required, type Faults, type Path } from './field.ts';
import { imageFaults } from './images.ts';
import { dnsLabelProblems } from './names.ts';
import { portFaults } from './ports.ts';
import { probeFaults, probesOf } from './probes.ts';
import { resourceFaults } from './resources.ts';
import { text, type Untrusted } from './untrusted.ts';
import { volumeMountFaults, type PodSetting } from './volume-mounts.ts';
import { securityContextFaults } from './security-context.ts';

/** Checks a step's container. */
export function stepFaults(container: Untrusted<V1Container>, pod: PodSetting, at: Path, faults: Faults): void {
  commonFaults(container, pod, at, faults);
  probeFaults(container, at, faults);
}

/**
 * Checks an init container. With the restart policy Always it is a sidecar, which runs beside the step and may have
 * hooks and probes (validation.go validateInitContainers).
 */
export function initContainerFaults(
  container: Untrusted<V1Container>,
  pod: PodSetting,
  at: Path,
  faults: Faults,
): void {
  commonFaults(container, pod, at, faults);
  const policy = text(container.restartPolicy);
  if (policy === 'Always') {
    probeFaults(container, at, faults);
    return;
  }
  if (policy !== undefined) {
    faults.push(notSupported(at.child('restartPolicy'), policy, ['Always']));
  }
  for (const name of probesOf(container)) {
    faults.push(forbidden(at.child(name), 'may not be set for init containers without restartPolicy=Always'));
  }
}

function commonFaults(container: Untrusted<V1Container>, pod: PodSetting, at: Path, faults: Faults): void {
  const name = text(container.name);
  if (name === undefined) {
    faults.push(required(at.child('name')));
  } else {
    for (const problem of dnsLabelProblems(name)) {
      faults.push(invalid(at.child('name'), name, problem));
    }
  }
  imageFaults(text(container.image), at, faults);
  portFaults(container, pod.isHostNetwork, at, faults);
  envFaults(container, at, faults);
  volumeMountFaults(container, pod, at, faults);
  resourceFaults(container, at, faults);
  securityContextFaults(container, at, faults);
}
