/** Security contexts (pkg/apis/core/validation/validation.go ValidateSecurityContext, ValidatePodSecurityContext). */
import type {
  V1AppArmorProfile,
  V1Capabilities,
  V1Container,
  V1PodSecurityContext,
  V1PodSpec,
  V1SeccompProfile,
  V1SecurityContext,
  V1Sysctl,
  V1WindowsSecurityContextOptions,
} from '@kubernetes/client-node';
import { choiceFaults, rangeFaults } from './choices.ts';
import { duplicate, invalid, invalidWhole, required, type Faults, type Path } from './field.ts';
import { descendingFaults } from './local-paths.ts';
import { dnsSubdomainProblems } from './names.ts';
import { list, part, parts, text, type Untrusted } from './untrusted.ts';

/** User and group IDs (apimachinery pkg/util/validation IsValidUserID). */
const IDS = { min: 0, max: 2 ** 31 - 1 } as const;

type Shared = Pick<
  V1SecurityContext,
  'runAsUser' | 'runAsGroup' | 'seccompProfile' | 'appArmorProfile' | 'windowsOptions'
>;

/** Checks the security context of a container. */
export function securityContextFaults(container: Untrusted<V1Container>, at: Path, faults: Faults): void {
  const context = part<V1SecurityContext>(container.securityContext);
  if (context === undefined) {
    return;
  }
  const here = at.child('securityContext');
  sharedFaults(context, here, faults);
  choiceFaults(context.procMount, ['Default', 'Unmasked'], here.child('procMount'), faults);
  if (context.allowPrivilegeEscalation !== false) {
    return;
  }
  if (context.privileged === true) {
    faults.push(invalidWhole(here, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
  }
  if (list(part<V1Capabilities>(context.capabilities)?.add).includes('CAP_SYS_ADMIN')) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    faults.push(invalidWhole(here, detail));
  }
}

/** Checks the security context of the Pod. */
export function podSecurityContextFaults(spec: Untrusted<V1PodSpec>, at: Path, faults: Faults): void {
  const here = at.child('securityContext');
  if (spec.shareProcessNamespace === true && spec.hostPID === true) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    faults.push(invalid(here.child('shareProcessNamespace'), true, detail));
  }
  const context = part<V1PodSecurityContext>(spec.securityContext);
  if (context === undefined) {
    return;
  }
  sharedFaults(context, here, faults);
  rangeFaults(context.fsGroup, IDS, here.child('fsGroup'), faults);
  list(context.supplementalGroups).forEach((group, i) => {
    rangeFaults(group, IDS, here.child('supplementalGroups').index(i), faults);
  });
  sysctlFaults(context.sysctls, here.child('sysctls'), faults);
}

function sharedFaults(context: Untrusted<Shared>, at: Path, faults: Faults): void {
  rangeFaults(context.runAsUser, IDS, at.child('runAsUser'), faults);
  rangeFaults(context.runAsGroup, IDS, at.child('runAsGroup'), faults);
  profileFaults(context.seccompProfile, 'seccomp type is Localhost', at.child('seccompProfile'), faults);
  profileFaults(context.appArmorProfile, 'AppArmor type is Localhost', at.child('appArmorProfile'), faults);
  const windows = part<V1WindowsSecurityContextOptions>(context.windowsOptions);
  if (windows !== undefined) {
    windowsFaults(windows, at.child('windowsOptions'), faults);
  }
}

function profileFaults(value: unknown, when: string, at: Path, faults: Faults): void {
  const profile = part<V1SeccompProfile & V1AppArmorProfile>(value);
  if (profile === undefined) {
    return;
  }
  const here = at.child('localhostProfile');
  const file = text(profile.localhostProfile);
  if (text(profile.type) === 'Localhost') {
    if (file === undefined) {
      faults.push(required(here, `must be set when ${when}`));
    } else if (when.startsWith('seccomp')) {
      descendingFaults(file, here, faults);
    }
  } else if (file !== undefined) {
    faults.push(invalid(here, file, `can only be set when ${when}`));
  }
}

const USER_LENGTH = 104;
const DOMAIN_LENGTH = 256;

function windowsFaults(options: Untrusted<V1WindowsSecurityContextOptions>, at: Path, faults: Faults): void {
  const credential = text(options.gmsaCredentialSpecName);
  if (credential !== undefined) {
    const here = at.child('gmsaCredentialSpecName');
    faults.push(...dnsSubdomainProblems(credential).map((problem) => invalid(here, credential, problem)));
  }
  const user = options.runAsUserName;
  if (typeof user === 'string') {
    const problem = windowsUserProblem(user);
    faults.push(...(problem === undefined ? [] : [invalid(at.child('runAsUserName'), user, problem)]));
  }
}

function windowsUserProblem(user: string): string | undefined {
  if (user === '') {
    return 'runAsUserName cannot be an empty string';
  }
  const parts = user.split('\\');
  if (parts.length > 2) {
    return 'runAsUserName cannot contain more than one backslash';
  }
  const [name = '', domain] = parts.toReversed();
  if (domain !== undefined && (domain === '' || domain.length >= DOMAIN_LENGTH)) {
    return "runAsUserName's Domain doesn't match the NetBIOS nor the DNS format";
  }
  return name === '' || name.length > USER_LENGTH
    ? `runAsUserName's User length must not be longer than ${USER_LENGTH} characters, nor empty`
    : undefined;
}

const SYSCTL_LENGTH = 253;
/** A part of a kernel setting's name; they are put together by dots or, from 1.25 on, slashes. */
const SYSCTL_PART = /^[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?$/;

function sysctlFaults(value: unknown, at: Path, faults: Faults): void {
  const seen = new Set<string>();
  parts<V1Sysctl>(value).forEach((sysctl, i) => {
    const here = at.index(i).child('name');
    const name = text(sysctl.name);
    if (name === undefined) {
      faults.push(required(here));
    } else if (name.length > SYSCTL_LENGTH || !name.split(/[./]/).every((word) => SYSCTL_PART.test(word))) {
      const pattern = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
      faults.push(invalid(here, name, `must have at most ${SYSCTL_LENGTH} characters and match regex ^${pattern}$`));
    } else if (seen.has(name.replaceAll('/', '.'))) {
      faults.push(duplicate(here, name));
    } else {
      seen.add(name.replaceAll('/', '.'));
    }
  });
}
