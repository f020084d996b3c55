/**
 * The generated files, which are committed: `node config/generate/main.ts` writes them, with `--check` it fails when one
 * differs. A further artifact is one more entry.
 */
import { CRD, toYaml } from './crd.ts';
import { RESOURCE_SCHEMA } from './resource-schema.ts';
import { renderStateMachine } from './state-machine.ts';

export interface Artifact {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string;
  /** Gives the whole text. It depends on nothing but the sources and the locked dependencies. */
  readonly render: () => string;
}

const BANNER = '# Written by `make generate` from config/generate/. Do not edit.\n';

export const ARTIFACTS: readonly Artifact[] = [
  { path: 'shared/api/schema.generated.json', render: () => `${JSON.stringify(RESOURCE_SCHEMA, null, 1)}\n` },
  { path: 'config/crd/batch.example.com_sequentialjobs.yaml', render: () => BANNER + toYaml(CRD) },
  { path: 'docs/state-machine.md', render: renderStateMachine },
];
