/** Writes the generated files; with `--check` compares them and exits 1, naming those that differ. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ARTIFACTS, type Artifact } from './artifacts.ts';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    root: { type: 'string', default: join(import.meta.dirname, '../..') },
  },
});

function current(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** Updates one file, unless `--check` is given. Returns whether it differed. */
function update({ path, render }: Artifact): boolean {
  const file = join(values.root, path);
  const text = render();
  if (current(file) === text) {
    return false;
  }
  if (values.check) {
    process.stderr.write(`${path} is out of date: run make generate\n`);
  } else {
    write(file, text);
    process.stdout.write(`${path} written\n`);
  }
  return true;
}

const differing = ARTIFACTS.filter(update);
process.exitCode = values.check && differing.length > 0 ? 1 : 0;
