/** Authenticates clients by certificate. */
import type { TLSSocket } from 'node:tls';

/** The refusal of a client that presents no certificate. */
export const NO_CERTIFICATE = 'no certificate';

/**
 * Why the client of a TLS connection is refused; undefined if it is accepted: its certificate is valid for clients,
 * signed by an accepted CA, and has one of the common names.
 */
export function clientRefusal(
  socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerCertificate'>,
  subjects: readonly string[],
): string | undefined {
  const { subject } = socket.getPeerCertificate();
  // Checked before `authorized`, which is also true for a resumed session without a certificate.
  if (subject === undefined) return NO_CERTIFICATE;
  if (!socket.authorized) return `certificate not accepted: ${String(socket.authorizationError)}`;
  // With several common names, `CN` is an array and matches none.
  return subjects.some((name) => name === subject.CN) ? undefined : 'certificate with another subject';
}
