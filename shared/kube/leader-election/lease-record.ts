/** The spec of a Lease when it is acquired, renewed or released. Pure. Other fields are kept. */
import { type LeaseSpec, toMicroTime } from './leases.ts';

export interface Claim {
  readonly identity: string;
  readonly leaseMs: number;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** The spec for acquiring or renewing; `before` is undefined if there was no Lease. */
export function claimLease(before: LeaseSpec | undefined, { identity, leaseMs, nowMs }: Claim): LeaseSpec {
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

/**
 * The spec for releasing, as client-go writes it: without a holder and, for readers that ignore this, with a duration
 * of 1 s.
 */
export function releaseLease(before: LeaseSpec | undefined, nowMs: number): LeaseSpec {
  return { ...before, holderIdentity: '', leaseDurationSeconds: 1, renewTime: toMicroTime(nowMs) };
}
