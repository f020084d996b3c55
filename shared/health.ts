/** What a process has to be to be of use, in the terms of the kubelet's probes. */

/** What has to be true before the process is ready, by the name that it is reported under; a text says what is missing. */
export type Checks = Readonly<Record<string, () => boolean | string>>;

export interface Health {
  readonly status: 200 | 503;
  /** One line. */
  readonly message: string;
}

/** The answer to `/healthz`: whoever answers lives. */
export const ALIVE: Health = { status: 200, message: 'ok' };

/** The answer to `/readyz`; names the checks that fail. */
export function readiness(checks: Checks): Health {
  const missing = Object.entries(checks).flatMap(([name, check]) => missingPart(name, check()));
  return missing.length === 0 ? ALIVE : { status: 503, message: `not ready: ${missing.join(', ')}` };
}

function missingPart(name: string, outcome: boolean | string): readonly string[] {
  if (outcome === true) return [];
  return [outcome === false || outcome === '' ? name : `${name} (${outcome})`];
}
