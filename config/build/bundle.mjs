/** Bundles the program into one file, with other modules in the place of some, for a smaller program and a faster start. */
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import standaloneCode from 'ajv/dist/standalone/index.js';
import { build } from 'esbuild';
import { compileResourceSchema, compileScheduleSchema, limitErrorsInCode } from '../../shared/validation/ajv.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The bundle contains ajv's generated code: compiling the schemas at the start took half of the start time and a third of the memory. */
const compiledSchema = {
  name: 'compiled schema',
  setup({ onLoad }) {
    const load = (compile, create) => () => {
      const { ajv, validate } = compile({ source: true, esm: true });
      const contents = `${limitErrorsInCode(standaloneCode.default(ajv, validate))}\nexport const ${create} = () => validate;`;
      return { contents, loader: 'js', resolveDir: ROOT };
    };
    onLoad({ filter: /[\\/]shared[\\/]validation[\\/]validator\.ts$/ }, load(compileResourceSchema, 'createValidator'));
    onLoad(
      { filter: /[\\/]shared[\\/]validation[\\/]schedule-validator\.ts$/ },
      load(compileScheduleSchema, 'createScheduleValidator'),
    );
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
      const options = {
        bundle: true,
        write: false,
        format: 'esm',
        platform: 'node',
        packages: 'external',
        logLevel: 'warning',
      };
      const { outputFiles } = await build({ ...options, entryPoints: [path], plugins: [onlyWhatIsUsed] });
      return { contents: outputFiles[0].text, loader: 'js', resolveDir: dirname(path) };
    });
  },
};

const onlyWhatIsUsed = {
  name: 'only what is used',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, kind, resolveDir }) =>
      kind === 'entry-point' ? undefined : { path: join(resolveDir, path), sideEffects: false },
    );
  },
};

/**
 * Bundles main.ts; the options are esbuild's. Resolves with its metafile: what the bundle is made of. The same sources give the
 * same bytes.
 */
export async function bundle({ plugins = [], ...options }) {
  const { metafile } = await build({
    entryPoints: ['main.ts'],
    absWorkingDir: ROOT,
    bundle: true,
    // Names stay, for stack traces; the text takes memory for as long as the program runs.
    minifyWhitespace: true,
    minifySyntax: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'warning',
    legalComments: 'none',
    plugins: [...plugins, compiledSchema, builtins, kubeconfig, withoutUnused],
    metafile: true,
    ...options,
  });
  return metafile;
}
