/** config/argocd/argocd-cm.yaml: the scripts in the place where Argo CD looks for them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Document } from 'yaml';
import { CRON, GROUP, KIND } from '../../shared/api/group.ts';

const FOLDER = join(import.meta.dirname, '../argocd');

const SCRIPTS = [
  [KIND, 'health.lua'],
  [CRON.kind, 'schedule-health.lua'],
] as const;

/** https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks */
const keyOf = (kind: string): string => `resource.customizations.health.${GROUP}_${kind}`;

export function renderArgoConfigMap(): string {
  const document = new Document({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'argocd-cm', namespace: 'argocd' },
    data: Object.fromEntries(SCRIPTS.map(([kind, file]) => [keyOf(kind), readFileSync(join(FOLDER, file), 'utf8')])),
  });
  return document.toString({ lineWidth: 0 });
}
