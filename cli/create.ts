/** `sequentialjob create`: starts a run of a schedule by hand. */
import { buildRun } from '../shared/schedule/run.ts';
import { CommandError } from './cluster/command-error.ts';
import type { ClusterFlags } from './cluster/connect.ts';
import { createSequence, getSchedule } from './cluster/schedules.ts';
import { type CommandContext, withConnection } from './command-context.ts';
import { EXIT } from './exit-codes.ts';
import { isObjectFormat, type ObjectFormat, printObjects, qualifiedName } from './output-format.ts';
import { scheduleNameOf } from './schedule/reference.ts';

export interface CreateFlags extends ClusterFlags {
  /** `cron/NAME` */
  readonly from: string;
  readonly output?: ObjectFormat;
}

/** Resolves with the exit code. Rejects with CommandError. */
export async function create(name: string, flags: CreateFlags, context: CommandContext): Promise<number> {
  const schedule = scheduleNameOf(flags.from);
  if (schedule === undefined) throw new CommandError('usage', `--from must be cron/NAME, not "${flags.from}"`);
  const { terminal } = context;
  return withConnection(flags, context, async (connection) => {
    const run = buildRun(await getSchedule(connection, schedule), { name, manual: true });
    const created = await createSequence(connection, run);
    if (isObjectFormat(flags.output)) {
      await printObjects([created], { format: flags.output, isList: false }, terminal);
    } else await terminal.write(`${qualifiedName(created.metadata.name)} created\n`);
    return EXIT.ok;
  });
}
