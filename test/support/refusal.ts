import type { CommandResult } from './cluster.ts';

/** What kubectl prints where the API server refuses a SequentialJob with these faults. */
export const refusal = (name: string, ...faults: readonly string[]): CommandResult =>
  refusalOf('SequentialJob', name, ...faults);

/** The same for an object of any kind. */
export function refusalOf(kind: string, name: string, ...faults: readonly string[]): CommandResult {
  const list = faults.length === 1 ? faults[0] : `\n${faults.map((fault) => `* ${fault}`).join('\n')}`;
  return { code: 1, stdout: '', stderr: `The ${kind} "${name}" is invalid: ${list}\n` };
}
