/** Probes and lifecycle hooks: each has exactly one action (pkg/apis/core/validation/validation.go validateHandler). */
import type { V1Container, V1Lifecycle, V1LifecycleHandler, V1Probe } from '@kubernetes/client-node';
import { forbidden, required, type FieldErrors, type Path } from './field-error.ts';
import { asObject, type Untrusted } from '../json/untrusted.ts';

type Action = keyof V1LifecycleHandler | keyof V1Probe;

const PROBE_ACTIONS = ['exec', 'httpGet', 'tcpSocket', 'grpc'] as const satisfies readonly Action[];
const HOOK_ACTIONS = ['exec', 'httpGet', 'tcpSocket', 'sleep'] as const satisfies readonly Action[];

const HOOKS = ['postStart', 'preStop'] as const satisfies readonly (keyof V1Lifecycle)[];
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const satisfies readonly (keyof V1Container)[];

/**
 * Checks that every hook and probe of a container has exactly one action. The API server validates the action itself.
 */
export function validateHandlers(container: Untrusted<V1Container>, at: Path, errors: FieldErrors): void {
  const lifecycle = asObject<V1Lifecycle>(container.lifecycle);
  for (const hook of HOOKS) {
    validateActions(asObject(lifecycle?.[hook]), HOOK_ACTIONS, at.child('lifecycle').child(hook), errors);
  }
  for (const probe of PROBES) {
    validateActions(asObject(container[probe]), PROBE_ACTIONS, at.child(probe), errors);
  }
}

function validateActions(
  handler: Readonly<Partial<Record<Action, unknown>>> | undefined,
  actions: readonly Action[],
  at: Path,
  errors: FieldErrors,
): void {
  if (handler === undefined) {
    return;
  }
  const [first, ...others] = actions.filter((action) => asObject(handler[action]) !== undefined);
  if (first === undefined) {
    errors.push(required(at, 'must specify a handler type'));
  }
  for (const other of others) {
    errors.push(forbidden(at.child(other), 'may not specify more than 1 handler type'));
  }
}
