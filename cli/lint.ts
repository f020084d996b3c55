/** `sequentialjob lint`: the webhook's verdicts without a cluster and, with `--server`, a cluster's own. */
import { type FlagKind, readArguments } from './arguments.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { ConfigError } from './run/config.ts';
import { StartupError } from '../shared/kube/startup.ts';
import { check, type Finding, isError, textFindings } from './check.ts';
import type { Cluster, ClusterVerdict } from './cluster-verdict.ts';
import { type Io, label, UnreadableError } from './stdio.ts';
import { type Manifest, readManifests } from './read-manifests.ts';
import { type FileReport, jsonReport, textReport } from './lint-report.ts';

const FLAGS = {
  format: ['text', 'json'],
  server: 'switch',
  kubeconfig: 'text',
  context: 'text',
  namespace: 'text',
} as const satisfies Readonly<Record<string, FlagKind>>;

/** The exit codes: no fault; at least one; a file could not be read, or the cluster gave no verdict. */
const EXIT = { ok: 0, faults: 1, unreadable: 2 } as const;

/**
 * Lints every file and gives the exit code. Warnings are no faults. Findings go to standard output; the summary, and
 * what can't be read or was not answered, to standard error. Throws ConfigError for wrong usage.
 */
export async function lint(args: readonly string[], io: Io): Promise<number> {
  const { files, flags } = readArguments('lint', args, FLAGS);
  const cluster = await clusterOf(flags, io);
  try {
    const { reports, problems } = await lintFiles(files, cluster, io);
    for (const problem of problems) io.err(`sequentialjob: ${problem}\n`);
    const { findings, summary } = flags.get('format') === 'json' ? jsonReport(reports) : textReport(reports);
    io.out(findings);
    io.err(summary);
    if (problems.length > 0) return EXIT.unreadable;
    return reports.some((one) => one.findings.some(isError)) ? EXIT.faults : EXIT.ok;
  } finally {
    await cluster?.close();
  }
}

/** The cluster to ask; undefined without `--server`. What talks to it is loaded only where it is needed. */
async function clusterOf(flags: ReadonlyMap<string, string>, { env }: Io): Promise<Cluster | undefined> {
  const [path, context, namespace] = [flags.get('kubeconfig'), flags.get('context'), flags.get('namespace')];
  if (!flags.has('server')) {
    const unused = ['kubeconfig', 'context', 'namespace'].filter((flag) => flags.has(flag));
    if (unused.length > 0) throw new ConfigError(unused.map((flag) => `--${flag} needs --server`));
    return undefined;
  }
  const { openCluster } = await import('./cluster-verdict.ts');
  try {
    return openCluster({ path, context, namespace, env: env['KUBECONFIG'] });
  } catch (error) {
    if (error instanceof StartupError) throw new ConfigError([error.message]);
    throw error;
  }
}

interface Linted {
  readonly reports: readonly FileReport[];
  /** What is missing from the reports, and why. */
  readonly problems: readonly string[];
}

async function lintFiles(files: readonly string[], cluster: Cluster | undefined, io: Io): Promise<Linted> {
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
): Promise<FileReport & Pick<ClusterVerdict, 'unanswered'>> {
  const read = readManifests(text);
  const findings: Finding[] = [...textFindings(read)];
  const unanswered: string[] = [];
  for (const manifest of read.manifests) {
    const { object, findings: own } = check(manifest);
    findings.push(...own);
    // Of what validation refuses, a cluster says the same.
    if (cluster === undefined || own.some(isError)) continue;
    const verdict = await cluster.judge({ written: manifest.object, complete: object as SequentialJob });
    findings.push(...verdict.findings.map((one) => findingOf(one, manifest)));
    unanswered.push(...verdict.unanswered);
  }
  return {
    file,
    sequences: read.manifests.length,
    others: read.others,
    isPlain: read.documents <= 1 && read.manifests.every(({ place }) => place.items.length === 0),
    findings: findings.toSorted(
      (a, b) => a.place.document - b.place.document || a.line - b.line || a.column - b.column,
    ),
    unanswered,
  };
}

const findingOf = (
  { severity, path, message }: ClusterVerdict['findings'][number],
  { locate, place }: Manifest,
): Finding => ({ ...locate(path), severity, place, path, message });
