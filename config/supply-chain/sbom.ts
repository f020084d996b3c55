/**
 * dist/sbom.cdx.json: what the program is made of, in CycloneDX. npm writes the list of all locked packages; here it is cut to
 * those that are in the bundle, bound to the program's file, and rid of what differs from one run or folder to the next.
 * `npm sbom --omit=dev` lists half as many packages again, and leaves out what a tool needs, too. `@cyclonedx/cyclonedx-esbuild`
 * 1.4 has no checksums, takes each of Node's own modules for a component, and brings 28 packages.
 */
type Json = Readonly<Record<string, unknown>>;

interface Component extends Json {
  readonly 'bom-ref': string;
}

/** The part of npm's list that is read here. */
export interface Sbom extends Json {
  readonly metadata: Json & { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

export interface Shipped {
  /** The name in package.json: npm takes that of the folder. */
  readonly name: string;
  /** `name@version` of each package in the bundle. */
  readonly packages: ReadonlySet<string>;
  /** Of the program's file, so that it can be told which one this is the list of. */
  readonly sha256: string;
  /** Seconds since 1970: SOURCE_DATE_EPOCH, the time of the commit. */
  readonly epoch: number;
}

/**
 * The list of exactly the shipped packages. The same bundle, lock file and time give the same bytes.
 *
 * @throws Error naming the packages that ship and that npm's list does not have.
 */
export function toShippedSbom(all: Sbom, { name, packages, sha256, epoch }: Shipped): Sbom {
  const components = all.components
    .filter((one) => packages.has(one['bom-ref']))
    .map((one) => Object.assign({}, one, { scope: 'required' }, nodeCpe(one['bom-ref'])));
  const found = new Set(components.map((one) => one['bom-ref']));
  const missing = [...packages].filter((one) => !found.has(one));
  if (missing.length > 0) throw new Error(`npm sbom does not know ${missing.join(', ')}`);
  const root = all.metadata.component;
  const dependencies = all.dependencies
    .filter(({ ref }) => ref === root['bom-ref'] || packages.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => packages.has(one)) }));
  // Without npm's version, which is that of the machine, and without a serial number, which would be random.
  const metadata = {
    timestamp: new Date(epoch * 1000).toISOString(),
    lifecycles: [{ phase: 'build' }],
    component: { ...root, type: 'application', name, hashes: [{ alg: 'SHA-256', content: sha256 }] },
  };
  const { $schema, bomFormat, specVersion, version } = all;
  return { $schema, bomFormat, specVersion, version, metadata, components, dependencies };
}

/** The name under which vulnerabilities of Node are published: scanners do not know it under the name of npm's package (ADR 5). */
function nodeCpe(ref: string): Json {
  const version = /^node-linux-[a-z0-9]+@(.+)$/.exec(ref)?.[1];
  return version === undefined ? {} : { cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*` };
}
