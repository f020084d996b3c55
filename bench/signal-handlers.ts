/** Cleans up when a signal interrupts the benchmarks, so that neither measured processes nor the API server keep running. */

type Cleanup = () => Promise<void>;

const cleanups = new Set<Cleanup>();

/** Registers a cleanup for SIGINT and SIGTERM; the newest runs first. Returns a function that removes it. */
export function cleanUpOnSignal(undo: Cleanup): () => void {
  cleanups.add(undo);
  return () => cleanups.delete(undo);
}

/** SIGINT and SIGTERM run all cleanups and exit this process. */
export function installSignalHandlers(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cleanUpAndExit());
}

async function cleanUpAndExit(): Promise<void> {
  // The running measurement fails because its server is stopped: ignore its errors.
  process.on('uncaughtException', () => undefined);
  for (const undo of [...cleanups].toReversed()) await undo().catch(() => undefined);
  process.exit(1);
}
