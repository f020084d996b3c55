/** docs/cli-reference.md: the help of every command, from the commands themselves. */
import type { Command } from 'commander';
import { createProgram } from '../../cli/program.ts';
import { processContext } from '../../cli/command-context.ts';

/** In columns: fits a page of GitHub. */
const WIDTH = 110;

const codeBlock = (text: string): string => `\`\`\`\n${text.trimEnd()}\n\`\`\``;

/** What follows the options in `-h` is text of its own: exit codes are in docs/cli.md. */
const helpOf = (command: Command): string =>
  codeBlock(command.configureHelp({ ...command.configureHelp(), helpWidth: WIDTH }).helpInformation());

/** The page: all commands, then one by one. */
export function renderCliReference(): string {
  const program = createProgram({ ...processContext(), program: 'sequentialjob' }, () => undefined);
  const sections = program.commands.map((command) => `## ${command.name()}\n\n${helpOf(command)}`);
  return `<!-- Written by \`make generate\` from cli/. Edit the commands there. -->

# All commands and flags

[cli.md](cli.md) explains the commands, with their output and exit codes. The flags stand before or behind the command; those of \`run\` stand behind it.

${helpOf(program)}

${sections.join('\n\n')}
`;
}
