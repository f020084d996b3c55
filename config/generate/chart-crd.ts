/** charts/sequentialjob/templates/crd*.yaml. Helm installs the CRDs with CEL rules if the API server supports them. */
import { V1ALPHA1 } from '../../shared/api/group.ts';
import { CRD, CRD_WITH_RULES, SCHEDULE_CRD, SCHEDULE_CRD_WITH_RULES, toYaml } from './crd.ts';

type Template = readonly [text: string, template: string];

/** What differs between installations: each text occurs exactly once in a CRD, and the chart has the template in its place. */
const TEMPLATES: readonly Template[] = [
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

function versionTemplate(name: string, storage: boolean): Template {
  const served = name === V1ALPHA1 ? '{{ .Values.crds.serveV1alpha1 }}' : 'true';
  return [
    `    - name: ${name}\n      served: true\n      storage: ${storage}\n`,
    `    - name: ${name}\n      served: ${served}\n      storage: {{ eq .Values.crds.storedVersion "${name}" }}\n`,
  ];
}

function body(definition: unknown, templates: readonly Template[] = TEMPLATES): string {
  const text = toYaml(definition);
  if (text.includes('{{')) throw new Error('the CRD contains {{, which Helm would parse as a template');
  return templates.reduce((rest, [original, template]) => {
    if (rest.split(original).length !== 2) throw new Error(`the CRD does not contain exactly once ${original}`);
    return rest.replace(original, () => template);
  }, text);
}

const BANNER = '{{- /* Written by `make generate` from config/generate/. Do not edit. */ -}}';
const KNOWS_CEL = '{{- if semverCompare ">=1.25.0-0" .Capabilities.KubeVersion.Version }}';

export function renderChartCrd(): string {
  return `${BANNER}
{{- if .Values.crds.install }}
${KNOWS_CEL}
${body(CRD_WITH_RULES)}{{- else }}
${body(CRD)}{{- end }}
{{- end }}
`;
}

/** The lines that only the CRD with rules has. */
function ruleLines(): string {
  const without = new Set(toYaml(SCHEDULE_CRD).split('\n'));
  const lines = toYaml(SCHEDULE_CRD_WITH_RULES).split('\n');
  return lines.flatMap((line) => (without.has(line) ? [] : [`${line}\n`])).join('');
}

const SCHEDULE_TEMPLATES: readonly Template[] = [
  [
    `metadata: {name: ${SCHEDULE_CRD.metadata.name}}\n`,
    `metadata:
  name: ${SCHEDULE_CRD.metadata.name}
  {{- if .Values.crds.keep }}
  annotations:
    helm.sh/resource-policy: keep
  {{- end }}
`,
  ],
  [ruleLines(), `${' '.repeat(10)}${KNOWS_CEL}\n${ruleLines()}${' '.repeat(10)}{{- end }}\n`],
];

/** The CRD of CronSequentialJob: one for all API servers, whose rules are conditional. */
export function renderScheduleChartCrd(): string {
  return `${BANNER}
{{- if .Values.crds.install }}
${body(SCHEDULE_CRD_WITH_RULES, SCHEDULE_TEMPLATES)}{{- end }}
`;
}
