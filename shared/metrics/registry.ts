/**
 * The registry of a process and what says what process it is. Nothing here is global: who wants metrics makes a registry
 * and hands it on; each role puts its own metrics in.
 *
 * Metrics that controllers written in Go have too keep their names and labels, so that dashboards and alerts fit
 * (controller-runtime pkg/metrics and pkg/internal/controller/metrics, client-go, component-base). No label takes its
 * values from users: a namespace or a name would make as many series as there are objects.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { VERSION } from '../version.ts';

/** An empty registry, but for the version of the program. */
export function createRegistry(): Registry {
  const registry = new Registry();
  new Gauge({
    name: 'sequentialjob_build_info',
    help: 'Always 1; the label holds the version of the operator',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version: VERSION }, 1);
  return registry;
}

/**
 * How often the delay of the event loop is sampled. Each sample wakes the process: prom-client's 10 ms a hundred times a second,
 * and at 50 ms it was half of what an idle process takes.
 */
const EVENT_LOOP_SAMPLE_MS = 100;

/**
 * Adds what Node and the operating system tell about the process (`process_*`, `nodejs_*`). Once per process: it starts
 * observers of garbage collection and of the event loop, which nothing ends.
 */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
}
