/** `sequentialjob lint`: validates manifests as the webhook does, without a cluster and, with `--server`, by dry run too. */
import type { SequentialJob } from '../shared/api/types.ts';
import { StartupError } from '../shared/kube/startup.ts';
import { CommandError } from './cluster/command-error.ts';
import type { ClusterFlags } from './cluster/connect.ts';
import { validateManifest, type Finding, isError, textFindings } from './validate-manifest.ts';
import { isSchedule } from '../webhook/resource-rules.ts';
import type { Cluster, DryRunResult } from './server-dry-run.ts';
import { type Io, label, UnreadableError } from './stdio.ts';
import { type Manifest, readManifests } from './read-manifests.ts';
import { type FileReport, jsonReport, textReport } from './lint-report.ts';

export interface LintFlags extends ClusterFlags {
  readonly format: 'text' | 'json';
  readonly server?: boolean;
}

/** `errors`: at least one error was found. `incomplete`: a file could not be read, or the cluster could not check it. */
const EXIT = { ok: 0, errors: 1, incomplete: 2 } as const;

/**
 * Lints every file and returns the exit code, which warnings do not change. Writes findings to standard output; writes the
 * summary, and what could not be read or checked, to standard error. Throws CommandError for wrong usage and for a
 * kubeconfig that names no cluster.
 */
export async function lint(files: readonly string[], flags: LintFlags, io: Io): Promise<number> {
  const cluster = await clusterOf(flags, io);
  try {
    const { reports, problems } = await lintFiles(files, cluster, io);
    for (const problem of problems) io.err(`sequentialjob: ${problem}\n`);
    const { findings, summary } = flags.format === 'json' ? jsonReport(reports) : textReport(reports);
    io.out(findings);
    io.err(summary);
    if (problems.length > 0) return EXIT.incomplete;
    return reports.some((one) => one.findings.some(isError)) ? EXIT.errors : EXIT.ok;
  } finally {
    await cluster?.close();
  }
}

/** The cluster of `--server`; undefined without the flag. Loads the API client's modules only with the flag. */
async function clusterOf(
  { server = false, kubeconfig, context, namespace }: LintFlags,
  { env }: Io,
): Promise<Cluster | undefined> {
  if (!server) {
    const unused = Object.entries({ kubeconfig, context, namespace }).filter(([, value]) => value !== undefined);
    if (unused.length === 0) return undefined;
    throw new CommandError('usage', unused.map(([flag]) => `--${flag} needs --server`).join('; '));
  }
  const { openCluster } = await import('./server-dry-run.ts');
  try {
    return openCluster({ path: kubeconfig, context, namespace, env: env['KUBECONFIG'] });
  } catch (error) {
    if (error instanceof StartupError) throw new CommandError('unreachable', error.message, { cause: error });
    throw error;
  }
}

interface LintResult {
  readonly reports: readonly FileReport[];
  /** Which files could not be read, and which objects the cluster could not check. */
  readonly problems: readonly string[];
}

async function lintFiles(files: readonly string[], cluster: Cluster | undefined, io: Io): Promise<LintResult> {
  const reports: FileReport[] = [];
  const problems: string[] = [];
  for (const file of files) {
    try {
      const { unanswered, ...report } = await lintFile(label(file), await io.read(file), cluster);
      reports.push(report);
      problems.push(...unanswered.map((why) => `${label(file)}: ${why}`));
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      problems.push(error.message);
    }
  }
  return { reports, problems };
}

async function lintFile(
  file: string,
  text: string,
  cluster: Cluster | undefined,
): Promise<FileReport & Pick<DryRunResult, 'unanswered'>> {
  const read = readManifests(text);
  const findings: Finding[] = [...textFindings(read)];
  const unanswered: string[] = [];
  for (const manifest of read.manifests) {
    const { object, findings: own, textOf } = validateManifest(manifest);
    findings.push(...own);
    // An object that fails local validation is not sent: the cluster's webhook would report the same errors.
    if (cluster === undefined || own.some(isError)) continue;
    const withDefaults = object as SequentialJob;
    const verdict = await cluster.dryRun({ asWritten: manifest.object, withDefaults, textOf });
    findings.push(...verdict.findings.map((one) => findingOf(one, manifest)));
    unanswered.push(...verdict.unanswered);
  }
  const schedules = read.manifests.filter(({ object }) => isSchedule(object)).length;
  return {
    file,
    sequences: read.manifests.length - schedules,
    schedules,
    skipped: read.skipped,
    hasOneObject: read.documents <= 1 && read.manifests.every(({ place }) => place.items.length === 0),
    findings: findings.toSorted(
      (a, b) => a.place.document - b.place.document || a.line - b.line || a.column - b.column,
    ),
    unanswered,
  };
}

const findingOf = (
  { severity, path, message }: DryRunResult['findings'][number],
  { positionOf, place }: Manifest,
): Finding => ({ ...positionOf(path), severity, place, path, message });
