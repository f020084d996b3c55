/** The release bundle, with the environment variables of the Deployment. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');

export interface Release {
  /** The bundle's file. */
  readonly program: string;
  readonly nodeOptions: string;
  /** The Deployment's other variables, with the compile cache in the folder of the bundle. */
  readonly env: Readonly<Record<string, string>>;
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

/** Builds the release bundle into the folder. */
export async function buildRelease(folder: string): Promise<Release> {
  await promisify(execFile)(process.execPath, [join(ROOT, 'build.mjs'), folder], { cwd: ROOT });
  const text = await readFile(join(ROOT, 'config/manager/deployment.yaml'), 'utf8');
  const [container] = (parse(text) as Deployment).spec.template.spec.containers;
  const variables = (container?.env ?? []).map(({ name, value = '' }) => [name, value] as const);
  const { NODE_OPTIONS: nodeOptions, ...env } = Object.fromEntries<string>(variables);
  if (nodeOptions === undefined) throw new Error('the Deployment does not set NODE_OPTIONS');
  return {
    program: join(folder, 'sequentialjob.mjs'),
    nodeOptions,
    env: { ...env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
  };
}
