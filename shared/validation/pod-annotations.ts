/**
 * The annotations that stood for seccomp and AppArmor before there were fields; servers still check them
 * (pkg/apis/core/validation/validation.go ValidateAppArmorPodAnnotations, ValidateSeccompPodAnnotations).
 */
import { invalid, type Faults, type Path } from './field.ts';
import { descendingFaults } from './local-paths.ts';
import { entries } from './untrusted.ts';

const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/';
const LOCAL = 'localhost/';

const APPARMOR_PROFILES: ReadonlySet<string> = new Set(['', 'runtime/default', 'unconfined']);
const SECCOMP_PROFILES: ReadonlySet<string> = new Set(['docker/default', 'runtime/default', 'unconfined']);

/** The containers of a sequence's Pods: each Pod has all init containers, and one of the steps. */
export interface ContainerNames {
  readonly steps: ReadonlySet<string>;
  readonly initContainers: ReadonlySet<string>;
}

/** Checks the annotations of the template, which all Pods have. */
export function profileAnnotationFaults(annotations: unknown, names: ContainerNames, at: Path, faults: Faults): void {
  for (const [key, value] of entries(annotations)) {
    if (typeof value !== 'string') {
      continue;
    }
    const here = at.key(key);
    if (key.startsWith(APPARMOR)) {
      appArmorFaults(key.slice(APPARMOR.length), value, names, { at: here, faults });
    } else if (key === SECCOMP_POD || key.startsWith(SECCOMP)) {
      seccompFaults(value, here, faults);
    }
  }
}

function appArmorFaults(
  container: string,
  profile: string,
  { steps, initContainers }: ContainerNames,
  { at, faults }: { readonly at: Path; readonly faults: Faults },
): void {
  const isInEveryPod = initContainers.has(container) || (steps.size === 1 && steps.has(container));
  if (!isInEveryPod) {
    faults.push(invalid(at, container, 'container not found in the Pod of every step'));
  }
  if (!APPARMOR_PROFILES.has(profile) && !profile.startsWith(LOCAL)) {
    faults.push(invalid(at, profile, `invalid AppArmor profile name: "${profile}"`));
  }
}

function seccompFaults(profile: string, at: Path, faults: Faults): void {
  if (profile.startsWith(LOCAL)) {
    descendingFaults(profile.slice(LOCAL.length), at, faults);
  } else if (!SECCOMP_PROFILES.has(profile)) {
    faults.push(invalid(at, profile, 'must be a valid seccomp profile'));
  }
}
