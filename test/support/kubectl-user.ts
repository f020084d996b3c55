/** A user of kubectl who reads and writes one API version. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import jsonpatch from 'fast-json-patch';
import { parse, stringify } from 'yaml';
import { GROUP, PLURAL } from '../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../shared/api/types.ts';
import { type CommandResult, tryKubectlEdit } from './cluster.ts';
import { v1alpha1Manifest } from './v1alpha1.ts';
import type { Manifest } from './manifests.ts';
import type { Namespace } from './namespace.ts';
import { manifest } from './sequences.ts';

export const VERSIONS = ['v1alpha1', 'v1beta1'] as const;
export type Version = (typeof VERSIONS)[number];

export const otherThan = (version: Version): Version => (version === 'v1beta1' ? 'v1alpha1' : 'v1beta1');

/** A change of a value, as text in the YAML of either version. */
export interface Change {
  readonly from: string;
  readonly to: string;
}

export const changed = <T>(value: T, { from, to }: Change): T => parse(stringify(value).replaceAll(from, to)) as T;

/** The file of a user of this version. */
export const fileIn = (version: Version, name: string, spec: SequentialJobSpec): Manifest =>
  version === 'v1alpha1' ? v1alpha1Manifest(name, spec) : manifest(name, spec);

const DEPRECATED = /^Warning: \S+ SequentialJob is deprecated; use .*\n/gm;
/** kubectl apply says so once of an object that was created in another way. */
const NO_ANNOTATION = /^Warning: resource \S+ is missing the .*\n/gm;

interface Served extends Manifest {
  readonly metadata: Manifest['metadata'] & { readonly generation: number };
  readonly spec: object;
  readonly status: object;
}

export class KubectlUser {
  readonly version: Version;
  /** The name of the resource with its version. */
  readonly resource: string;
  readonly #namespace: Namespace;
  readonly #folder: string;

  /** `folder`: of this machine, for the files of the editor. */
  constructor(version: Version, namespace: Namespace, folder: string) {
    this.version = version;
    this.resource = `${PLURAL}.${version}.${GROUP}`;
    this.#namespace = namespace;
    this.#folder = folder;
  }

  /** Runs kubectl in the namespace; leaves out the warnings of the version and of a missing annotation. */
  async run(args: readonly string[], ...objects: readonly object[]): Promise<CommandResult> {
    return withoutWarnings(await this.#namespace.kubectl(args, ...objects));
  }

  /** Runs a command with the user's file. */
  async send(command: string, name: string, spec: SequentialJobSpec): Promise<CommandResult> {
    return this.run([...command.split(' '), '-f', '-'], fileIn(this.version, name, spec));
  }

  async read(name: string): Promise<Served> {
    const { code, stdout, stderr } = await this.run(['get', this.resource, name, '-o', 'json']);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Served;
  }

  /** What is read, with a change, is put back. */
  async replace(name: string, change: Change): Promise<CommandResult> {
    const read = await this.read(name);
    return this.run(['replace', '-f', '-'], { ...read, spec: changed(read.spec, change) });
  }

  async mergePatch(name: string, spec: SequentialJobSpec): Promise<CommandResult> {
    return this.#patch(name, 'merge', { spec: fileIn(this.version, name, spec)['spec'] });
  }

  async jsonPatch(name: string, change: Change): Promise<CommandResult> {
    const { spec } = await this.read(name);
    return this.#patch(name, 'json', jsonpatch.compare({ spec }, { spec: changed(spec, change) }));
  }

  #patch(name: string, type: string, patch: unknown): Promise<CommandResult> {
    return this.run(['patch', this.resource, name, `--type=${type}`, `-p=${JSON.stringify(patch)}`]);
  }

  /** What is refused kubectl writes into the file that the editor gets next: it is added to standard error here. */
  async edit(name: string, { from, to }: Change): Promise<CommandResult> {
    const [editor, seen] = [join(this.#folder, 'editor.sh'), join(this.#folder, 'seen')];
    await writeFile(editor, `#!/bin/sh\nsed -i 's|${from}|${to}|' "$1"\ncp "$1" ${seen}\n`, { mode: 0o755 });
    const args = ['-n', this.#namespace.name, this.resource, name];
    const said = withoutWarnings(await tryKubectlEdit(args, editor, this.#folder));
    return said.code === 0 ? said : { ...said, stderr: `${said.stderr}${await readFile(seen, 'utf8')}` };
  }
}

const withoutWarnings = ({ stderr, ...rest }: CommandResult): CommandResult => ({
  ...rest,
  stderr: stderr.replace(DEPRECATED, '').replace(NO_ANNOTATION, ''),
});
