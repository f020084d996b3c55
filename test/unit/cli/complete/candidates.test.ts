/** What may stand at the end of an unfinished command line. */
import { describe, expect, it } from '@jest/globals';
import { candidatesFor, type Candidates } from '../../../../cli/complete/candidates.ts';
import { createProgram } from '../../../../cli/program.ts';
import { specOf } from '../../../../cli/program-spec.ts';
import { MemoryTerminal } from '../../../support/memory-terminal.ts';

const context = { terminal: new MemoryTerminal(), env: {}, now: () => 0, program: 'sequentialjob' };
const PROGRAM = specOf(createProgram(context, () => undefined));

/** The texts, or the kind with the word and what is known. */
function shown(candidates: Candidates): string {
  if (candidates.kind === 'fixed') return candidates.candidates.map(({ text }) => text).join(' ');
  const { kind, prefix, word, flags, given } = candidates;
  const known = [...Object.entries(flags).map(([name, value]) => `${name}=${value}`), ...given].join(' ');
  return `<${kind}> ${prefix}${word} [${known}]`;
}

const COMMANDS =
  'status logs watch wait suspend unsuspend resume create lint render convert run version completion help';

describe('after the words', () => {
  it.each([
    ['', COMMANDS],
    ['wa', 'watch wait'],
    ['-n x st', 'status'],
    ['status ', '<sequence>  []'],
    ['status e', '<sequence> e []'],
    ['status etl ', ''],
    ['suspend etl ', '<sequence>  [etl]'],
    ['completion ', 'bash zsh fish'],
    ['completion z', 'zsh'],
    ['status --all', '--all-namespaces'],
    ['status -o ', 'json yaml name wide'],
    ['status -o=j', '-o=json'],
    ['status --output=y', '--output=yaml'],
    ['suspend --output ', 'json yaml name'],
    ['status -n ', '<namespace>  []'],
    ['status --namespace=te', '<namespace> --namespace=te []'],
    ['--context ', '<context>  []'],
    ['status --kubeconfig ', '<file>  []'],
    ['logs etl -n team-a --step ', '<step>  [namespace=team-a etl]'],
    ['logs etl --step=tr', '<step> --step=tr [etl]'],
    ['logs -f etl --timestamps --step ', '<step>  [follow=true timestamps=true etl]'],
    ['logs --tail ', '<text>  []'],
    ['status -- -', '<sequence> - []'],
    ['nonsense ', COMMANDS],
    ['lint ', '<file>  []'],
    ['lint a.yaml b', '<file> b [a.yaml]'],
    ['lint --format ', 'text json'],
    ['lint --s', '--server'],
    ['lint -n ', '<namespace>  []'],
    ['render a.yaml ', ''],
    ['render --', ''],
    ['convert --to=', '--to=v1beta1 --to=v1alpha1'],
    ['run --role ', 'all webhook controller'],
    ['run --kubeconfig ', '<file>  []'],
    ['run --leader-elect=', '--leader-elect=true --leader-elect=false'],
    ['run --leader-elect ', ''],
    ['run --name', '--namespace'],
    ['help com', 'completion'],
  ])('"%s"', (words, expected) => {
    expect(shown(candidatesFor(words.split(' '), PROGRAM))).toBe(expected);
  });
});
