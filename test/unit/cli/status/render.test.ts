/** The screens of `status` as golden text: test/golden/cli; UPDATE_GOLDEN=1 writes it. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { nextCommands } from '../../../../cli/status/next-commands.ts';
import { renderList } from '../../../../cli/status/render-list.ts';
import { renderStatus, type RenderOptions } from '../../../../cli/status/render-status.ts';
import { toSequenceView } from '../../../../cli/status/sequence-view.ts';
import { type Line, paintAll } from '../../../../cli/status/style.ts';
import { loadWidths, widthOf } from '../../../../cli/status/text-width.ts';
import { expectText, fileOf, TEXT_FOLDER, visible } from '../../../support/golden-text.ts';
import { container, NOW_MS, sequentialJob } from '../../../support/objects.ts';
import { SHOWN } from '../../../support/shown-sequences.ts';

await loadWidths();

const INVOCATION = { program: 'kubectl sequentialjob', clusterFlags: [] };
const VIEWS = Object.entries(SHOWN).map(
  ([what, { object, pods }]) => [what, toSequenceView(object, pods, NOW_MS)] as const,
);

describe('the screen of', () => {
  it.each(VIEWS)('%s', (what, view) => {
    const next = nextCommands(view, INVOCATION);
    const render = (options: Partial<RenderOptions>): readonly Line[] =>
      renderStatus(view, { width: undefined, next, ...options });
    const [narrow, broad] = [render({ width: 80 }), render({ width: 140 })];
    expectText(fileOf(what), {
      '80 columns': visible(narrow),
      '140 columns': visible(broad),
      '80 columns, with color': visible(narrow, true),
      '140 columns, with color': visible(broad, true),
      'no terminal, -o wide': visible(render({ isWide: true })),
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
  expectText('list', {
    '80 columns': visible(render(80, false)),
    '140 columns, all namespaces': visible(render(140, true)),
    '80 columns, with color': visible(render(80, false), true),
    'no terminal, -o wide': visible(render(undefined, true, true)),
  });
});

it('there is no golden file without a case', () => {
  const names = [...VIEWS.map(([what]) => `${fileOf(what)}.txt`), 'list.txt', 'schedules'];
  expect(readdirSync(TEXT_FOLDER).toSorted()).toEqual(names.toSorted());
});
