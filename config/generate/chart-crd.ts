/** charts/sequentialjob/templates/crd.yaml: both CRDs. Helm installs the one with CEL rules if the API server supports them. */
import { V1ALPHA1 } from '../../shared/api/group.ts';
import { CRD, CRD_WITH_RULES, toYaml } from './crd.ts';

/** What differs between installations: each text occurs exactly once in a CRD, and the chart has the template in its place. */
const TEMPLATES: readonly (readonly [text: string, template: string])[] = [
  [
    `metadata: {name: ${CRD.metadata.name}}\n`,
    `metadata:
  name: ${CRD.metadata.name}
  {{- if or .Values.crds.keep .Values.certManager.enabled }}
  annotations:
    {{- if .Values.crds.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
    {{- if .Values.certManager.enabled }}
    cert-manager.io/inject-ca-from: {{ .Release.Namespace }}/sequentialjob-webhook
    {{- end }}
  {{- end }}
`,
  ],
  [
    '        service: {namespace: sequentialjob-system, name: sequentialjob-webhook, port: 443, path: /convert}\n',
    `        service: {namespace: {{ .Release.Namespace }}, name: sequentialjob-webhook, port: 443, path: /convert}
        {{- with include "sequentialjob.caBundle" . }}
        caBundle: {{ . }}
        {{- end }}
`,
  ],
  ...CRD.spec.versions.map(({ name, storage }) => versionTemplate(name, storage)),
];

function versionTemplate(name: string, storage: boolean): readonly [text: string, template: string] {
  const served = name === V1ALPHA1 ? '{{ .Values.crds.serveV1alpha1 }}' : 'true';
  return [
    `    - name: ${name}\n      served: true\n      storage: ${storage}\n`,
    `    - name: ${name}\n      served: ${served}\n      storage: {{ eq .Values.crds.storedVersion "${name}" }}\n`,
  ];
}

function body(definition: unknown): string {
  const text = toYaml(definition);
  if (text.includes('{{')) throw new Error('the CRD contains {{, which Helm would parse as a template');
  return TEMPLATES.reduce((rest, [original, template]) => {
    if (rest.split(original).length !== 2) throw new Error(`the CRD does not contain exactly once ${original}`);
    return rest.replace(original, () => template);
  }, text);
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
