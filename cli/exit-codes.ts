/** The exit codes of the commands for people. */

/** Of commands that do one thing. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 2 } as const;

/** Of `wait` and `watch`, whose exit code is the result of the sequence. */
export const RESULT = { completed: 0, failed: 1, timedOut: 2, unknown: 3 } as const;
