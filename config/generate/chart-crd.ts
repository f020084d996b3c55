/** charts/sequentialjob/templates/crd.yaml: both CRDs. Helm installs the one with CEL rules if the API server supports them. */
import { CRD, CRD_WITH_RULES, toYaml } from './crd.ts';

/** Must occur exactly once in a CRD: the chart inserts an annotation after it. */
const METADATA = `metadata: {name: ${CRD.metadata.name}}\n`;

const ANNOTATED = `metadata:
  name: ${CRD.metadata.name}
  {{- if .Values.crds.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
`;

function body(definition: unknown): string {
  const text = toYaml(definition);
  if (text.includes('{{')) throw new Error('the CRD contains {{, which Helm would parse as a template');
  if (text.split(METADATA).length !== 2) throw new Error(`the CRD does not contain exactly once ${METADATA}`);
  return text.replace(METADATA, ANNOTATED);
}

export function renderChartCrd(): string {
  return `{{- /* Written by \`make generate\` from config/generate/. Do not edit. */ -}}
{{- if .Values.crds.install }}
{{- if semverCompare ">=1.25.0-0" .Capabilities.KubeVersion.Version }}
${body(CRD_WITH_RULES)}{{- else }}
${body(CRD)}{{- end }}
{{- end }}
`;
}
