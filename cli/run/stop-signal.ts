/** The AbortSignal that SIGTERM and SIGINT abort, and waiting for it. */

/** The first SIGTERM or SIGINT aborts the returned signal; the second exits the process immediately with this code. */
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

/** Resolves when the signal is aborted. Keeps a listener on it until then, so use it for few waits at a time. */
export async function untilAborted(signal: AbortSignal): Promise<void> {
  await unlessAborted(signal, Promise.withResolvers<never>().promise);
}

/** Settles as `work` does, or resolves as soon as the signal is aborted; then removes its listener from the signal. */
export async function unlessAborted(signal: AbortSignal, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
