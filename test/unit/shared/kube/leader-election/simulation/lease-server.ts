/** The little of an API server that an election needs: one Lease, with a UID and a resource version. */
import type { ApiRequest } from '../../../../../../shared/kube/client.ts';
import { ApiError } from '../../../../../../shared/kube/errors.ts';
import type { Lease, LeaseSpec } from '../../../../../../shared/kube/leader-election/leases.ts';

export class LeaseServer {
  /** Each write that was carried out. */
  readonly written: LeaseSpec[] = [];
  #lease: Lease | undefined;
  #version = 0;

  get lease(): Lease | undefined {
    return this.#lease;
  }

  get spec(): LeaseSpec {
    return this.#lease?.spec ?? {};
  }

  /** Somebody's write, past all guards. */
  put(spec: LeaseSpec | null): void {
    this.#lease = {
      metadata: {
        uid: `uid-${++this.#version}`,
        ...this.#lease?.metadata,
        name: 'l',
        resourceVersion: `${this.#version}`,
      },
      spec,
    };
  }

  remove(): void {
    this.#lease = undefined;
  }

  serve({ method, body }: ApiRequest): unknown {
    const sent = body as Lease;
    switch (method) {
      case 'GET':
        if (this.#lease === undefined) throw new ApiError('NotFound', 'not found', { status: 404 });
        return this.#lease;
      case 'POST':
        if (this.#lease !== undefined) throw new ApiError('AlreadyExists', 'already exists', { status: 409 });
        return this.#store(sent);
      case 'PUT':
        if (sent.metadata.resourceVersion !== this.#lease?.metadata.resourceVersion) {
          throw new ApiError('Conflict', 'the object has been modified', { status: 409 });
        }
        return this.#store(sent);
      case 'PATCH':
      case 'DELETE':
        throw new Error(`not expected: ${method}`);
    }
  }

  #store({ spec }: Lease): Lease | undefined {
    this.put(spec ?? null);
    this.written.push(spec ?? {});
    return this.#lease;
  }
}
