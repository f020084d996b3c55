/**
 * What the newer world can do and the product does not stand yet, by the number of the finding. Each of these powers is
 * off in the random worlds, and `model-stories.test.ts` shows that the model sees the fault as soon as one is on. A fault
 * that is mended goes off this list, and its power is on for good.
 */
export const KNOWN_GAPS = {
  C3: 'A Pod that somebody deletes is replaced while it runs: our Jobs have no podReplacementPolicy.',
} as const;

export type Gap = keyof typeof KNOWN_GAPS;
