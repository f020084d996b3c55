// `make build` and the Dockerfile: the program as one file, dist/sequentialjob.mjs, or in the folder that is named.
// The same sources give the same bytes.
import { chmod, rm, stat, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { compileResourceSchema, limitErrorsInCode } from './shared/validation/ajv.ts';
import { bundledFolders } from './config/supply-chain/bundled.ts';
import { renderNotices } from './config/supply-chain/notices.ts';

// --readable: with its white space, and comments that say which module begins where.
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { readable: { type: 'boolean', default: false } },
});
const FOLDER = resolve(positionals[0] ?? join(import.meta.dirname, 'dist'));
const PROGRAM = join(FOLDER, 'sequentialjob.mjs');

// Modules in CommonJS inside the bundle ask for Node's own by require; an older Node gets one line instead of a stack.
const BANNER = `import { createRequire } from 'node:module';
if (Number.parseInt(process.versions.node) < 24) {
  process.stderr.write(\`sequentialjob: needs Node.js 24 or newer, this is \${process.version}\\n\`);
  process.exit(1);
}
const require = createRequire(import.meta.url);`;

/** Compiling the schema took half of the start and a third of the memory: the release has the code that ajv writes. */
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
 * Node's own modules are loaded by the modules that need them, and as they are. An `import` loads them at the start of the
 * program, and reads all that they export: with `node:http` that is an HTTP client which nothing here uses (70 ms).
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
 * Of client-node we use the kubeconfig and authentication, which need two of the names that its generated part exports. The
 * rest are classes of all Kubernetes types: a fifth of the program's text, and memory of a process that never uses them.
 */
const clientNodeParts = {
  name: 'parts of client-node',
  setup({ onLoad }) {
    onLoad({ filter: /client-node[\\/]dist[\\/]gen[\\/]index\.js$/ }, ({ path }) => ({
      contents:
        "export { createConfiguration } from './configuration.js'; export { ServerConfiguration } from './servers.js';",
      resolveDir: dirname(path),
    }));
  },
};

/**
 * What the libraries load and nothing here uses: more than a third of the text, 7 MB of each process, and 40 ms of its start.
 * Whoever comes to use it hears so: the build fails for a name of undici that is not here, a call of a parser does. But
 * express's `type` and `send` would know no content types: answers here set their headers by themselves.
 */
const UNUSED = [
  {
    filter: /[\\/]undici[\\/]index\.js$/,
    contents: `
      import Dispatcher from './lib/dispatcher/dispatcher.js';
      import api from './lib/api/index.js';
      Object.assign(Dispatcher.prototype, api);
      export { Dispatcher };
      export { default as Agent } from './lib/dispatcher/agent.js';
      export { default as ProxyAgent } from './lib/dispatcher/proxy-agent.js';
      export { default as Socks5ProxyAgent } from './lib/dispatcher/socks5-proxy-agent.js';
      export const fetch = () => { throw new Error('build.mjs leaves fetch out'); };`,
  },
  // Express's parsers of bodies, with the tables of all encodings, and its server of files.
  { filter: /[\\/]body-parser[\\/]index\.js$/, contents: 'module.exports = {};' },
  { filter: /[\\/]serve-static[\\/]index\.js$/, contents: 'module.exports = undefined;' },
  // Which content type a file name has.
  { filter: /[\\/]mime-db[\\/]db\.json$/, contents: 'module.exports = {};' },
];

const withoutUnused = {
  name: 'without what is unused',
  setup({ onLoad }) {
    for (const { filter, contents } of UNUSED) {
      onLoad({ filter }, ({ path }) => ({ contents, loader: 'js', resolveDir: dirname(path) }));
    }
  },
};

await rm(PROGRAM, { force: true });
const { metafile } = await build({
  entryPoints: ['main.ts'],
  absWorkingDir: import.meta.dirname,
  bundle: true,
  // Names stay, for stack traces; the text takes memory for as long as the program runs.
  minifyWhitespace: !values.readable,
  platform: 'node',
  format: 'esm',
  target: 'node24',
  outfile: PROGRAM,
  logLevel: 'warning',
  legalComments: 'none',
  banner: { js: BANNER },
  plugins: [compiledSchema, builtins, clientNodeParts, withoutUnused],
  metafile: true,
});
// The licences of what the bundle is made of, which are to be handed on with it; and for `make sbom` what that is.
const notices = renderNotices(import.meta.dirname, bundledFolders(metafile));
await writeFile(join(FOLDER, 'THIRD-PARTY-NOTICES.txt'), notices);
await writeFile(join(FOLDER, 'metafile.json'), JSON.stringify(metafile));
await chmod(PROGRAM, 0o755);
const { size } = await stat(PROGRAM);
process.stdout.write(`${relative(process.cwd(), PROGRAM)} ${(size / 2 ** 20).toFixed(1)} MiB\n`);
