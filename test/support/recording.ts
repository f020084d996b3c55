/** Watch events recorded from a real API server: test/fixtures/recorded, where README.md says what they show. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { API_VERSION, KIND } from '../../shared/api/group.ts';
import { convert } from '../../shared/conversion/index.ts';
import type { Stored } from './fake-api.ts';

const FOLDER = fileURLToPath(new URL('../fixtures/recorded/v1.36.3/watch/', import.meta.url));
const EXTENSION = '.jsonl';

export interface Recorded {
  /** RFC 3339, in whole seconds; never earlier than that of the event before. */
  readonly at: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
}

/** The names of the sequences that were recorded. */
export function recordedSequences(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(EXTENSION))
    .map((file) => file.slice(0, -EXTENSION.length));
}

/**
 * All events of a sequence, its Jobs, its Pods and the Events about them, in the order in which they were written. The sequence
 * was recorded in v1alpha1; it is brought as a server that stores it so would bring it now.
 */
export function recordingOf(sequence: string): readonly Recorded[] {
  const lines = readFileSync(`${FOLDER}${sequence}${EXTENSION}`, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const { at, type, object } = JSON.parse(line) as Recorded;
    return { at, type, object: object.kind === KIND ? (convert(object, API_VERSION) as Stored) : object };
  });
}
