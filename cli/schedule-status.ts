/** `sequentialjob status cron/NAME`: a schedule with its last runs and its next times on one screen. */
import type { ClusterFlags, Connection } from './cluster/connect.ts';
import { getSchedule, listRuns } from './cluster/schedules.ts';
import { type CommandContext, invocationOf } from './command-context.ts';
import { EXIT } from './exit-codes.ts';
import { type Format, isObjectFormat, printObjects } from './output-format.ts';
import { commandsFor } from './schedule/next-commands.ts';
import { renderSchedule } from './schedule/render-schedule.ts';
import { toScheduleView } from './schedule/schedule-view.ts';
import { isSimple, loadWidths } from './status/text-width.ts';

export interface ScheduleStatusFlags extends ClusterFlags {
  readonly output?: Format;
}

/** Resolves with the exit code. Rejects with CommandError. */
export async function scheduleStatus(
  name: string,
  connection: Connection,
  flags: ScheduleStatusFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, now } = context;
  const object = await getSchedule(connection, name);
  if (isObjectFormat(flags.output)) {
    await printObjects([object], { format: flags.output, isList: false }, terminal);
    return EXIT.ok;
  }
  const runs = await listRuns(connection, object);
  if (!isSimple(JSON.stringify([object.status, runs.map(({ status }) => status)]))) await loadWidths();
  const view = toScheduleView(object, runs, now());
  const next = commandsFor(view, invocationOf(flags, context));
  await terminal.print(renderSchedule(view, { width: terminal.size?.columns, next }));
  return EXIT.ok;
}
