/**
 * Reads and writes a Lease (coordination.k8s.io/v1), which records the leader. Every write carries the resource
 * version: of two concurrent writes the API server accepts one.
 */
import type { ApiClient } from '../client.ts';
import { isApiError } from '../errors.ts';
import { collectionPath, LEASES, objectPath } from '../resources.ts';

/** The fields that leader election uses; all can be null in JSON. Other fields are kept. */
export interface LeaseSpec {
  /** Empty: no holder. */
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  /** MicroTime, for people to read: clocks of two machines are never compared. */
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

export interface Lease {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly spec?: LeaseSpec | null;
}

/** The limits of one request. */
export interface RequestLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The Lease of one name. Every method rejects with ApiError only. */
export class LeaseStore {
  readonly namespace: string;
  readonly name: string;
  readonly #client: ApiClient;

  constructor(client: ApiClient, namespace: string, name: string) {
    this.#client = client;
    this.namespace = namespace;
    this.name = name;
  }

  /** The Lease by a quorum read; undefined if there is none. */
  async read(limits: RequestLimits): Promise<Lease | undefined> {
    try {
      return await this.#client.request<Lease>({ ...limits, method: 'GET', path: this.#path });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Creates the Lease; rejects with AlreadyExists if there is one. */
  async create(spec: LeaseSpec, limits: RequestLimits): Promise<Lease> {
    const path = collectionPath(LEASES, this.namespace);
    const body = { ...TYPE, metadata: { name: this.name, namespace: this.namespace }, spec };
    return this.#client.request<Lease>({ ...limits, method: 'POST', path, body });
  }

  /**
   * Replaces the spec of exactly this state. Rejects with Conflict if there is a newer one, with Conflict or NotFound
   * if the Lease was deleted. The UID and resource version are sent along: a PUT without them would create a new
   * Lease.
   */
  async replace({ metadata }: Lease, spec: LeaseSpec, limits: RequestLimits): Promise<Lease> {
    return this.#client.request<Lease>({
      ...limits,
      method: 'PUT',
      path: this.#path,
      body: { ...TYPE, metadata, spec },
    });
  }

  get #path(): string {
    return objectPath(LEASES, this.namespace, this.name);
  }
}

const TYPE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' } as const;

/** The holder's identity; empty if there is none. */
export function holderOf({ spec }: Lease): string {
  return spec?.holderIdentity ?? '';
}

/** `metav1.MicroTime` in JSON: RFC 3339 with six decimal places, which Go's decoder requires. `ms` is Unix time. */
export function toMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
