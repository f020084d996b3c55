/** Liveness and readiness, as the kubelet probes them. */

/** Readiness checks by name. A check returns true, false, or a text that says what is missing. */
export type Checks = Readonly<Record<string, () => boolean | string>>;

export interface Health {
  readonly status: 200 | 503;
  /** One line. */
  readonly message: string;
}

/** The answer to `/healthz`: a process that answers is alive. */
export const ALIVE: Health = { status: 200, message: 'ok' };

/** The answer to `/readyz`; it names the failed checks. */
export function readiness(checks: Checks): Health {
  const missing = Object.entries(checks).flatMap(([name, check]) => describeFailure(name, check()));
  return missing.length === 0 ? ALIVE : { status: 503, message: `not ready: ${missing.join(', ')}` };
}

function describeFailure(name: string, outcome: boolean | string): readonly string[] {
  if (outcome === true) return [];
  return [outcome === false || outcome === '' ? name : `${name} (${outcome})`];
}
