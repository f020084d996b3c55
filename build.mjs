// Bundles the program into one file, sequentialjob.mjs, in dist or in the folder of the argument. `make build` and the Dockerfile
// run it. The output is reproducible.
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle } from './config/build/bundle.mjs';
import { bundledFolders } from './config/supply-chain/bundled.ts';
import { renderNotices } from './config/supply-chain/notices.ts';

// --readable: keep white space, and comments with the name of each module.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { readable: { type: 'boolean', default: false } },
});
const FOLDER = resolve(positionals[0] ?? join(import.meta.dirname, 'dist'));
const PROGRAM = join(FOLDER, 'sequentialjob.mjs');

// CommonJS modules in the bundle load Node's modules with `require`. An older Node prints one line instead of a stack trace.
const BANNER = `import { createRequire } from 'node:module';
if (Number.parseInt(process.versions.node) < 24) {
  process.stderr.write(\`sequentialjob: needs Node.js 24 or newer, this is \${process.version}\\n\`);
  process.exit(1);
}
const require = createRequire(import.meta.url);`;

await rm(PROGRAM, { force: true });
const metafile = await bundle({
  minifyWhitespace: !values.readable,
  minifySyntax: !values.readable,
  outfile: PROGRAM,
  banner: { js: BANNER },
});
// The licences of what the bundle is made of, which are to be handed on with it; and for `make sbom` what that is.
const notices = renderNotices(import.meta.dirname, bundledFolders(metafile));
await writeFile(join(FOLDER, 'THIRD-PARTY-NOTICES.txt'), notices);
await writeFile(join(FOLDER, 'metafile.json'), JSON.stringify(metafile));
await chmod(PROGRAM, 0o755);
const { size } = await stat(PROGRAM);
process.stdout.write(`${relative(process.cwd(), PROGRAM)} ${(size / 2 ** 20).toFixed(1)} MiB\n`);
