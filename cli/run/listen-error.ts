/** Errors of listening on a port. */
import { systemCode } from '../../shared/kube/errors.ts';
import { StartupError } from '../../shared/kube/startup.ts';

/** Errors that the user can fix. */
const USER_ERRORS: ReadonlySet<string> = new Set([
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EACCES',
  'ENOTFOUND',
  'EAFNOSUPPORT',
]);

/** The error to throw if `what` cannot be served: a StartupError if the user can fix it, otherwise the error itself. */
export function listenError(what: string, port: number, error: unknown): unknown {
  if (!USER_ERRORS.has(systemCode(error))) return error;
  const { message } = error as { readonly message: string };
  return new StartupError(`cannot serve ${what} on port ${port}: ${message}`);
}
