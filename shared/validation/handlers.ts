/** What a probe or a lifecycle hook does (pkg/apis/core/validation/validation.go validateHandler). */
import type { V1ExecAction, V1GRPCAction, V1HTTPGetAction, V1HTTPHeader, V1SleepAction } from '@kubernetes/client-node';
import { forbidden, invalid, required, type Faults, type Path } from './field.ts';
import { headerProblems, portNameProblems, portNumberProblems } from './names.ts';
import { integer, list, part, parts, text } from './untrusted.ts';

type Check = (action: unknown, at: Path, faults: Faults) => void;

const ACTIONS = {
  exec(action, at, faults) {
    if (list(part<V1ExecAction>(action)?.command).length === 0) {
      faults.push(required(at.child('command')));
    }
  },
  httpGet(action, at, faults) {
    const get = part<V1HTTPGetAction>(action);
    portFaults(get?.port, at.child('port'), faults);
    parts<V1HTTPHeader>(get?.httpHeaders).forEach((header, i) => {
      const name = text(header.name) ?? '';
      const where = at.child('httpHeaders').index(i).child('name');
      for (const problem of headerProblems(name)) {
        faults.push(invalid(where, name, problem));
      }
    });
  },
  tcpSocket(action, at, faults) {
    portFaults(part<V1HTTPGetAction>(action)?.port, at.child('port'), faults);
  },
  grpc(action, at, faults) {
    portFaults(integer(part<V1GRPCAction>(action)?.port), at.child('port'), faults);
  },
  sleep(action, at, faults) {
    const seconds = integer(part<V1SleepAction>(action)?.seconds) ?? 0;
    if (seconds < 0) {
      faults.push(invalid(at.child('seconds'), seconds, 'must be greater than or equal to 0'));
    }
  },
} as const satisfies Readonly<Record<string, Check>>;

export type Action = keyof typeof ACTIONS;

/** A port by number or by name; 0 and absent are no port. */
function portFaults(port: unknown, at: Path, faults: Faults): void {
  const problems = typeof port === 'string' ? portNameProblems(port) : portNumberProblems(integer(port) ?? 0);
  faults.push(...problems.map((problem) => invalid(at, port ?? 0, problem)));
}

/** Checks that exactly one of the actions is there, and that one. */
export function handlerFaults(
  handler: Readonly<Partial<Record<Action, unknown>>>,
  actions: readonly Action[],
  at: Path,
  faults: Faults,
): void {
  const given = actions.filter((action) => part(handler[action]) !== undefined);
  const [first, ...others] = given;
  if (first === undefined) {
    faults.push(required(at, 'must specify a handler type'));
    return;
  }
  ACTIONS[first](handler[first], at.child(first), faults);
  for (const other of others) {
    faults.push(forbidden(at.child(other), 'may not specify more than 1 handler type'));
  }
}
