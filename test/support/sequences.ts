/** Small sequences for tests with Pods that run: quick shell commands. */
import type { Container, SequentialJobSpec } from '../../shared/api/types.ts';

/** Runs until it is told to stop, and then does: as process 1 of a container a plain sleep would not. */
export const FOREVER = 'trap "exit 143" TERM; sleep 600 & wait $!';

export function step(name: string, script = 'true'): Container {
  return { name, image: 'busybox:1.36', command: ['sh', '-c', script] };
}

/** Steps s0, s1, … that succeed, but for those with a script of their own. */
export function sequence(
  count: number,
  scripts: Readonly<Record<number, string>> = {},
  more: Partial<SequentialJobSpec> = {},
): SequentialJobSpec {
  return { containers: Array.from({ length: count }, (_, i) => step(`s${i}`, scripts[i])), backoffLimit: 0, ...more };
}
