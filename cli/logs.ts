/** `sequentialjob logs`: the logs of the steps, in their order. */
import { isApiError } from '../shared/kube/errors.ts';
import { CommandError, explain } from './cluster/command-error.ts';
import type { ClusterFlags, Connection } from './cluster/connect.ts';
import { connectionReport } from './cluster/connection-report.ts';
import { Follower } from './cluster/follow.ts';
import { readLog } from './cluster/log-stream.ts';
import { getSequence, listPods, ofSequence } from './cluster/read.ts';
import { type CommandContext, withConnection } from './command-context.ts';
import { EXIT } from './exit-codes.ts';
import { interrupts } from './interrupt.ts';
import { followLogs } from './logs/follow-logs.ts';
import { linePrinter, type PrintLine } from './logs/printer.ts';
import { ResumePoint } from './logs/resume-point.ts';
import { goneLogs, logSources, type LogSource, stepNames } from './logs/selection.ts';
import type { SequentialJob } from '../shared/api/types.ts';

export interface LogFlags extends ClusterFlags {
  readonly step?: string;
  readonly container?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly timestamps?: boolean;
  /** Default: unless a step is named. */
  readonly prefix?: boolean;
}

/** Resolves with the exit code. Rejects with CommandError. */
export async function logs(name: string, flags: LogFlags, context: CommandContext): Promise<number> {
  return withConnection(flags, context, async (connection) => {
    const object = await getSequence(connection, name);
    const { step, follow = false, prefix = step === undefined, timestamps = false } = flags;
    const names = stepNames(object);
    if (step !== undefined && !names.includes(step)) {
      throw new CommandError('failed', `sequentialjob "${name}" has no step "${step}"; it has ${names.join(', ')}`);
    }
    const print = linePrinter(context.terminal, { hasPrefix: prefix, hasTimestamps: timestamps });
    return follow
      ? followSequence(object, { connection, flags, context, print })
      : printSequence(object, { connection, flags, context, print });
  });
}

interface Run {
  readonly connection: Connection;
  readonly flags: LogFlags;
  readonly context: CommandContext;
  readonly print: PrintLine;
}

async function followSequence(object: SequentialJob, { connection, flags, context, print }: Run): Promise<number> {
  const { terminal } = context;
  const interrupt = interrupts();
  const follower = new Follower(connection, object);
  const report = connectionReport((line) => terminal.error(line));
  const remove = follower.onChange(() => report(follower.isConnected));
  try {
    await followLogs({
      connection,
      follower,
      print,
      note: (text) => terminal.error(text),
      step: flags.step,
      container: flags.container,
      tailLines: flags.tail,
      signal: AbortSignal.any([interrupt.signal, terminal.closed]),
    });
    return interrupt.exitCode ?? EXIT.ok;
  } finally {
    remove();
    await follower.stop();
    interrupt.remove();
  }
}

async function printSequence(object: SequentialJob, run: Run): Promise<number> {
  const { connection, flags, context } = run;
  const { name, uid } = object.metadata;
  const pods = ofSequence(await listPods(connection, name), uid);
  const sources = logSources(object, pods, flags.step);
  const gone = goneLogs(object, pods, flags.step);
  for (const { text } of gone) context.terminal.error(text);
  let hasAll = true;
  for (const source of sources) {
    if (context.terminal.closed.aborted) break;
    hasAll = (await printLog(source, run)) && hasAll;
  }
  if (sources.length === 0 && gone.length === 0) {
    const step = flags.step === undefined ? '' : ` "${flags.step}"`;
    const yet = object.status?.completionTime === undefined ? ' yet' : '';
    context.terminal.error(`no step${step} of ${name} has started${yet}`);
  }
  return hasAll ? EXIT.ok : EXIT.failed;
}

/** False if the log could not be read. Where it is gone, or there is none yet, nothing has failed. */
async function printLog(source: LogSource, { connection, flags, context, print }: Run): Promise<boolean> {
  const { terminal } = context;
  const { pod, label } = source;
  const point = new ResumePoint();
  try {
    const lines = readLog(connection, {
      pod: pod.metadata.name,
      container: flags.container ?? pod.step,
      follow: false,
      tailLines: flags.tail,
      signal: terminal.closed,
    });
    for await (const line of lines) {
      const one = point.accept(line);
      if (one !== undefined) await print(one, source);
    }
    return true;
  } catch (error) {
    if (terminal.closed.aborted) return true;
    const { namespace, server } = connection;
    const explained = explain(error, { verb: 'get', resource: 'pods/log', namespace, server });
    if (!isApiError(error) || error.code === 'Forbidden' || error.code === 'Unauthorized') throw explained;
    const isGone = error.code === 'NotFound';
    terminal.error(isGone ? `Pod ${pod.metadata.name} of ${label} is gone` : `${label}: ${error.message}`);
    // The kubelet refuses with 400 while the container has not started.
    return isGone || error.code === 'BadRequest';
  }
}
