/** `sequentialjob status`: one sequence or one schedule on one screen, or the sequences of a namespace as a table. */
import { CommandError } from './cluster/command-error.ts';
import type { ClusterFlags, Connection } from './cluster/connect.ts';
import { getSequence, listPods, listSequences, ofSequence } from './cluster/read.ts';
import { type CommandContext, invocationOf, withConnection } from './command-context.ts';
import { EXIT } from './exit-codes.ts';
import { type Format, isObjectFormat, printObjects } from './output-format.ts';
import { scheduleNameOf } from './schedule/reference.ts';
import { nextCommands } from './status/next-commands.ts';
import { renderList } from './status/render-list.ts';
import { renderStatus } from './status/render-status.ts';
import { toSequenceView } from './status/sequence-view.ts';
import type { StepPod } from './status/step-pod.ts';
import { isSimple, loadWidths } from './status/text-width.ts';
import type { SequentialJob } from '../shared/api/types.ts';

export interface StatusFlags extends ClusterFlags {
  readonly allNamespaces?: boolean;
  readonly output?: Format;
}

/** What the screen lacks without the Pods. */
export const withoutPodsNote = (why: string): string => `${why}; the bars show no waiting within a step`;

/** Resolves with the exit code. Rejects with CommandError. */
export async function status(name: string | undefined, flags: StatusFlags, context: CommandContext): Promise<number> {
  if (name !== undefined && flags.allNamespaces === true) {
    throw new CommandError('usage', 'a sequence cannot be named together with --all-namespaces');
  }
  const schedule = name === undefined ? undefined : scheduleNameOf(name);
  if (schedule !== undefined) {
    const { scheduleStatus } = await import('./schedule-status.ts');
    return withConnection(flags, context, (connection) => scheduleStatus(schedule, connection, flags, context));
  }
  return withConnection(flags, context, (connection) =>
    name === undefined ? statusOfAll(connection, flags, context) : statusOfOne(name, { connection, flags, context }),
  );
}

async function statusOfOne(
  name: string,
  { connection, flags, context }: { connection: Connection; flags: StatusFlags; context: CommandContext },
): Promise<number> {
  const { terminal, now } = context;
  const format = flags.output;
  if (isObjectFormat(format)) {
    await printObjects([await getSequence(connection, name)], { format, isList: false }, terminal);
    return EXIT.ok;
  }
  const [object, pods] = await Promise.all([getSequence(connection, name), podsOrWhyNot(connection, name)]);
  await loadWidthsFor([object]);
  const view = toSequenceView(object, Array.isArray(pods) ? ofSequence(pods, object.metadata.uid) : undefined, now());
  const lines = renderStatus(view, {
    width: terminal.size?.columns,
    isWide: format === 'wide',
    next: nextCommands(view, invocationOf(flags, context)),
    notes: typeof pods === 'string' ? [withoutPodsNote(pods)] : [],
  });
  await terminal.print(lines);
  return EXIT.ok;
}

/** Names are ASCII; messages may be anything. */
async function loadWidthsFor(objects: readonly SequentialJob[]): Promise<void> {
  if (!objects.every(({ status }) => isSimple(JSON.stringify(status ?? {})))) await loadWidths();
}

/** The Pods, or why they could not be listed: the status alone says most. */
async function podsOrWhyNot(connection: Connection, name: string): Promise<readonly StepPod[] | string> {
  try {
    return await listPods(connection, name);
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}

async function statusOfAll(
  connection: Connection,
  flags: StatusFlags,
  { terminal, now }: CommandContext,
): Promise<number> {
  const hasNamespaces = flags.allNamespaces === true;
  const objects = await listSequences(connection, hasNamespaces);
  const format = flags.output;
  if (isObjectFormat(format)) {
    await printObjects(objects, { format, isList: true }, terminal);
    return EXIT.ok;
  }
  if (objects.length === 0) {
    const where = hasNamespaces ? '' : ` in ${connection.namespace} namespace`;
    terminal.error(`No SequentialJobs found${where}.`);
    return EXIT.ok;
  }
  await loadWidthsFor(objects);
  const at = now();
  const views = objects.map((object) => toSequenceView(object, undefined, at));
  await terminal.print(renderList(views, { width: terminal.size?.columns, hasNamespaces, isWide: format === 'wide' }));
  return EXIT.ok;
}
