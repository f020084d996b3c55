/** Who a client is by its certificate. */
import type { TLSSocket } from 'node:tls';

/**
 * Says why the client at the other end of a handshake may not ask; undefined where it may: it has shown a certificate that
 * OpenSSL has found to be of the authorities of this server, in time and for clients, with one of the common names.
 */
export function refusalOf(
  socket: Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerCertificate'>,
  subjects: readonly string[],
): string | undefined {
  const { subject } = socket.getPeerCertificate();
  // Looked at first, and not `authorized` alone: a session that is resumed counts as authorized also without a certificate.
  if (subject === undefined) return 'no certificate';
  if (!socket.authorized) return `a certificate that does not count: ${String(socket.authorizationError)}`;
  // More than one is a list, which is no name of anybody's.
  return subjects.some((name) => name === subject.CN) ? undefined : 'a certificate of another subject';
}
