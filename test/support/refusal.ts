import type { CommandResult } from './cluster.ts';

/** What kubectl prints where the API server refuses a SequentialJob with these faults. */
export function refusal(name: string, ...faults: readonly string[]): CommandResult {
  const list = faults.length === 1 ? faults[0] : `\n${faults.map((fault) => `* ${fault}`).join('\n')}`;
  return { code: 1, stdout: '', stderr: `The SequentialJob "${name}" is invalid: ${list}\n` };
}
