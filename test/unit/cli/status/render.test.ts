/** The screens of `status` as golden text: test/golden/cli; UPDATE_GOLDEN=1 writes it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { nextCommands } from '../../../../cli/status/next-commands.ts';
import { renderList } from '../../../../cli/status/render-list.ts';
import { renderStatus, type RenderOptions } from '../../../../cli/status/render-status.ts';
import { toSequenceView } from '../../../../cli/status/sequence-view.ts';
import { type Line, paintAll } from '../../../../cli/status/style.ts';
import { loadWidths, widthOf } from '../../../../cli/status/text-width.ts';
import { ROOT } from '../../../support/manifests.ts';
import { container, NOW_MS, sequentialJob } from '../../../support/objects.ts';
import { SHOWN } from '../../../support/shown-sequences.ts';

await loadWidths();

const FOLDER = join(ROOT, 'test/golden/cli');
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';
const INVOCATION = { program: 'kubectl sequentialjob', clusterFlags: [] };
const VIEWS = Object.entries(SHOWN).map(
  ([what, { object, pods }]) => [what, toSequenceView(object, pods, NOW_MS)] as const,
);

/** With escape characters that are visible. */
const text = (lines: readonly Line[], hasColor = false): string => paintAll(lines, hasColor).replaceAll('\u001B', '␛');

function agree(name: string, sections: Readonly<Record<string, string>>): void {
  const path = join(FOLDER, `${name}.txt`);
  const whole = Object.entries(sections)
    .map(([title, body]) => `### ${title}\n${body}`)
    .join('\n');
  if (UPDATE) writeFileSync(path, whole);
  expect(whole).toBe(readFileSync(path, 'utf8'));
}

const fileOf = (what: string): string => what.replaceAll(/\W+/g, '-');

describe('the screen of', () => {
  it.each(VIEWS)('%s', (what, view) => {
    const next = nextCommands(view, INVOCATION);
    const render = (options: Partial<RenderOptions>): readonly Line[] =>
      renderStatus(view, { width: undefined, next, ...options });
    const [narrow, broad] = [render({ width: 80 }), render({ width: 140 })];
    agree(fileOf(what), {
      '80 columns': text(narrow),
      '140 columns': text(broad),
      '80 columns, with color': text(narrow, true),
      '140 columns, with color': text(broad, true),
      'no terminal, -o wide': text(render({ isWide: true })),
    });
  });

  it('all of them has no line that is wider than the terminal, but for commands', () => {
    for (const [, view] of VIEWS) {
      for (const width of [30, 40, 60, 80, 140]) {
        const lines = paintAll(
          renderStatus(view, { width, next: [], notes: ['a note that is long enough to be broken'] }),
          false,
        );
        expect(lines.split('\n').filter((line) => widthOf(line) > width)).toEqual([]);
      }
    }
  });

  it('a thousand steps of which only some fit', () => {
    const steps = Array.from({ length: 1000 }, (_, index) => container(`s${index}`));
    const view = toSequenceView(sequentialJob({ spec: { steps } }), [], NOW_MS);
    const lines = paintAll(renderStatus(view, { width: 80, next: [], maxSteps: 3 }), false).split('\n');
    expect(lines.filter((line) => /^ *\d+ +s\d+/.test(line))).toHaveLength(3);
    expect(lines).toContain('… 997 later steps');
  });
});

it('the list of sequences', () => {
  const views = VIEWS.map(([, view]) => view);
  const render = (width: number | undefined, hasNamespaces: boolean, isWide = false): readonly Line[] =>
    renderList(views, { width, hasNamespaces, isWide });
  agree('list', {
    '80 columns': text(render(80, false)),
    '140 columns, all namespaces': text(render(140, true)),
    '80 columns, with color': text(render(80, false), true),
    'no terminal, -o wide': text(render(undefined, true, true)),
  });
});

it('there is no golden file without a case', () => {
  const names = [...VIEWS.map(([what]) => `${fileOf(what)}.txt`), 'list.txt'];
  expect(readdirSync(FOLDER).toSorted()).toEqual(names.toSorted());
});
