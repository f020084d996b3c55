import { expect } from '@jest/globals';
import type { RawJob } from './cluster.ts';

/** Each Job was created after the one before it had ended. */
export function expectOneAfterAnother(jobs: readonly RawJob[]): void {
  for (const [i, { metadata }] of jobs.entries()) {
    const before = jobs[i - 1];
    if (before === undefined) continue;
    const ended = Date.parse(before.status.completionTime ?? 'never');
    expect(Date.parse(metadata.creationTimestamp)).toBeGreaterThanOrEqual(ended);
  }
}
