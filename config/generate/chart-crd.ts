/** charts/sequentialjob/templates/crd.yaml: both definitions, of which Helm takes the one that the server can take. */
import { CRD, CRD_WITH_RULES, toYaml } from './crd.ts';

/** Has to stand once in a definition: the chart puts an annotation behind it. */
const METADATA = `metadata: {name: ${CRD.metadata.name}}\n`;

const ANNOTATED = `metadata:
  name: ${CRD.metadata.name}
  {{- if .Values.crds.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
`;

function body(definition: unknown): string {
  const text = toYaml(definition);
  if (text.includes('{{')) throw new Error('the definition has what Helm takes for a template');
  if (text.split(METADATA).length !== 2) throw new Error(`the definition does not say once ${METADATA}`);
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
