/** A port that cannot be served. */
import { systemCode } from '../../shared/kube/errors.ts';
import { StartupError } from '../../shared/kube/startup.ts';

/** What keeps a server from listening, and is for the user to mend. */
const USER_ERRORS: ReadonlySet<string> = new Set([
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EACCES',
  'ENOTFOUND',
  'EAFNOSUPPORT',
]);

/** What to throw where `what` cannot be served: one line for the user or, where it is a fault of ours, the error itself. */
export function listenError(what: string, port: number, error: unknown): unknown {
  if (!USER_ERRORS.has(systemCode(error))) return error;
  const { message } = error as { readonly message: string };
  return new StartupError(`cannot serve ${what} on port ${port}: ${message}`);
}
