/** `sequentialjob render`: prints the claims and Jobs that the controller would create, without a cluster. */
import { printableLine } from '../shared/printable-text.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { buildJob } from '../shared/jobs/job.ts';
import { buildClaims } from '../shared/jobs/volume-claims.ts';
import { allSteps } from '../shared/jobs/position.ts';
import { validateManifest, isError, textFindings } from './validate-manifest.ts';
import { type Io, label, UnreadableError } from './stdio.ts';
import { type Manifests, readManifests } from './read-manifests.ts';
import { textReport } from './lint-report.ts';
import { type WithPlaceholders, withPlaceholders } from './fill-placeholders.ts';
import { writeYaml } from './yaml.ts';

/** `refused`: the file has errors, or no SequentialJob. */
const EXIT = { ok: 0, refused: 1, unreadable: 2 } as const;

/**
 * Renders every SequentialJob of a file, and a run of every CronSequentialJob, and returns the exit code. If one of them
 * has errors, writes no Job, and the errors to standard error in lint's format.
 */
export async function render(file: string, io: Io): Promise<number> {
  try {
    return renderText(label(file), await io.read(file), io);
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    io.err(`sequentialjob: ${error.message}\n`);
    return EXIT.unreadable;
  }
}

function renderText(file: string, text: string, io: Io): number {
  const read = readManifests(text);
  const checked = read.manifests.map(validateManifest);
  const findings = [...textFindings(read), ...checked.flatMap((one) => one.findings)];
  io.err(
    textReport([{ file, sequences: 1, schedules: 0, skipped: 0, hasOneObject: hasOneObject(read), findings }]).findings,
  );
  if (findings.some(isError)) return EXIT.refused;
  if (checked.length === 0) {
    io.err(`sequentialjob: ${file}: no SequentialJob in it\n`);
    return EXIT.refused;
  }
  for (const { object } of checked) io.out(renderChildren(withPlaceholders(object as SequentialJob)));
  return EXIT.ok;
}

const hasOneObject = ({ documents, manifests }: Manifests): boolean =>
  documents <= 1 && manifests.every(({ place }) => place.items.length === 0);

/** The claims and the Jobs as YAML documents, in the order in which they are created, after a comment with the remarks. */
function renderChildren({ object, remarks }: WithPlaceholders): string {
  // The controller treats the value of `resume` at the start of a sequence as already handled.
  const resumes = object.spec.resume ?? 0;
  const jobs = allSteps(object.spec).map((_, position) => buildJob(object, position, resumes));
  const documents = [...buildClaims(object), ...jobs].map((manifest) => `---\n${writeYaml(manifest)}`);
  return [...remarks.map((remark) => `# ${printableLine(remark)}\n`), ...documents].join('');
}
