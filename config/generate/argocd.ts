/** config/argocd/argocd-cm.yaml: health.lua in the place where Argo CD looks for it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Document } from 'yaml';
import { GROUP, KIND } from '../../shared/api/group.ts';

const SCRIPT = join(import.meta.dirname, '../argocd/health.lua');

/** https://argo-cd.readthedocs.io/en/stable/operator-manual/health/#custom-health-checks */
const KEY = `resource.customizations.health.${GROUP}_${KIND}`;

export function renderArgoConfigMap(): string {
  const document = new Document({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'argocd-cm', namespace: 'argocd' },
    data: { [KEY]: readFileSync(SCRIPT, 'utf8') },
  });
  return document.toString({ lineWidth: 0 });
}
