/**
 * What `npm audit --json` said, judged: clean, with findings, or not asked at all. `audit-ci` 7.1 (19 packages, the last release
 * of 2024) does not tell a registry without an audit from one that is out of order, and npm itself accepts no finding for a while.
 */
import { asArray, asObject, nonEmptyString } from '../../shared/json/untrusted.ts';

/** A finding that we have looked at and live with for a while: an entry of advisories.json. */
export interface AcceptedAdvisory {
  /** As in the advisory's address: `GHSA-xxxx-xxxx-xxxx`. */
  readonly id: string;
  readonly package: string;
  /** Why it does not hurt here, and what is waited for. */
  readonly why: string;
  /** The last day on which it is accepted, `YYYY-MM-DD`: then somebody looks again. */
  readonly until: string;
}

export type AuditVerdict =
  | { readonly kind: 'clean'; readonly accepted: readonly string[] }
  | { readonly kind: 'findings'; readonly faults: readonly string[] }
  /** The registry has no such endpoint, or could not be reached: nothing is known. */
  | { readonly kind: 'not asked'; readonly why: string }
  /** There was an answer, and it is none. */
  | { readonly kind: 'failed'; readonly why: string };

interface Report {
  readonly auditReportVersion: number;
  readonly vulnerabilities: Readonly<Record<string, { readonly via: readonly unknown[] }>>;
  readonly statusCode: number;
  readonly code: string;
  readonly message: string;
  readonly error: { readonly summary: string };
}

interface Advisory {
  readonly url: string;
  readonly name: string;
  readonly title: string;
  readonly severity: string;
}

/** A registry that has no audit: a mirror, or one for packages alone. */
const NO_ENDPOINT: ReadonlySet<unknown> = new Set([404, 405, 501]);
const UNREACHABLE = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b/;

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** What is wrong with the list itself: an entry that says no reason would be accepted for none. */
export function acceptedFaults(accepted: readonly AcceptedAdvisory[]): readonly string[] {
  return accepted.flatMap(({ id, why, until, package: name }) => {
    const isSound = DAY.test(until) && !Number.isNaN(Date.parse(until)) && why.trim() !== '' && name !== '';
    return isSound ? [] : [`advisories.json: ${id} needs a package, a reason (why) and a last day (until: YYYY-MM-DD)`];
  });
}

/** Each advisory once; a package that is only hit through another has the other's name, a string, in `via`. */
function advisories(vulnerabilities: unknown): readonly (Advisory & { readonly id: string })[] {
  const via = Object.values(asObject<Record<string, unknown>>(vulnerabilities) ?? {})
    .flatMap((one) => asArray(asObject<{ via: unknown }>(one)?.via))
    .map((one) => asObject<Advisory>(one))
    .filter((one) => one !== undefined);
  const found = via.map(({ url, name, title, severity }) => {
    const address = nonEmptyString(url) ?? 'an advisory without an address';
    const id = address.slice(address.lastIndexOf('/') + 1);
    return {
      id,
      url: address,
      name: nonEmptyString(name) ?? '',
      title: nonEmptyString(title) ?? '',
      severity: nonEmptyString(severity) ?? '',
    };
  });
  return [...new Map(found.map((one) => [`${one.id} ${one.name}`, one])).values()];
}

function unmade(report: Partial<Record<keyof Report, unknown>>): AuditVerdict {
  const summary = asObject<Report['error']>(report.error)?.summary;
  const why = nonEmptyString(report.message) ?? nonEmptyString(summary) ?? 'npm audit gave no report';
  const isNotThere =
    NO_ENDPOINT.has(report.statusCode) || UNREACHABLE.test(`${nonEmptyString(report.code) ?? ''} ${why}`);
  return { kind: isNotThere ? 'not asked' : 'failed', why };
}

function parseReport(output: string): Partial<Record<keyof Report, unknown>> | undefined {
  try {
    return asObject<Report>(JSON.parse(output));
  } catch {
    return undefined;
  }
}

/**
 * Never "clean" without a report that says so. A finding is a fault unless it is accepted by id and package, on this day
 * (`YYYY-MM-DD`) still; an accepted one that is not found any more is told of, too, so that the list stays true.
 */
export function judgeAudit(output: string, accepted: readonly AcceptedAdvisory[], today: string): AuditVerdict {
  const report = parseReport(output);
  if (report === undefined) return { kind: 'failed', why: 'npm audit did not answer in JSON' };
  if (report.auditReportVersion !== 2 || asObject(report.vulnerabilities) === undefined) return unmade(report);
  const found = advisories(report.vulnerabilities);
  const entryFor = (one: Advisory & { readonly id: string }): AcceptedAdvisory | undefined =>
    accepted.find(({ id, package: name }) => id === one.id && name === one.name);
  const faults = found.flatMap((one) => {
    const entry = entryFor(one);
    if (entry !== undefined && today <= entry.until) return [];
    const expired = entry === undefined ? '' : `, accepted until ${entry.until}`;
    return [`${one.name}: ${one.title} (${one.severity}), ${one.url}${expired}`];
  });
  const gone = accepted.filter(({ id, package: name }) => !found.some((one) => one.id === id && one.name === name));
  const idle = gone.map(({ id, package: name }) => `advisories.json: ${id} is not found in ${name} any more`);
  const all = [...acceptedFaults(accepted), ...faults, ...idle];
  if (all.length > 0) return { kind: 'findings', faults: all };
  return { kind: 'clean', accepted: accepted.map(({ id, until }) => `${id} accepted until ${until}`) };
}
