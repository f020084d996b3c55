/** The control plane's own kubectl. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ControlPlane } from './control-plane.ts';

/** Of what kubectl prints: the CustomResourceDefinition with all its versions, as JSON, is more than a mebibyte. */
export const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

export type Kubectl = (...args: readonly string[]) => Promise<string>;

/** Runs kubectl against this control plane. Rejects with kubectl's standard error. */
export function kubectlOf(plane: Pick<ControlPlane, 'binaries' | 'kubeconfig'>): Kubectl {
  const program = join(plane.binaries, 'kubectl');
  // A separate discovery cache: the user's may hold the resources of another cluster that had the same address.
  const flags = [`--kubeconfig=${plane.kubeconfig}`, `--cache-dir=${plane.kubeconfig}.cache`];
  return async (...args) => {
    try {
      const { stdout } = await promisify(execFile)(program, [...flags, ...args], { maxBuffer: MAX_OUTPUT_BYTES });
      return stdout;
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
      throw new Error(said === '' ? String(error) : said, { cause: error });
    }
  };
}
