/**
 * dist/sbom.cdx.json: what the program is made of, in CycloneDX. npm writes the list of all locked packages; here it is cut to
 * those that are in the bundle (`npm sbom --omit=dev` would leave out what both the program and a tool need), and rid of what
 * differs from one run or folder to the next.
 */
import { createHash } from 'node:crypto';

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

/** A UUID of version 8 (RFC 9562), whose bits are its maker's: those of the content's SHA-256. */
function uuidOf(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0b0011) | 0b1000).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
  return [...parts, hex.slice(20, 32)].join('-');
}

const byRef = (a: Component, b: Component): number => (a['bom-ref'] < b['bom-ref'] ? -1 : 1);

function metadataOf({ component }: Sbom['metadata'], { name, sha256, epoch }: Shipped): Json {
  return {
    timestamp: new Date(epoch * 1000).toISOString(),
    lifecycles: [{ phase: 'build' }],
    // Without npm's version, which is that of the machine.
    tools: [{ vendor: 'npm', name: 'cli' }],
    component: { ...component, type: 'application', name, hashes: [{ alg: 'SHA-256', content: sha256 }] },
  };
}

/**
 * The list of exactly the shipped packages. The same bundle, lock file and time give the same bytes.
 *
 * @throws Error naming the packages that ship and that npm's list does not have.
 */
export function toShippedSbom(all: Sbom, shipped: Shipped): string {
  const { packages } = shipped;
  const components = all.components
    .filter((one) => packages.has(one['bom-ref']))
    .map((one) => Object.assign({}, one, { scope: 'required' }))
    .sort(byRef);
  const found = new Set(components.map((one) => one['bom-ref']));
  const missing = [...packages].filter((one) => !found.has(one));
  if (missing.length > 0) throw new Error(`npm sbom does not know ${missing.join(', ')}`);
  const root = all.metadata.component['bom-ref'];
  const dependencies = all.dependencies
    .filter(({ ref }) => ref === root || packages.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => packages.has(one)).sort() }))
    .sort((a, b) => (a.ref < b.ref ? -1 : 1));
  const { $schema, bomFormat, specVersion } = all;
  const content = { version: 1, metadata: metadataOf(all.metadata, shipped), components, dependencies };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  return `${JSON.stringify({ $schema, bomFormat, specVersion, serialNumber, ...content }, null, 2)}\n`;
}
