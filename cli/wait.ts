/** `sequentialjob wait`: until a sequence has ended, by a watch. The exit code says how. */
import { formatSeconds } from '../shared/api/time.ts';
import type { ClusterFlags } from './cluster/connect.ts';
import { connectionReport } from './cluster/connection-report.ts';
import { type Followed, Follower } from './cluster/follow.ts';
import { getSequence } from './cluster/read.ts';
import { type CommandContext, withConnection } from './command-context.ts';
import { RESULT } from './exit-codes.ts';
import { interrupts } from './interrupt.ts';
import { qualifiedName } from './output-format.ts';
import { hasEnded, type SequenceView, toSequenceView } from './status/sequence-view.ts';
import { seconds } from './status/elapsed.ts';

/** Node's timers take no longer time: 24 days. A longer one counts as no limit. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface WaitFlags extends ClusterFlags {
  /** Milliseconds; 0 or absent: no limit. */
  readonly timeout?: number;
}

/** The sequence, and how following it has ended. */
export interface Ending {
  readonly code: number;
  readonly view: SequenceView;
  /** One sentence for people; undefined after Ctrl-C, and if nobody reads. */
  readonly text: string | undefined;
}

/** Called with each state, the last one included. */
export type OnState = (view: SequenceView, followed: Followed) => void;

/** Resolves with the exit code. Rejects with CommandError if the sequence cannot be read. */
export async function wait(name: string, flags: WaitFlags, context: CommandContext): Promise<number> {
  const report = connectionReport((line) => context.terminal.error(line));
  const { code, text } = await followToEnd(name, flags, context, (_, { isConnected }) => report(isConnected));
  if (text === undefined) return code;
  if (code === RESULT.completed) await context.terminal.write(`${text}\n`);
  else context.terminal.error(text);
  return code;
}

/** Follows the sequence until it has ended, was deleted, the time is over, Ctrl-C is pressed or nobody reads the output. */
export async function followToEnd(
  name: string,
  flags: WaitFlags,
  context: CommandContext,
  onState: OnState,
): Promise<Ending> {
  return withConnection(flags, context, async (connection) => {
    const object = await getSequence(connection, name);
    const interrupt = interrupts();
    const { timeout = 0 } = flags;
    const ends = [interrupt.signal, context.terminal.closed];
    const over = timeout > 0 && timeout <= MAX_TIMER_MS ? AbortSignal.timeout(timeout) : undefined;
    const signal = AbortSignal.any(over === undefined ? ends : [...ends, over]);
    const follower = new Follower(connection, object);
    try {
      await follower.ready(signal);
      for (;;) {
        const followed = follower.current;
        const view = toSequenceView(followed.object, followed.pods, context.now());
        onState(view, followed);
        const result = resultOf(view, followed);
        if (result !== undefined) return { ...result, view };
        if (signal.aborted) {
          const isInterrupted = interrupt.exitCode !== undefined || context.terminal.closed.aborted;
          if (isInterrupted) return { code: interrupt.exitCode ?? RESULT.unknown, view, text: undefined };
          return { code: RESULT.timedOut, view, text: timedOutText(view, timeout) };
        }
        await follower.nextChange(signal);
      }
    } finally {
      await follower.stop();
      interrupt.remove();
    }
  });
}

function resultOf(view: SequenceView, { isDeleted }: Followed): Pick<Ending, 'code' | 'text'> | undefined {
  const { name, phase, headline, startedAt, endedAt } = view;
  // The last state of a deleted object may be that it had ended.
  if (hasEnded(view)) {
    if (phase === 'Failed') return { code: RESULT.failed, text: `${qualifiedName(name)} failed: ${headline}` };
    const took =
      startedAt === undefined || endedAt === undefined ? '' : ` in ${formatSeconds(seconds(startedAt, endedAt))}`;
    return { code: RESULT.completed, text: `${qualifiedName(name)} completed${took}` };
  }
  return isDeleted
    ? { code: RESULT.unknown, text: `${qualifiedName(name)} was deleted before it had ended` }
    : undefined;
}

const timedOutText = ({ name, phase, headline }: SequenceView, timeoutMs: number): string =>
  `timed out after ${formatSeconds(Math.round(timeoutMs / 1000))}: ${qualifiedName(name)} is ${phase}: ${headline}`;
