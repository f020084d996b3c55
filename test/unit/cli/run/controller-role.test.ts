import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { ControllerRole } from '../../../../cli/run/controller-role.ts';
import { parseConfig } from '../../../../cli/run/config.ts';
import { readiness } from '../../../../shared/health.ts';
import { createLog } from '../../../../shared/log.ts';
import { ControllerMetrics } from '../../../../controller/metrics/index.ts';
import { createRegistry } from '../../../../shared/metrics/registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'sequentialjob-role-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('/readyz names the caches that are not synced', async () => {
  const path = join(folder, 'kubeconfig');
  const kubeconfig = {
    'current-context': 'x',
    clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'x', user: {} }],
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
  };
  writeFileSync(path, JSON.stringify(kubeconfig));
  const config = parseConfig([`--kubeconfig=${path}`], {});
  const log = createLog({ level: 'silent', format: 'json' });
  const role = new ControllerRole(config, log, undefined, new ControllerMetrics(createRegistry()));
  expect(readiness(role.checks)).toEqual({ status: 503, message: 'not ready: caches (sequentialjobs and jobs)' });
  await role.stop();
});
