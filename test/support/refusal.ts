import { isApiError } from '../../shared/kube/errors.ts';
import type { CommandResult } from './cluster.ts';

/** What kubectl prints where the API server refuses a SequentialJob with these faults. */
export const refusal = (name: string, ...faults: readonly string[]): CommandResult =>
  refusalOf('SequentialJob', name, ...faults);

/** The same for an object of any kind. */
export function refusalOf(kind: string, name: string, ...faults: readonly string[]): CommandResult {
  const list = faults.length === 1 ? faults[0] : `\n${faults.map((fault) => `* ${fault}`).join('\n')}`;
  return { code: 1, stdout: '', stderr: `The ${kind} "${name}" is invalid: ${list}\n` };
}

/**
 * The fields that the API server refuses, without indexes in lists, which older servers leave out; none where it accepts
 * the object.
 */
export async function fieldsRefused(send: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await send();
    return [];
  } catch (error) {
    if (!isApiError(error, 'Invalid', 'BadRequest')) throw error;
    const fields = error.causes.map(({ field = '' }) => field.replaceAll(/\[\d+\]/g, ''));
    return fields.length === 0 ? ['unknown'] : fields;
  }
}
