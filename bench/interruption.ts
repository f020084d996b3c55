/** Who stops a benchmark in its midst leaves nothing running: neither what is measured nor the API server. */

type Undo = () => Promise<void>;

const undos = new Set<Undo>();

/** Calls `undo` when the benchmarks are told to end, the newest first. Returns what takes that back. */
export function whenInterrupted(undo: Undo): () => void {
  undos.add(undo);
  return () => undos.delete(undo);
}

/** From now on SIGINT and SIGTERM undo everything and end this process. */
export function heedInterruption(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end());
}

async function end(): Promise<void> {
  // Of what was under way: it has nothing to talk to any more.
  process.on('uncaughtException', () => undefined);
  for (const undo of [...undos].toReversed()) await undo().catch(() => undefined);
  process.exit(1);
}
