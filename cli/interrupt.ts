/** Ctrl-C in a command that runs until something happens: it ends in order, with the exit code of the signal. */

/** 128 and the number of the signal, as a shell has it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

export interface Interrupt {
  /** Aborted by the first SIGINT or SIGTERM. The second one ends the process at once. */
  readonly signal: AbortSignal;
  /** The exit code; undefined before the signal. */
  readonly exitCode: number | undefined;
  /** Stops listening. */
  remove(): void;
}

/** Listens from now on. */
export function interrupts(): Interrupt {
  const stopping = new AbortController();
  let exitCode: number | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    const code = EXIT_CODES[name as keyof typeof EXIT_CODES];
    if (exitCode !== undefined) process.exit(code);
    exitCode = code;
    stopping.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: stopping.signal,
    get exitCode() {
      return exitCode;
    },
    remove: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
