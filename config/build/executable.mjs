/**
 * The commands for people as the program of a single-executable application: https://nodejs.org/docs/latest-v24.x/api/single-executable-applications.html
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './bundle.mjs';
import { lockedNode } from './node-binary.ts';

const ROOT = join(import.meta.dirname, '../..');
/** The file of the program in its folder. */
export const PROGRAM = 'sequentialjob.cjs';
const CONFIG = 'sea.json';
const BLOB = 'sea.blob';

/**
 * The operator is not in the executable: its webhook loads the program's file a second time, as a worker thread, which Node cannot do from
 * an executable, and it would be a fifth of the text that each start reads.
 */
const OPERATOR = /[\\/]cli[\\/]run[\\/]index\.ts$|[\\/]webhook[\\/]evaluation-worker\.ts$/;
const NO_OPERATOR = `
import { ConfigError } from './cli/run/config.ts';
export async function run() {
  throw new ConfigError(['this executable has only the commands for people and for manifests: run the operator from its image, or from dist/sequentialjob.mjs with Node.js 24']);
}
export const evaluateReviews = run;
`;

const withoutOperator = {
  name: 'without the operator',
  setup({ onLoad }) {
    onLoad({ filter: OPERATOR }, () => ({ contents: NO_OPERATOR, loader: 'js', resolveDir: ROOT }));
  },
};

/**
 * Writes the program into the folder, and resolves with esbuild's metafile. It is CommonJS, the only format of such applications in Node 24;
 * the function around it is for main.ts's `await`.
 */
export const bundleProgram = (folder) =>
  bundle({
    outfile: join(folder, PROGRAM),
    plugins: [withoutOperator],
    define: { 'import.meta.url': '"node:sea"' },
    banner: { js: '(async () => {' },
    footer: { js: '})();' },
  });

/**
 * What Node's binary for this kind of processor gets, from the program in the folder.
 *
 * V8's code cache saves about 45 ms of each start: a sixth of `status`, nearly half of `version` (docs/cli.md). It is for the processor that
 * made it only; on another one a warning would be printed at each start. A snapshot of the heap is not possible: Node 24 refuses one with its
 * HTTP parser in it.
 *
 * @throws Error if this Node is not the locked one: it would not know what this Node writes.
 */
export function blobFor(arch, folder) {
  const { version } = lockedNode(ROOT, arch);
  if (process.versions.node !== version) throw new Error(`needs Node ${version}, this is ${process.versions.node}`);
  const config = {
    main: PROGRAM,
    output: BLOB,
    disableExperimentalSEAWarning: true,
    useCodeCache: process.arch === arch,
    // Options for other Node programs do not concern this one.
    execArgvExtension: 'none',
  };
  writeFileSync(join(folder, CONFIG), JSON.stringify(config));
  // The fixed seed of V8's hash tables makes the code cache reproducible, relative paths make the rest so.
  const { status, stderr, error } = spawnSync(
    process.execPath,
    ['--random-seed=1', `--experimental-sea-config`, CONFIG],
    {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '' },
      encoding: 'utf8',
    },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(stderr);
  return readFileSync(join(folder, BLOB));
}
