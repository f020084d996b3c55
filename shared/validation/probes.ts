/** Probes and lifecycle hooks (pkg/apis/core/validation/validation.go validateProbe, validateLifecycle). */
import type { V1Container, V1Lifecycle, V1Probe } from '@kubernetes/client-node';
import { invalid, type Faults, type Path } from './field.ts';
import { handlerFaults, type Action } from './handlers.ts';
import { integer, isPresent, part, type Untrusted } from './untrusted.ts';

const PROBE_ACTIONS: readonly Action[] = ['exec', 'httpGet', 'tcpSocket', 'grpc'];
const HOOK_ACTIONS: readonly Action[] = ['exec', 'httpGet', 'tcpSocket', 'sleep'];

const HOOKS = ['postStart', 'preStop'] as const;
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

/** Checks hooks and probes of a container that runs by itself, not as an init container. */
export function probeFaults(container: Untrusted<V1Container>, at: Path, faults: Faults): void {
  const lifecycle = part<V1Lifecycle>(container.lifecycle);
  for (const hook of HOOKS) {
    const handler = part<Record<Action, unknown>>(lifecycle?.[hook]);
    if (handler !== undefined) {
      handlerFaults(handler, HOOK_ACTIONS, at.child('lifecycle').child(hook), faults);
    }
  }
  for (const kind of PROBES) {
    const probe = part<V1Probe>(container[kind]);
    if (probe !== undefined) {
      oneProbeFaults(kind, probe, at.child(kind), faults);
    }
  }
}

type Kind = (typeof PROBES)[number];

function oneProbeFaults(kind: Kind, probe: Untrusted<V1Probe>, at: Path, faults: Faults): void {
  handlerFaults(probe, PROBE_ACTIONS, at, faults);
  for (const count of COUNTS) {
    const value = integer(probe[count]);
    if (value !== undefined && value < 0) {
      faults.push(invalid(at.child(count), value, 'must be greater than or equal to 0'));
    }
  }
  const successes = integer(probe.successThreshold);
  // Absent and 0 become 1 (pkg/apis/core/v1/defaults.go). Only readiness can be lost and won again.
  if (kind !== 'readinessProbe' && successes !== undefined && successes > 1) {
    faults.push(invalid(at.child('successThreshold'), successes, 'must be 1'));
  }
  gracePeriodFaults(kind, probe, at.child('terminationGracePeriodSeconds'), faults);
}

function gracePeriodFaults(kind: Kind, probe: Untrusted<V1Probe>, at: Path, faults: Faults): void {
  const seconds = integer(probe.terminationGracePeriodSeconds);
  if (seconds === undefined) {
    return;
  }
  if (kind === 'readinessProbe') {
    faults.push(invalid(at, seconds, 'must not be set for readinessProbes'));
  } else if (seconds <= 0) {
    faults.push(invalid(at, seconds, 'must be greater than 0'));
  }
}

/** The hooks and probes that a container has: what a plain init container may not have. */
export const probesOf = (container: Untrusted<V1Container>): readonly string[] =>
  (['lifecycle', ...PROBES] as const).filter((name) => isPresent(container[name]));
