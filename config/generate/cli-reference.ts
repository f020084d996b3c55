/** docs/cli-reference.md: the help of every command, from the commands themselves. */
import { createProgram } from '../../cli/program.ts';
import { usage } from '../../cli/usage.ts';
import { processContext } from '../../cli/command-context.ts';

/** In columns: fits a page of GitHub. */
const WIDTH = 110;

const codeBlock = (text: string): string => `\`\`\`\n${text.trimEnd()}\n\`\`\``;

/** The page. The commands for people one by one, then what `sequentialjob help` prints. */
export function renderCliReference(): string {
  const program = createProgram({ ...processContext(), program: 'sequentialjob' }, () => undefined);
  const sections = program.commands
    .filter((command) => !command.name().startsWith('_'))
    .map((command) => {
      // What follows the options in `-h` is text of its own; exit codes are in docs/cli.md.
      const help = command.configureHelp({ showGlobalOptions: true, helpWidth: WIDTH }).helpInformation();
      return `## ${command.name()}\n\n${codeBlock(help)}`;
    });
  return `<!-- Written by \`make generate\` from cli/. Edit the commands there. -->

# All commands and flags

[cli.md](cli.md) explains the commands, with their output and exit codes. The flags stand before or behind the command.

${sections.join('\n\n')}

## lint, render, convert, run

${codeBlock(usage())}
`;
}
