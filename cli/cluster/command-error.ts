/** Errors of commands, in one line for people. */
import { GROUP, PLURAL } from '../../shared/api/group.ts';
import { type ApiError, isApiError } from '../../shared/kube/errors.ts';
import { printableLine } from '../../shared/printable-text.ts';

/**
 * `failed`: the cluster answered, and the answer is no. `unreachable`: there was no answer, or not of an API server
 * that accepts the user. `usage`: nothing was asked, because the flags contradict each other.
 */
export type CommandErrorKind = 'failed' | 'unreachable' | 'usage';

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly kind: CommandErrorKind;

  constructor(kind: CommandErrorKind, message: string, options?: ErrorOptions) {
    super(printableLine(message), options);
    this.kind = kind;
  }
}

/** What was asked of the API server. */
export interface Asked {
  /** The verb of RBAC. */
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'create';
  /** As in RBAC and in kubectl: `pods`, `pods/log`, `sequentialjobs.batch.example.com`. */
  readonly resource: string;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly server: string;
}

export const SEQUENTIAL_JOBS_RESOURCE = `${PLURAL}.${GROUP}`;

/** The error for people. A bug of this program is passed on as it is. */
export function explain(error: unknown, asked: Asked): unknown {
  if (!isApiError(error)) return error;
  const { kind, text } = explanationOf(error, asked);
  return new CommandError(kind, text, { cause: error });
}

function explanationOf(error: ApiError, asked: Asked): { readonly kind: CommandErrorKind; readonly text: string } {
  const { server, verb, resource } = asked;
  switch (error.code) {
    case 'Forbidden':
      return { kind: 'failed', text: `no permission to ${verb} ${resource} ${placeOf(asked)}: ${error.message}` };
    case 'NotFound':
      return { kind: 'failed', text: notFoundText(error, asked) };
    case 'Unauthorized':
      return {
        kind: 'unreachable',
        text: `the API server at ${server} does not accept the credentials: ${error.message}`,
      };
    case 'Untrusted':
      return {
        kind: 'unreachable',
        text: `the certificate of the API server at ${server} is not trusted: ${error.message}`,
      };
    case 'Unreachable':
    case 'Timeout':
    case 'Aborted':
      return { kind: 'unreachable', text: `cannot reach the API server at ${server}: ${error.message}` };
    default:
      return { kind: 'failed', text: `the API server refuses to ${verb} ${resource}: ${error.message}` };
  }
}

const placeOf = ({ namespace }: Asked): string =>
  namespace === undefined ? 'in all namespaces' : `in namespace "${namespace}"`;

/** Apimachinery's message for a path that the API server does not serve. */
const UNSERVED = 'the server could not find the requested resource';

const notFoundText = ({ message }: ApiError, { server, resource }: Asked): string =>
  message.includes(UNSERVED) || message.startsWith('404')
    ? `the API server at ${server} does not know ${resource}: the operator is not installed there`
    : message;
