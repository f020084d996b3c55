/** The program as it is released, and Node's options as the Deployment has them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');

export interface Release {
  /** The bundle. */
  readonly program: string;
  readonly nodeOptions: string;
  /** Where compiled code is kept. */
  readonly env: { readonly NODE_COMPILE_CACHE?: string };
}

interface Deployment {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[];
        }[];
      };
    };
  };
}

/** Builds the program into a folder of the benchmark's own. */
export async function buildRelease(folder: string): Promise<Release> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'build.mjs'), folder], { cwd: ROOT });
  const text = await readFile(join(ROOT, 'config/manager/deployment.yaml'), 'utf8');
  const [container] = (parse(text) as Deployment).spec.template.spec.containers;
  const nodeOptions = container?.env?.find(({ name }) => name === 'NODE_OPTIONS')?.value;
  if (nodeOptions === undefined) throw new Error('the Deployment says no NODE_OPTIONS');
  return {
    program: join(folder, 'sequentialjob.mjs'),
    nodeOptions,
    env: { NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
  };
}
