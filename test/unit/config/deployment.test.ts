/** The Pods of the operator, as config/ and the chart describe them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { environmentName, OPTIONS, parseConfig } from '../../../cli/run/config.ts';
import { VERSION } from '../../../shared/version.ts';
import { renderChart } from '../../support/chart.ts';
import { deployments, type Manifest, ofKind, present, readManifests, ROOT, selects } from '../../support/manifests.ts';
import { restrictedFaults } from '../../support/restricted.ts';

/** Of the two overlays the Deployments that need no patch; test/integration/kustomize.test.ts has all as kustomize builds them. */
const DEPLOYMENTS = [
  ...deployments(readManifests('config/manager/deployment.yaml')).map((one) => ['config/manager', one] as const),
  ...deployments(readManifests('config/overlays/split-roles/webhook-deployment.yaml')).map(
    (one) => ['config/overlays/split-roles', one] as const,
  ),
  ...deployments(renderChart({ values: { roles: 'split' } }).objects).map(
    (one) => [`the chart's ${one.metadata.name}`, one] as const,
  ),
  ...deployments(renderChart().objects).map((one) => ["the chart's only one", one] as const),
];

const MIB = 2 ** 20;
/** What a full heap of 320 MB was in all: measured with a heap filled until Node gave up. */
const FULL_HEAP = { heap: 320, all: 477 } as const;

describe.each(DEPLOYMENTS)('the Pods of %s', (_name, deployment) => {
  const { template, selector, replicas } = deployment.spec;
  const pod = template.spec;
  const container = present(pod.containers[0], 'container');
  const config = parseConfig(container.args.slice(1), {});

  it('meet the restricted profile', () => {
    expect(restrictedFaults(pod)).toEqual([]);
  });

  it('cannot write any file: neither in their image nor in a volume', () => {
    expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
    // The kubelet mounts Secrets read-only. Everything else would be a place for code that the next start executes.
    for (const volume of pod.volumes) expect(Object.keys(volume).sort()).toEqual(['name', 'secret']);
    expect(container.env.map(({ name }) => name)).not.toContain('NODE_COMPILE_CACHE');
  });

  it('have no priority class, because users who may create Pods may use any class', () => {
    expect(pod.priorityClassName).toBeUndefined();
  });

  it('cannot read Secrets through the API server by default', () => {
    expect(config.checkSecrets).toBe(false);
  });

  it('are started with existing flags, and with leader election if there is a controller', () => {
    expect(container.args[0]).toBe('run');
    expect(config.leaderElect).toBe(config.role !== 'webhook');
    const port = (wanted: string): number | undefined =>
      container.ports.find(({ name }) => name === wanted)?.containerPort;
    expect(config.metricsPort).toBe(port('metrics'));
    expect(config.healthPort).toBe(port('health'));
  });

  it('get no environment variables for Services, which the operator would read as options', () => {
    expect(pod.enableServiceLinks).toBe(false);
  });

  it('have a port and a certificate if they serve the webhook, and a token if they run the controller', () => {
    const serves = config.role !== 'controller';
    expect(container.ports.find(({ name }) => name === 'webhook')?.containerPort).toBe(
      serves ? config.webhookPort : undefined,
    );
    const mount = container.volumeMounts.find(({ name }) => name === 'certificate');
    expect(mount?.mountPath).toBe(serves ? config.certDir : undefined);
    const volume = pod.volumes.find(({ name }) => name === 'certificate');
    expect(volume?.secret?.secretName).toBe(serves ? 'sequentialjob-webhook-tls' : undefined);
    expect(pod.automountServiceAccountToken).toBe(config.role !== 'webhook');
    expect(template.metadata.labels['batch.example.com/webhook']).toBe(serves ? 'true' : undefined);
  });

  it('are probed on a separate port that the network policy closes to clients: only for the webhook if they serve it', () => {
    const path = config.role === 'controller' ? '/readyz' : '/readyz/webhook';
    expect(container.readinessProbe.httpGet).toEqual({ port: 'health', path });
    expect(container.livenessProbe.httpGet).toEqual({ port: 'health', path: '/healthz' });
    const policies = ofKind(
      [...readManifests('config/network-policy/network-policy.yaml'), ...renderChart().objects],
      'NetworkPolicy',
    );
    expect(policies).toHaveLength(2);
    for (const { spec } of policies) expect(JSON.stringify(spec)).not.toContain(`"port":${config.healthPort}`);
  });

  it('have time to shut down, and keep serving during the shutdown delay', () => {
    // A shutdown takes at most 20 s, and a moment to end.
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(20);
    expect(config.shutdownDelaySeconds).toBe(config.role === 'controller' ? 0 : 5);
  });

  it('know their own namespace, in which no sequence runs, even without a token', () => {
    const name = environmentName(OPTIONS.operatorNamespace.flag);
    expect(container.env.find((one) => one.name === name)).toEqual({
      name,
      valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } },
    });
  });

  it('have the same environment variables in all variants', () => {
    expect(container.env).toEqual(DEPLOYMENTS[0]?.[1].spec.template.spec.containers[0]?.env);
  });

  it('reach the heap limit before the memory limit', () => {
    const heap = Number(/--max-old-space-size=(\d+)/.exec(container.env[0]?.value ?? '')?.[1]);
    const limit = Number(/^(\d+)Mi$/.exec(container.resources.limits['memory'] ?? '')?.[1]);
    expect((heap / FULL_HEAP.heap) * FULL_HEAP.all * 1e6).toBeLessThan(limit * MIB);
    expect(container.resources.limits).not.toHaveProperty('cpu');
  });

  it('are two, spread over nodes, and selected by their own Deployment only', () => {
    expect(replicas).toBe(2);
    expect(selects(selector.matchLabels, template.metadata.labels)).toBe(true);
    const spread = pod.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels);
    expect(spread).toEqual([selector.matchLabels, selector.matchLabels]);
  });

  it('have this version', () => {
    expect(container.image).toBe(`registry.example.com/sequentialjob:${VERSION}`);
  });
});

