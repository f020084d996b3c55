/** The reviews of the benchmark, as an API server sends them for a typical object of about 1 KB per step. */
import { API_VERSION, GROUP, KIND, PLURAL, VERSION } from '../../shared/api/group.ts';
import { MUTATE_PATH, VALIDATE_PATH } from '../../webhook/app.ts';

export const WEBHOOKS = ['validate', 'mutate'] as const;
export type Webhook = (typeof WEBHOOKS)[number];

const PATHS: Readonly<Record<Webhook, string>> = { validate: VALIDATE_PATH, mutate: MUTATE_PATH };

/** A user's object; for the validating webhook with the defaults set. */
export function sequentialJob(webhook: Webhook, steps: number): Readonly<Record<string, unknown>> {
  const isDefaulted = webhook === 'validate';
  const defaults = { job: { backoffLimit: 3 }, suspend: false, updatePolicy: 'Immutable', resume: 0 };
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: 'nightly-report',
      namespace: 'team-a',
      uid: '4f1c2c5e-8c1f-4f0e-9f4a-0d3a6b1d2c11',
      generation: 1,
      creationTimestamp: '2026-11-21T09:00:00Z',
      labels: { 'app.kubernetes.io/name': 'nightly-report', 'app.kubernetes.io/part-of': 'reports' },
      ...(isDefaulted && { finalizers: ['batch.example.com/sequentialjob-cleanup'] }),
    },
    spec: {
      steps: Array.from({ length: steps }, (_, index) => container(index)),
      template: {
        metadata: { labels: { app: 'nightly-report' } },
        spec: {
          serviceAccountName: 'reports',
          ...(isDefaulted && { restartPolicy: 'Never' }),
          securityContext: { runAsNonRoot: true, runAsUser: 10_001, fsGroup: 10_001 },
          volumes: [
            { name: 'work', persistentVolumeClaim: { claimName: 'reports-work' } },
            { name: 'scratch', emptyDir: { sizeLimit: '1Gi' } },
          ],
        },
      },
      ...(isDefaulted && defaults),
    },
  };
}

function container(index: number): Readonly<Record<string, unknown>> {
  return {
    name: `step-${index}`,
    image: `registry.example.com/reports/step-${index}:1.4.2`,
    imagePullPolicy: 'IfNotPresent',
    command: ['/app/run', '--verbose'],
    args: ['--input=/work/input', `--output=/work/output-${index}`, '--batch-size=1000'],
    env: [
      { name: 'LOG_LEVEL', value: 'info' },
      { name: 'STEP', value: String(index) },
      { name: 'DATABASE_PASSWORD', valueFrom: { secretKeyRef: { name: 'database', key: 'password' } } },
      { name: 'POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
    ],
    resources: { requests: { cpu: '250m', memory: '256Mi' }, limits: { cpu: '1', memory: '512Mi' } },
    volumeMounts: [
      { name: 'work', mountPath: '/work' },
      { name: 'scratch', mountPath: '/tmp' },
    ],
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  };
}

function admissionReview(webhook: Webhook, steps: number): unknown {
  const kind = { group: GROUP, version: VERSION, kind: KIND };
  const resource = { group: GROUP, version: VERSION, resource: PLURAL };
  return {
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind,
      resource,
      requestKind: kind,
      requestResource: resource,
      name: 'nightly-report',
      namespace: 'team-a',
      operation: 'CREATE',
      userInfo: { username: 'jane@example.com', groups: ['team-a', 'system:authenticated'] },
      object: sequentialJob(webhook, steps),
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'kubectl-client-side-apply' },
    },
  };
}

/** The whole request, headers and body, as Go's HTTP client sends it. */
export function requestBytes(webhook: Webhook, steps: number): Buffer {
  const body = Buffer.from(JSON.stringify(admissionReview(webhook, steps)));
  const head = [
    `POST ${PATHS[webhook]}?timeout=10s HTTP/1.1`,
    'Host: sequentialjob-webhook.sequentialjob-system.svc:443',
    'User-Agent: kube-apiserver-admission',
    `Content-Length: ${body.length}`,
    'Accept: application/json, */*',
    'Content-Type: application/json',
    'Accept-Encoding: gzip',
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}
