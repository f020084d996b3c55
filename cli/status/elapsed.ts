/** Durations as they are shown. Pure. */

/** Whole seconds, never negative: clocks differ. Both are Unix milliseconds. */
export const seconds = (from: number, to: number): number => Math.max(0, Math.round((to - from) / 1000));
