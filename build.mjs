// `make build` and the Dockerfile: the program as one file, dist/sequentialjob.mjs. The same sources give the same bytes.
import { chmod, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const FOLDER = join(import.meta.dirname, 'dist');
const PROGRAM = join(FOLDER, 'sequentialjob.mjs');

// Modules in CommonJS inside the bundle ask for Node's own by require; an older Node gets one line instead of a stack.
const BANNER = `import { createRequire } from 'node:module';
if (Number.parseInt(process.versions.node) < 24) {
  process.stderr.write(\`sequentialjob: needs Node.js 24 or newer, this is \${process.version}\\n\`);
  process.exit(1);
}
const require = createRequire(import.meta.url);`;

await rm(FOLDER, { recursive: true, force: true });
await build({
  entryPoints: ['main.ts'],
  absWorkingDir: import.meta.dirname,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  outfile: PROGRAM,
  logLevel: 'warning',
  legalComments: 'none',
  banner: { js: BANNER },
});
await chmod(PROGRAM, 0o755);
const { size } = await stat(PROGRAM);
process.stdout.write(`dist/sequentialjob.mjs ${(size / 2 ** 20).toFixed(1)} MiB\n`);
