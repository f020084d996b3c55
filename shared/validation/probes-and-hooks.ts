/** Probes and lifecycle hooks: each does exactly one thing (pkg/apis/core/validation/validation.go validateHandler). */
import type { V1Container, V1Lifecycle, V1LifecycleHandler, V1Probe } from '@kubernetes/client-node';
import { forbidden, required, type FieldErrors, type Path } from './field-error.ts';
import { asObject, type Untrusted } from '../json/untrusted.ts';

type Action = keyof V1LifecycleHandler | keyof V1Probe;

const PROBE_ACTIONS = ['exec', 'httpGet', 'tcpSocket', 'grpc'] as const satisfies readonly Action[];
const HOOK_ACTIONS = ['exec', 'httpGet', 'tcpSocket', 'sleep'] as const satisfies readonly Action[];

const HOOKS = ['postStart', 'preStop'] as const satisfies readonly (keyof V1Lifecycle)[];
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const satisfies readonly (keyof V1Container)[];

/** Checks that every hook and probe of a container has one action, and not two. What the action says is the server's to judge. */
export function handlerFaults(container: Untrusted<V1Container>, at: Path, faults: FieldErrors): void {
  const lifecycle = asObject<V1Lifecycle>(container.lifecycle);
  for (const hook of HOOKS) {
    actionFaults(asObject(lifecycle?.[hook]), HOOK_ACTIONS, at.child('lifecycle').child(hook), faults);
  }
  for (const probe of PROBES) {
    actionFaults(asObject(container[probe]), PROBE_ACTIONS, at.child(probe), faults);
  }
}

function actionFaults(
  handler: Readonly<Partial<Record<Action, unknown>>> | undefined,
  actions: readonly Action[],
  at: Path,
  faults: FieldErrors,
): void {
  if (handler === undefined) {
    return;
  }
  const [first, ...others] = actions.filter((action) => asObject(handler[action]) !== undefined);
  if (first === undefined) {
    faults.push(required(at, 'must specify a handler type'));
  }
  for (const other of others) {
    faults.push(forbidden(at.child(other), 'may not specify more than 1 handler type'));
  }
}
