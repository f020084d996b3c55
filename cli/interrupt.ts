/** Ctrl-C in a command that runs until something happens: it ends in order, with the exit code of the signal. */

/** 128 and the number of the signal, as a shell has it. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export interface Interrupt {
  /** Aborted by the first SIGINT or SIGTERM. The second one ends the process at once. */
  readonly signal: AbortSignal;
  /** The exit code; undefined before the signal. */
  readonly exitCode: number | undefined;
}

/** Listens from now on. */
export function interrupts(): Interrupt {
  const stopping = new AbortController();
  let exitCode: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (exitCode !== undefined) process.exit(EXIT_CODES[name]);
      exitCode = EXIT_CODES[name];
      stopping.abort();
    });
  }
  return {
    signal: stopping.signal,
    get exitCode() {
      return exitCode;
    },
  };
}
