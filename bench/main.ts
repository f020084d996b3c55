/**
 * `make bench`: runs the benchmarks, prints their tables and writes them into docs/performance.md, between the markers of
 * each. `--only=NAME` runs one of them, `--full` adds cases that take many minutes, `--smoke` only shows that they work.
 */
import { parseArgs } from 'node:util';
import { resolve } from 'node:path';
import type { Benchmark } from './benchmark.ts';
import { cluster } from './cluster.ts';
import { conversion } from './conversion.ts';
import { handoff } from './controller/handoff.ts';
import { memory } from './controller/memory.ts';
import { requests } from './controller/requests.ts';
import { schedules } from './controller/schedules.ts';
import { throughput } from './controller/throughput.ts';
import { versions } from './controller/versions.ts';
import { idle } from './idle.ts';
import { scale } from './scale/scale.ts';
import { installSignalHandlers } from './signal-handlers.ts';
import { start } from './start.ts';
import { formatTable, writeTable } from './table.ts';
import { webhook } from './webhook.ts';

const BENCHMARKS: readonly Benchmark[] = [
  webhook,
  conversion,
  start,
  idle,
  handoff,
  throughput,
  requests,
  versions,
  memory,
  schedules,
  scale,
];
/** Only with `--only`: they need more than this machine. */
const ON_REQUEST: readonly Benchmark[] = [cluster];
const PAGE = resolve(import.meta.dirname, '../docs/performance.md');

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const log = (line: string): void => void process.stderr.write(`${line}\n`);

const { values } = parseArgs({
  options: { smoke: { type: 'boolean' }, full: { type: 'boolean' }, only: { type: 'string', multiple: true } },
});
const { smoke = false, full = false, only } = values;
const all = [...BENCHMARKS, ...ON_REQUEST];
const chosen = only === undefined ? BENCHMARKS : all.filter(({ name }) => only.includes(name));
const unknown = only?.find((name) => !all.some((benchmark) => benchmark.name === name));
if (unknown !== undefined) throw new Error(`no benchmark "${unknown}": ${all.map(({ name }) => name).join(', ')}`);

installSignalHandlers();
for (const benchmark of chosen) {
  log(`${benchmark.name} …`);
  const started = performance.now();
  const rows = await benchmark.run({ smoke, full, log });
  if (rows.length === 0) throw new Error(`${benchmark.name} measured nothing`);
  print(`\n${benchmark.title} (${((performance.now() - started) / 1000).toFixed(0)} s)\n\n${formatTable(rows)}`);
  if (!smoke) await writeTable(PAGE, benchmark, rows);
}
