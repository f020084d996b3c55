/** What the program serves at /metrics, read as Prometheus reads it. */
import type { Registry } from 'prom-client';
import { ControllerMetrics } from '../../controller/metrics/index.ts';
import { addProcessMetrics, createRegistry } from '../../shared/metrics/registry.ts';
import { WebhookMetrics } from '../../webhook/metrics.ts';
import { CONVERT_PATH, MUTATE_PATH, VALIDATE_PATH } from '../../webhook/app.ts';

/** A metric as its TYPE line names it. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  /** With the suffix of a histogram's part. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export type Families = ReadonlyMap<string, Family>;

/** Prometheus' text format 0.0.4. Throws at a line that it does not know, and at a sample that belongs to no family. */
export function parseMetrics(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, Family & { samples: Sample[] }>();
  let help = '';
  let current: (Family & { samples: Sample[] }) | undefined;
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment?.[1] === 'HELP') help = comment[3] ?? '';
    else if (comment !== null) {
      const [, , name = '', type = ''] = comment;
      current = { name, type, help, samples: [] };
      families.set(name, current);
    } else {
      const sample = parseSample(line);
      if (current === undefined || !isPartOf(sample.name, current)) throw new Error(`a sample of nothing: ${line}`);
      current.samples.push(sample);
    }
  }
  return families;
}

function isPartOf(name: string, { name: family, type }: Family): boolean {
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  return suffixes.some((suffix) => name === family + suffix);
}

function parseSample(line: string): Sample {
  const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (parts === null) throw new Error(`no sample: ${line}`);
  const [, name = '', labels = '', value = ''] = parts;
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  return { name, labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])), value: Number(value) };
}

/** The value of the one sample with these labels; throws where there is none. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name.replace(/_(bucket|sum|count)$/, '')) ?? families.get(name);
  const wanted = Object.entries(labels);
  const found = (family?.samples ?? []).filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(`${found.length} samples of ${name} with ${JSON.stringify(labels)}`);
  }
  return only.value;
}

/** The sum of all samples of that name with these labels; 0 where there are none. */
export function total(families: Families, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const wanted = Object.entries(labels);
  return (families.get(name)?.samples ?? [])
    .filter((sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** Everything that any role serves, each of it with a sample at least, but for what only time brings (collections of garbage). */
export function fullRegistry(): Registry {
  const registry = createRegistry();
  addProcessMetrics(registry);
  const controller = new ControllerMetrics(registry);
  controller.sequences.follow(() => []);
  controller.leader.follow('sequentialjob-controller');
  controller.reconcile.follow(16, () => 0);
  controller.schedules.follow(() => []);
  controller.scheduleReconcile.follow(8, () => 0);
  controller.client.observer('https://api.example.com:6443')({ method: 'GET', path: '/', status: 200, ms: 1 });
  const webhook = new WebhookMetrics(registry, [MUTATE_PATH, VALIDATE_PATH], [CONVERT_PATH]);
  webhook.certificateServed(0);
  return registry;
}
