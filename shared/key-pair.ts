/** A serving certificate with its chain and its private key, PEM. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  /** The CA certificates for client certificates, PEM; absent: client certificates are not requested. */
  readonly clientCa?: string;
}
