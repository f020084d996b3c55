/** The commands that read manifests: their arguments, flags and help. */
import { type Argument, type Command, Option } from 'commander';
import type { ConvertVersion } from './convert.ts';
import type { LintFlags } from './lint.ts';
import { ofKind, withoutGlobalOptions } from './program-spec.ts';
import type { Io } from './stdio.ts';

const FORMATS: readonly LintFlags['format'][] = ['text', 'json'];
/** The first one is the default. */
const VERSIONS: readonly ConvertVersion[] = ['v1beta1', 'v1alpha1'];

export interface ManifestCommands {
  /** Adds a command with this name and description. */
  readonly add: (name: string, description: string) => Command;
  /** Called with the exit code of the command that ran. */
  readonly done: (code: number) => void;
  /** The files and streams; called by a command that runs. */
  readonly io: () => Io;
}

export function addManifestCommands({ add, done, io }: ManifestCommands): void {
  const lint = add('lint', 'validate manifests as the webhook does, with line numbers');
  lint
    .addArgument(file(lint, '<FILE...>', 'files with manifests; - is standard input'))
    .addOption(new Option('--format <format>', 'text, or JSON for programs').choices(FORMATS).default(FORMATS[0]))
    .addOption(new Option('--server', 'also send a dry run to the cluster'))
    .action(async (files: readonly string[], _, self: Command) => {
      const { lint: run } = await import('./lint.ts');
      done(await run(files, self.optsWithGlobals<LintFlags>(), io()));
    });
  const render = withoutGlobalOptions(add('render', 'print the Jobs that the operator would create, as YAML'));
  render.addArgument(oneFile(render)).action(async (name: string) => {
    const { render: run } = await import('./render.ts');
    done(await run(name, io()));
  });
  const convert = withoutGlobalOptions(
    add('convert', 'write the SequentialJobs of a file in another API version, and all else as it is'),
  );
  convert
    .addArgument(oneFile(convert))
    .addOption(new Option('--to <version>', 'the API version').choices(VERSIONS).default(VERSIONS[0]))
    .action(async (name: string, { to }: { readonly to: ConvertVersion }) => {
      const { convertFile } = await import('./convert.ts');
      done(await convertFile(name, to, io()));
    });
}

const file = (command: Command, name: string, description: string): Argument =>
  ofKind(command.createArgument(name, description), 'file');

const oneFile = (command: Command): Argument => file(command, '<FILE>', 'a file with manifests; - is standard input');