describe('values that occur in several files', () => {
  it.each([
    ['Makefile', `\nVERSION := ${VERSION}\n`],
    ['charts/sequentialjob/Chart.yaml', `\nversion: ${VERSION}\nappVersion: ${VERSION}\n`],
  ])('%s has the version', (file, line) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(line);
  });

  it('the Makefile replaces the image name of the manifests by IMG', () => {
    const { image } = present(DEPLOYMENTS[0]?.[1].spec.template.spec.containers[0], 'container');
    expect(readFileSync(join(ROOT, 'Makefile'), 'utf8')).toContain(`s|image: ${image.split(':')[0] ?? ''}:.*|`);
  });

  it('the image has a numeric user, so that the kubelet can verify that it is not root', () => {
    expect(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')).toContain('\nUSER 65532:65532\n');
  });
});

describe('the Services', () => {
  const objects: readonly Manifest[] = [
    ...readManifests(
      'config/webhook/service.yaml',
      'config/manager/metrics-service.yaml',
      'config/manager/deployment.yaml',
    ),
    ...readManifests('config/manager/disruption-budget.yaml', 'config/network-policy/network-policy.yaml'),
  ];
  const { template, selector } = present(DEPLOYMENTS[0]?.[1].spec, 'Deployment');
  const { labels } = template.metadata;
  const ports = template.spec.containers[0]?.ports ?? [];

  it.each(ofKind(objects, 'Service').map((service) => [service.metadata.name, service['spec']] as const))(
    '%s selects the Pods and has a port of theirs',
    (_name, spec) => {
      const service = spec as { selector: Record<string, string>; ports: readonly { targetPort: string }[] };
      expect(selects(service.selector, labels)).toBe(true);
      expect(ports.map(({ name }) => name)).toEqual(expect.arrayContaining(service.ports.map((one) => one.targetPort)));
    },
  );

  it('do not bypass the network policy, which covers both ports', () => {
    const [policy] = ofKind(objects, 'NetworkPolicy');
    expect(JSON.stringify(policy)).toContain(`"port":${ports[0]?.containerPort}`);
    expect(JSON.stringify(policy)).toContain(`"port":${ports[1]?.containerPort}`);
    expect(policy).toMatchObject({
      spec: { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'sequentialjob' } } },
    });
  });

  it('and the PodDisruptionBudget select the Deployment’s Pods', () => {
    const [budget] = ofKind(objects, 'PodDisruptionBudget');
    expect(budget).toMatchObject({ spec: { minAvailable: 1, selector } });
  });
});
