/** The manifest of the kubectl plugin for krew: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/ */
import { isMap, isSeq, parseDocument, type YAMLMap } from 'yaml';

export interface Published {
  /** As in package.json, without a `v`. */
  readonly version: string;
  /** The folder of the archives, without a slash at the end. */
  readonly url: string;
  /** SHA-256 of each archive, by its name. */
  readonly sha256: ReadonlyMap<string, string>;
}

/** The comment at the top. */
const ABOUT_THE_TEMPLATE = /^(?:#.*\n)+/;

/**
 * The template with version, addresses and checksums. `uri` of a platform in the template is the archive's name; platforms whose archive
 * is not published are left out.
 *
 * @throws Error for an archive that is no platform's.
 */
export function fillKrewManifest(template: string, { version, url, sha256 }: Published): string {
  const document = parseDocument(template.replace(ABOUT_THE_TEMPLATE, ''));
  document.setIn(['spec', 'version'], `v${version}`);
  const platforms = document.getIn(['spec', 'platforms']);
  if (!isSeq(platforms)) throw new Error('the template has no platforms');
  const missing = new Set(sha256.keys());
  platforms.items = platforms.items.filter((platform): platform is YAMLMap => {
    if (!isMap(platform)) throw new Error('a platform of the template is not an object');
    const archive = String(platform.get('uri'));
    const sum = sha256.get(archive);
    if (sum === undefined) return false;
    missing.delete(archive);
    platform.set('uri', `${url}/${archive}`);
    platform.set('sha256', sum);
    return true;
  });
  if (missing.size > 0) throw new Error(`no platform of the template is ${[...missing].join(', ')}`);
  return document.toString({ lineWidth: 0 });
}
