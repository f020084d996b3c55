/** config/prometheus against what the program really serves: a query about nothing is an alert that never comes. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type Family, fullRegistry, parseMetrics } from '../../support/metrics.ts';
import { parseQuery } from '../../support/promql.ts';

const ROOT = join(import.meta.dirname, '../../..');
const read = async (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Rules {
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[] };
}
interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly legendFormat: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

/** What Prometheus adds to each sample of a Pod that a ServiceMonitor names. */
const TARGET_LABELS = new Set(['namespace', 'job', 'pod', 'instance', 'service', 'container', 'endpoint']);

/** All that the queries call, with their own spelling: a word that is no function is a mistake. */
const FUNCTIONS = new Set(
  'absent count delta deriv histogram_quantile increase max min min_over_time rate sum time'.split(' '),
);

/** Labels whose values are all there from the start. */
const CLOSED = new Set(['phase', 'result', 'verdict', 'resource', 'controller', 'version']);

let families: ReadonlyMap<string, Family>;
let rules: Rules;
let dashboard: Dashboard;
beforeAll(async () => {
  families = parseMetrics(await fullRegistry().metrics());
  rules = parse(await read('config/prometheus/rules.yaml')) as Rules;
  dashboard = JSON.parse(await read('config/prometheus/dashboard.json')) as Dashboard;
});

/** The family that a series belongs to, by the name that a query has for it. */
function familyOf(metric: string): Family | undefined {
  const plain = families.get(metric);
  if (plain !== undefined) return plain.type === 'histogram' ? undefined : plain;
  const histogram = families.get(metric.replace(/_(bucket|sum|count)$/, ''));
  return histogram?.type === 'histogram' ? histogram : undefined;
}

function labelsOf(metric: string): ReadonlySet<string> {
  const labels = new Set(TARGET_LABELS);
  for (const sample of familyOf(metric)?.samples ?? []) {
    if (sample.name === metric) for (const label of Object.keys(sample.labels)) labels.add(label);
  }
  return labels;
}

/** Everything that is wrong with a query, each in a sentence. */
function faultsOf(text: string): readonly string[] {
  const { selectors, labels, functions } = parseQuery(text);
  const faults = functions.filter((name) => !FUNCTIONS.has(name)).map((name) => `there is no function ${name}`);
  if (selectors.length === 0) faults.push('the query is about no metric');
  const common = new Set<string>();
  for (const { metric, matchers } of selectors) {
    if (familyOf(metric) === undefined) faults.push(`there is no series ${metric}`);
    const known = labelsOf(metric);
    for (const label of known) common.add(label);
    for (const { label, operator, value } of matchers) {
      if (!known.has(label)) faults.push(`${metric} has no label ${label}`);
      const values = new Set(familyOf(metric)?.samples.map((sample) => sample.labels[label]));
      const wanted = operator === '=' ? [value] : operator === '=~' ? value.split('|') : [];
      if (CLOSED.has(label)) {
        for (const one of wanted) if (!values.has(one)) faults.push(`${label} of ${metric} is never ${one}`);
      }
    }
  }
  for (const label of labels) if (!common.has(label)) faults.push(`nothing in the query has the label ${label}`);
  return faults;
}

const allRules = (): readonly Rule[] => rules.spec.groups.flatMap((group) => group.rules);
const queries = (): readonly (readonly [string, string])[] => [
  ...allRules().map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];

it.each<readonly [string, string, string | undefined]>([
  ['no error for an existing metric', 'sum(rate(sequentialjob_steps_total{result="failed"}[5m]))', undefined],
  ['a metric that does not exist', 'rate(sequentialjob_step_total[5m])', 'there is no series sequentialjob_step_total'],
  ['a label that the metric does not have', 'workqueue_depth{queue="x"}', 'workqueue_depth has no label queue'],
  [
    'a label value that does not exist',
    'sequentialjob_sequences{phase="failed"}',
    'phase of sequentialjob_sequences is never failed',
  ],
  [
    'an aggregation by a label that no metric in the query has',
    'sum by (verb) (workqueue_depth)',
    'nothing in the query has the label verb',
  ],
])('the check of queries finds %s', (_says, query, fault) => {
  expect(faultsOf(query)).toEqual(fault === undefined ? [] : [fault]);
});

