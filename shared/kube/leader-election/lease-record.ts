/** What a Lease says when it is taken or given up: pure. Fields that are not ours to know are kept. */
import { type LeaseSpec, toMicroTime } from './leases.ts';

export interface Claim {
  readonly identity: string;
  readonly leaseMs: number;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** Taken or renewed; `before` is undefined where there was no Lease. */
export function claimed(before: LeaseSpec | undefined, { identity, leaseMs, nowMs }: Claim): LeaseSpec {
  const renewTime = toMicroTime(nowMs);
  const isRenewal = before?.holderIdentity === identity;
  const transitions = before?.leaseTransitions ?? 0;
  return {
    ...before,
    holderIdentity: identity,
    leaseDurationSeconds: leaseMs / 1000,
    acquireTime: (isRenewal ? before.acquireTime : undefined) ?? renewTime,
    renewTime,
    leaseTransitions: before === undefined || isRenewal ? transitions : transitions + 1,
  };
}

/** Given up, as client-go does it: held by nobody and, for a reader that does not know what that means, not for long. */
export function givenUp(before: LeaseSpec | undefined, nowMs: number): LeaseSpec {
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: toMicroTime(nowMs) };
}
