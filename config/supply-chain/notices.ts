/**
 * THIRD-PARTY-NOTICES.txt: the licences of what the program is made of beside our own sources. MIT, ISC, BSD and Apache-2.0
 * all ask for their text and the names of the authors with every copy, and a bundle has neither.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const LICENCE_FILE = /^(?:licen[cs]e|unlicense|copying|notice)/i;
const RULE = '='.repeat(80);

const HEADING = `The program sequentialjob contains the following packages. Each is under the licence that stands with it.
`;

function noticeOf(root: string, folder: string): string {
  const path = join(root, folder);
  const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as Readonly<
    Record<'name' | 'version' | 'license', string>
  >;
  const texts = readdirSync(path)
    .filter((file) => LICENCE_FILE.test(file))
    .sort()
    .map((file) => readFileSync(join(path, file), 'utf8').replaceAll('\r\n', '\n').trim());
  if (texts.length === 0) throw new Error(`${folder} has no file with its licence, which has to be shipped with it`);
  return [RULE, `${name} ${version} (${license})`, RULE, '', texts.join('\n\n'), ''].join('\n');
}

/**
 * The text for the packages of these folders, a package that is installed twice once. The same packages give the same text.
 *
 * @throws Error for a package without a file that has its licence.
 */
export function renderNotices(root: string, folders: readonly string[]): string {
  const notices = new Set(folders.map((folder) => noticeOf(root, folder)));
  return [HEADING, ...[...notices].sort()].join('\n');
}
