/**
 * The metrics registry of a process. There is no global registry: the caller creates one and passes it on, and each
 * role adds its own metrics.
 *
 * Metrics that Go controllers also have keep their names and labels, so that existing dashboards and alerts work
 * (controller-runtime pkg/metrics and pkg/internal/controller/metrics, client-go, component-base). No label value
 * comes from users: labels with namespaces or names would make one series per object.
 */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { VERSION } from '../version.ts';

/** A registry with only the version of the program. */
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
 * Sampling interval of the event loop delay. Each sample wakes the process. prom-client's default of 10 ms wakes it a
 * hundred times a second; at 50 ms the samples still took half of the CPU time of an idle process.
 */
const EVENT_LOOP_SAMPLE_MS = 100;

/**
 * Adds the metrics of Node and of the operating system about the process (`process_*`, `nodejs_*`). Call it once per
 * process: it starts observers of garbage collection and of the event loop that cannot be stopped.
 */
export function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
}
