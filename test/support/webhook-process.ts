/** The role `webhook` as a process, with a folder for its certificate and no way to any cluster. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, jest } from '@jest/globals';
import { type Authority, createAuthority, writePair } from './certificates.ts';
import { Operator } from './operator.ts';

export interface WebhookProcesses {
  /** Who signs its certificates. */
  readonly authority: Authority;
  /** Its `--cert-dir`: a test's own, empty at its beginning. */
  readonly folder: string;
  /** Puts a new certificate into the folder. */
  issue(): Promise<void>;
  /** Starts one, on a free port unless told otherwise, without waiting for anything. It ends with its test. */
  spawn(...more: readonly string[]): Operator;
}

/** Call it where `beforeAll` may stand. */
export function webhookProcesses(): WebhookProcesses {
  let authority: Authority;
  let folder: string;

  // A process takes a second to start, and several on a busy machine.
  jest.setTimeout(120_000);

  beforeAll(async () => {
    authority = await createAuthority();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sequentialjob-webhook-'));
  });
  afterEach(async () => {
    await Operator.endAll();
    await rm(folder, { recursive: true });
  });

  return {
    get authority() {
      return authority;
    },
    get folder() {
      return folder;
    },
    issue: async () => writePair(folder, await authority.issue()),
    spawn: (...more) =>
      Operator.spawn(
        ['run', '--role=webhook', '--webhook-host=127.0.0.1', '--webhook-port=0', `--cert-dir=${folder}`, ...more],
        { KUBECONFIG: '/nowhere', HOME: '/nowhere' },
      ),
  };
}
