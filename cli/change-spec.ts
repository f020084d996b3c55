/** `sequentialjob suspend`, `unsuspend` and `resume`: a merge patch of the spec of a sequence or a schedule. */
import { KIND } from '../shared/api/group.ts';
import type { CronSequentialJob } from '../shared/api/schedule.ts';
import type { SequentialJob } from '../shared/api/types.ts';
import { isApiError } from '../shared/kube/errors.ts';
import { CRON_SEQUENTIAL_JOBS, SEQUENTIAL_JOBS } from '../shared/kube/resources.ts';
import { CommandError } from './cluster/command-error.ts';
import type { ClusterFlags, Connection } from './cluster/connect.ts';
import { getSequence, patchObject } from './cluster/read.ts';
import { getSchedule } from './cluster/schedules.ts';
import { type CommandContext, withConnection } from './command-context.ts';
import { EXIT } from './exit-codes.ts';
import { isObjectFormat, type ObjectFormat, printObjects, qualified, qualifiedName } from './output-format.ts';
import { scheduleNameOf } from './schedule/reference.ts';

export const CHANGES = ['suspend', 'unsuspend', 'resume'] as const;
export type ChangeName = (typeof CHANGES)[number];

export interface ChangeFlags extends ClusterFlags {
  readonly output?: ObjectFormat;
}

interface Changed {
  readonly object: SequentialJob | CronSequentialJob;
  /** `suspended`, `already suspended` */
  readonly done: string;
}

type Change = (connection: Connection, name: string) => Promise<Changed>;

const COMMANDS: Readonly<Record<ChangeName, Change>> = {
  suspend: (connection, name) => setSuspend(connection, name, true),
  unsuspend: (connection, name) => setSuspend(connection, name, false),
  resume,
};

/** Changes one sequence after the other; after an error the others are still changed. Resolves with the exit code. */
export async function changeSpec(
  change: ChangeName,
  names: readonly string[],
  flags: ChangeFlags,
  context: CommandContext,
): Promise<number> {
  const { terminal, program } = context;
  return withConnection(flags, context, async (connection) => {
    let code: number = EXIT.ok;
    for (const name of names) {
      try {
        const { object, done } = await COMMANDS[change](connection, name);
        if (isObjectFormat(flags.output)) {
          await printObjects([object], { format: flags.output, isList: false }, terminal);
        } else await terminal.write(`${qualified(object)} ${done}\n`);
      } catch (error) {
        if (!(error instanceof CommandError) || error.kind === 'unreachable') throw error;
        terminal.error(`${program}: ${error.message}`);
        code = EXIT.failed;
      }
    }
    return code;
  });
}

async function setSuspend(connection: Connection, name: string, suspend: boolean): Promise<Changed> {
  const schedule = scheduleNameOf(name);
  const before = await (schedule === undefined ? getSequence(connection, name) : getSchedule(connection, schedule));
  if ((before.spec.suspend ?? false) === suspend) {
    return { object: before, done: suspend ? 'already suspended' : 'not suspended' };
  }
  if (suspend && before.kind === KIND && before.status?.phase === 'Completed') {
    throw new CommandError('failed', `${qualified(before)} has completed already`);
  }
  const resource = schedule === undefined ? SEQUENTIAL_JOBS : CRON_SEQUENTIAL_JOBS;
  return {
    object: await patchObject(connection, resource, before.metadata.name, { spec: { suspend } }),
    done: suspend ? 'suspended' : 'unsuspended',
  };
}

const MAX_CONFLICTS = 5;

/**
 * Raises `spec.resume` by one, above the number of resumes so far. Two people who resume at the same time raise it once:
 * the patch holds only for the state that was read.
 */
async function resume(connection: Connection, name: string): Promise<Changed> {
  if (scheduleNameOf(name) !== undefined) {
    throw new CommandError('failed', `${name} is a schedule, which cannot fail: resume one of its runs`);
  }
  for (let conflicts = 0; ; conflicts++) {
    const before = await getSequence(connection, name);
    const { spec, status, metadata } = before;
    const [asked, resumes] = [spec.resume ?? 0, status?.resumes ?? 0];
    const isFailed = status?.phase === 'Failed';
    if (isFailed && asked > resumes) return { object: before, done: 'is being resumed already' };
    if (!isFailed) {
      throw new CommandError(
        'failed',
        `${qualifiedName(name)} has not failed (it is ${status?.phase ?? 'Pending'}): there is nothing to resume`,
      );
    }
    try {
      const { resourceVersion } = metadata;
      const body = { metadata: { resourceVersion }, spec: { resume: resumes + 1 } };
      return { object: await patchObject(connection, SEQUENTIAL_JOBS, name, body), done: 'resumed' };
    } catch (error) {
      if (!isApiError(error, 'Conflict')) throw error;
      if (conflicts >= MAX_CONFLICTS)
        throw new CommandError('failed', `${qualifiedName(name)} keeps changing: ${error.message}`);
    }
  }
}