it('every query of alerts and dashboard uses existing metrics and labels', () => {
  expect(queries().length).toBeGreaterThan(40);
  const faults = queries().flatMap(([where, query]) => faultsOf(query).map((fault) => `${where}: ${fault}: ${query}`));
  expect(faults).toEqual([]);
});

it('every metric of our own is on the dashboard', () => {
  const shown = new Set(
    dashboard.panels.flatMap(({ targets = [] }) =>
      targets.flatMap(({ expr }) => parseQuery(expr).selectors.map(({ metric }) => familyOf(metric)?.name)),
    ),
  );
  const own = [...families.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
  expect(own.filter((name) => !shown.has(name))).toEqual([]);
});

describe('the alert rules', () => {
  it('are valid PrometheusRules', () => {
    const keys = ['alert', 'expr', 'for', 'labels', 'annotations'];
    expect(rules).toMatchObject({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: { name: 'sequentialjob', namespace: 'sequentialjob-system' },
    });
    for (const group of rules.spec.groups) expect(Object.keys(group)).toEqual(['name', 'rules']);
    for (const rule of allRules()) {
      expect(keys).toEqual(expect.arrayContaining(Object.keys(rule)));
      expect((rule as { readonly for?: string }).for ?? '0s').toMatch(/^\d+[smh]$/);
      expect(['critical', 'warning', 'info']).toContain(rule.labels['severity']);
      expect(Object.keys(rule.annotations)).toEqual(['summary', 'description']);
    }
  });

  it('refer only to labels that their query keeps', () => {
    for (const { alert, expr, annotations } of allRules()) {
      const left = new Set([...parseQuery(expr).labels, ...TARGET_LABELS]);
      for (const [, label = ''] of Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g)) {
        expect([alert, label, left.has(label)]).toEqual([alert, label, true]);
      }
    }
  });
});

describe('the dashboard', () => {
  it('shows every metric but those that Node has for all programs', () => {
    const shown = new Set(
      dashboard.panels
        .flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => parseQuery(expr).selectors))
        .map(({ metric }) => familyOf(metric)?.name),
    );
    const ours = [...families.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
    expect(ours.filter((name) => !shown.has(name))).toEqual([]);
    expect(ours.length).toBeGreaterThan(20);
  });

  it('filters by the selected namespace and job in every query', () => {
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr } of targets) {
        for (const { matchers } of parseQuery(expr).selectors) {
          const chosen = matchers.flatMap(({ label, value }) => (value.startsWith('$') ? [label] : []));
          expect([title, chosen]).toEqual([title, ['namespace', 'job']]);
        }
      }
    }
  });

  it('uses no variable that it does not define', () => {
    const offered = new Set(['__rate_interval', ...dashboard.templating.list.map(({ name }) => name)]);
    const used = [...JSON.stringify(dashboard).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
    expect(used.filter((name) => name !== undefined && !offered.has(name))).toEqual([]);
  });

  it('has legends that refer only to labels that their query keeps', () => {
    for (const { title, targets = [] } of dashboard.panels) {
      for (const { expr, legendFormat } of targets) {
        const left = new Set([...parseQuery(expr).labels, ...TARGET_LABELS]);
        for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
          expect([title, label, left.has(label)]).toEqual([title, label, true]);
        }
      }
    }
  });
});

describe('the ServiceMonitor', () => {
  interface Service {
    readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Record<string, string> };
    readonly spec: { readonly ports: readonly { readonly name: string }[] };
  }
  interface Monitor {
    readonly spec: {
      readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
      readonly namespaceSelector: { readonly matchNames: readonly string[] };
      readonly endpoints: readonly { readonly port: string }[];
    };
  }

  it('finds the Service of config/manager and its port', async () => {
    const monitor = parse(await read('config/prometheus/service-monitor.yaml')) as Monitor;
    const service = parse(await read('config/manager/metrics-service.yaml')) as Service;
    expect(service.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    expect(monitor.spec.namespaceSelector.matchNames).toContain(service.metadata.namespace);
    expect(service.spec.ports.map(({ name }) => name)).toContain(monitor.spec.endpoints[0]?.port);
    // The alert on leaders names the job, which is the Service's name.
    expect(allRules().find(({ alert }) => alert.endsWith('NoLeader'))?.expr).toContain(
      `job="${service.metadata.name}"`,
    );
  });
});
