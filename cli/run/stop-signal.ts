/** How the program is told to end. */

/** Aborted by the first SIGTERM or SIGINT; the second ends the process as it is, with this code. */
export function stopSignal(exitCode: number): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(exitCode);
      stopping.abort();
    });
  }
  return stopping.signal;
}

/** Resolves when the signal is aborted. Keeps a listener on it until then: for waits of which a process has few. */
export async function aborted(signal: AbortSignal): Promise<void> {
  await unlessAborted(signal, Promise.withResolvers<never>().promise);
}

/** Resolves or rejects as `work` does, or resolves as soon as the signal is aborted; leaves nothing behind on the signal. */
export async function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
