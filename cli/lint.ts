/** `sequentialjob lint`: the webhook's verdicts without a cluster. */
import { readArguments } from './arguments.ts';
import { check, type Finding, isError, textFindings } from './check.ts';
import { type Io, label, UnreadableError } from './io.ts';
import { readManifests } from './manifests.ts';
import { type FileReport, jsonReport, textReport } from './lint-report.ts';

const FORMATS = ['text', 'json'] as const;

/** The exit codes: no fault; at least one; a file could not be read. */
const EXIT = { ok: 0, faults: 1, unreadable: 2 } as const;

/**
 * Lints every file and gives the exit code. Warnings are no faults. Findings go to standard output; the summary, and
 * what can't be read, to standard error. Throws ConfigError for wrong usage.
 */
export async function lint(args: readonly string[], io: Io): Promise<number> {
  const { files, flags } = readArguments('lint', args, { format: FORMATS });
  const reports: FileReport[] = [];
  let unreadable = false;
  for (const file of files) {
    try {
      reports.push(report(label(file), await io.read(file)));
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      io.err(`sequentialjob: ${error.message}\n`);
      unreadable = true;
    }
  }
  const { findings, summary } = flags.get('format') === 'json' ? jsonReport(reports) : textReport(reports);
  io.out(findings);
  io.err(summary);
  if (unreadable) return EXIT.unreadable;
  return reports.some((one) => one.findings.some(isError)) ? EXIT.faults : EXIT.ok;
}

function report(file: string, text: string): FileReport {
  const read = readManifests(text);
  const findings: readonly Finding[] = [
    ...textFindings(read),
    ...read.manifests.flatMap((manifest) => check(manifest).findings),
  ];
  return {
    file,
    sequences: read.manifests.length,
    others: read.others,
    isPlain: read.documents <= 1 && read.manifests.every(({ place }) => place.items.length === 0),
    findings: findings.toSorted((a, b) => a.place.document - b.place.document),
  };
}
