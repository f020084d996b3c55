/**
 * A Lease (coordination.k8s.io/v1): who leads, where everybody can read it. Every write is guarded by the resource
 * version, so that of two which meet the API server lets one through.
 */
import type { ApiClient } from '../client.ts';
import { isApiError } from '../errors.ts';
import { collectionPath, LEASES, objectPath } from '../resources.ts';

/** The fields of a leader election; others are kept as they are. All may be null on the wire. */
export interface LeaseSpec {
  /** Empty: nobody. */
  readonly holderIdentity?: string | null;
  readonly leaseDurationSeconds?: number | null;
  /** MicroTime. Written for people to read: clocks of two machines are never compared. */
  readonly acquireTime?: string | null;
  readonly renewTime?: string | null;
  readonly leaseTransitions?: number | null;
}

export interface Lease {
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion: string };
  readonly spec?: LeaseSpec | null;
}

/** Of one request. */
export interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** One Lease of that name. Every method rejects with ApiError only. */
export class LeaseStore {
  readonly namespace: string;
  readonly name: string;
  readonly #client: ApiClient;

  constructor(client: ApiClient, namespace: string, name: string) {
    this.#client = client;
    this.namespace = namespace;
    this.name = name;
  }

  /** The Lease as it is, by a quorum read; undefined where there is none. */
  async read(limits: Limits): Promise<Lease | undefined> {
    try {
      return await this.#client.request<Lease>({ ...limits, method: 'GET', path: this.#path });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** Rejects with AlreadyExists where there is one. */
  async create(spec: LeaseSpec, limits: Limits): Promise<Lease> {
    const path = collectionPath(LEASES, this.namespace);
    const body = { ...TYPE, metadata: { name: this.name, namespace: this.namespace }, spec };
    return this.#client.request<Lease>({ ...limits, method: 'POST', path, body });
  }

  /**
   * Replaces the spec of this very state; rejects with Conflict where there is a newer one, with Conflict or NotFound
   * where the Lease is gone. The UID is sent along, and with it the version: a PUT without would create a Lease anew.
   */
  async replace({ metadata }: Lease, spec: LeaseSpec, limits: Limits): Promise<Lease> {
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

/** Who holds it; empty where nobody does. */
export function holderOf({ spec }: Lease): string {
  return spec?.holderIdentity ?? '';
}

/** `metav1.MicroTime` on the wire: RFC 3339 with six digits, which Go's decoder insists on. `ms` is Unix time. */
export function toMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
