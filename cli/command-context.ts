/** What a command for people is given: the terminal, the clock, and how the user called it. */
import type { ClusterFlags, Connection } from './cluster/connect.ts';
import type { Invocation } from './status/next-commands.ts';
import { processTerminal, type Terminal } from './terminal.ts';

export interface CommandContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** `sequentialjob` or `kubectl sequentialjob` */
  readonly program: string;
}

/** Of this process. kubectl runs its plugins by their file names. */
export function processContext(): CommandContext {
  const isPlugin = /(^|[/\\])kubectl-sequentialjob(\.\w+)?$/.test(process.argv[1] ?? '');
  return {
    terminal: processTerminal(),
    env: process.env,
    now: () => Date.now(),
    program: isPlugin ? 'kubectl sequentialjob' : 'sequentialjob',
  };
}

/** Runs a command with a connection, which is closed at the end. Only then the modules of connections are loaded. */
export async function withConnection<T>(
  flags: ClusterFlags,
  { env }: CommandContext,
  command: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { connect } = await import('./cluster/connect.ts');
  const connection = connect(flags, env);
  try {
    return await command(connection);
  } finally {
    await connection.close();
  }
}

/** For the commands that are suggested next. */
export const invocationOf = ({ context, kubeconfig }: ClusterFlags, { program }: CommandContext): Invocation => ({
  program,
  clusterFlags: [
    ...(context === undefined ? [] : [`--context=${context}`]),
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
  ],
});
