// Bundles the program into one file, sequentialjob.mjs, in dist or in the folder of the argument. `make build` and the Dockerfile
// run it. The output is reproducible.
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { compileResourceSchema, limitErrorsInCode } from './shared/validation/ajv.ts';
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

/** The bundle contains ajv's generated code: compiling the schema at the start took half of the start time and a third of the memory. */
const compiledSchema = {
  name: 'compiled schema',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]shared[\\/]validation[\\/]validator\.ts$/ }, () => {
      const { ajv, validate } = compileResourceSchema({ source: true, esm: true });
      const contents = `${limitErrorsInCode(standaloneCode.default(ajv, validate))}\nexport const createValidator = () => validate;`;
      return { contents, loader: 'js', resolveDir: import.meta.dirname };
    });
  },
};

/**
 * Loads Node's own modules lazily, with `process.getBuiltinModule`. An `import` would load them at the start of the program and
 * read all their exports; for `node:http` that loads an HTTP client which nothing here uses (70 ms).
 */
const builtins = {
  name: 'builtins',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /./ }, ({ path, kind }) =>
      isBuiltin(path) && kind === 'import-statement' ? { path, namespace: 'builtin' } : undefined,
    );
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Packages that express loads and nothing here uses: parsers of bodies with the tables of all encodings, a server of files, the
 * content types of all file names. Whoever comes to use them hears so: `express.json` and `express.static` are not there. But
 * express's `type` and `send` would know no content types: answers here set their headers by themselves.
 */
const UNUSED = /^(?:body-parser|serve-static|mime-db)$/;

const withoutUnused = {
  name: 'without what is unused',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: UNUSED }, ({ path }) => ({ path, namespace: 'unused' }));
    onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * Of client-node we use the kubeconfig, by this module. What is imported when it is needed is not rid of what it does not use,
 * as esbuild does with the rest: the classes of all Kubernetes types would be a sixth of the program's text, and 20 ms of its start.
 * So this module is bundled by itself first. Its own modules do nothing but export.
 */
const kubeconfig = {
  name: 'kubeconfig',
  setup({ onLoad }) {
    onLoad({ filter: /@kubernetes[\\/]client-node[\\/]dist[\\/]config\.js$/ }, async ({ path }) => {
      const options = { bundle: true, write: false, format: 'esm', platform: 'node', logLevel: 'warning' };
      const { outputFiles } = await build({ ...options, entryPoints: [path], plugins: [onlyWhatIsUsed] });
      return { contents: outputFiles[0].text, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

const onlyWhatIsUsed = {
  name: 'only what is used',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
      if (kind === 'entry-point' || pluginData === 'resolving') return undefined;
      if (!path.startsWith('.')) return { path, external: true };
      const found = await resolve(path, { kind, importer, resolveDir, pluginData: 'resolving' });
      return { ...found, sideEffects: false };
    });
  },
};

await rm(PROGRAM, { force: true });
const { metafile } = await build({
  entryPoints: ['main.ts'],
  absWorkingDir: import.meta.dirname,
  bundle: true,
  // Names stay, for stack traces; the text takes memory for as long as the program runs.
  minifyWhitespace: !values.readable,
  minifySyntax: !values.readable,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  outfile: PROGRAM,
  logLevel: 'warning',
  legalComments: 'none',
  banner: { js: BANNER },
  plugins: [compiledSchema, builtins, kubeconfig, withoutUnused],
  metafile: true,
});
// The licences of what the bundle is made of, which are to be handed on with it; and for `make sbom` what that is.
const notices = renderNotices(import.meta.dirname, bundledFolders(metafile));
await writeFile(join(FOLDER, 'THIRD-PARTY-NOTICES.txt'), notices);
await writeFile(join(FOLDER, 'metafile.json'), JSON.stringify(metafile));
await chmod(PROGRAM, 0o755);
const { size } = await stat(PROGRAM);
process.stdout.write(`${relative(process.cwd(), PROGRAM)} ${(size / 2 ** 20).toFixed(1)} MiB\n`);
