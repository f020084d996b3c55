/** Which packages are in the program, as esbuild says: the notices and the list of components are of exactly these. */

/** The part of esbuild's metafile that is read here. */
export interface Metafile {
  readonly outputs: Readonly<Record<string, { readonly inputs: Readonly<Record<string, unknown>> }>>;
}

const PACKAGE = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/;

/** The folders of the packages whose modules are in the bundle, as in the lock file (`node_modules/ajv`), sorted. */
export function bundledFolders({ outputs }: Metafile): readonly string[] {
  const modules = Object.values(outputs).flatMap(({ inputs }) => Object.keys(inputs));
  const folders = modules.map((path) => PACKAGE.exec(path)?.[0]).filter((folder) => folder !== undefined);
  return [...new Set(folders)].sort();
}
