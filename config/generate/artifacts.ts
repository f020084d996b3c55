/**
 * The generated files, which are committed. `node config/generate/main.ts` writes them; with `--check` it fails if one
 * differs. To generate another file, add an entry.
 */
import type { Schema } from '../../shared/api/schema.ts';
import { renderApiDoc } from './api-doc.ts';
import { renderArgoConfigMap } from './argocd.ts';
import { renderChartCrd, renderScheduleChartCrd } from './chart-crd.ts';
import { renderCliReference } from './cli-reference.ts';
import { CRD, CRD_WITH_RULES, SCHEDULE_CRD, SCHEDULE_CRD_WITH_RULES, toYaml } from './crd.ts';
import { renderEditorSchema } from './editor-schema.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from './resource-schema.ts';
import { SCHEDULE_SCHEMA_PART } from './schedule-schema.ts';
import { renderStateMachine } from './state-machine.ts';
import { renderValidationDoc } from './validation-doc.ts';

export interface Artifact {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string;
  /** Returns the whole text. It depends only on the sources and the locked dependencies. */
  readonly render: () => string;
}

const BANNER = '# Written by `make generate` from config/generate/. Do not edit.\n';

const RULES = `${BANNER}# The definition with rules in CEL, for Kubernetes 1.25 and newer; kubectl can't apply it before 1.23.\n`;

const ARGO = `${BANNER}# Keys of Argo CD's own ConfigMap: the health checks for SequentialJobs and CronSequentialJobs, from health.lua and schedule-health.lua.
# docs/gitops.md says how to add them.
`;

const json = (schema: Schema): string => `${JSON.stringify(schema, null, 1)}\n`;

export const ARTIFACTS: readonly Artifact[] = [
  { path: 'shared/api/schema.generated.json', render: () => json(RESOURCE_SCHEMA) },
  { path: 'shared/api/v1alpha1.schema.generated.json', render: () => json(V1ALPHA1_RESOURCE_SCHEMA) },
  { path: 'shared/api/schedule.schema.generated.json', render: () => json(SCHEDULE_SCHEMA_PART) },
  { path: 'config/crd/batch.example.com_sequentialjobs.yaml', render: () => BANNER + toYaml(CRD) },
  { path: 'config/crd/cel/batch.example.com_sequentialjobs.yaml', render: () => RULES + toYaml(CRD_WITH_RULES) },
  { path: 'config/crd/batch.example.com_cronsequentialjobs.yaml', render: () => BANNER + toYaml(SCHEDULE_CRD) },
  {
    path: 'config/crd/cel/batch.example.com_cronsequentialjobs.yaml',
    render: () => RULES + toYaml(SCHEDULE_CRD_WITH_RULES),
  },
  { path: 'charts/sequentialjob/templates/crd.yaml', render: renderChartCrd },
  { path: 'charts/sequentialjob/templates/crd-schedules.yaml', render: renderScheduleChartCrd },
  { path: 'config/argocd/argocd-cm.yaml', render: () => ARGO + renderArgoConfigMap() },
  { path: 'config/schema/sequentialjob.schema.json', render: renderEditorSchema },
  { path: 'docs/cli-reference.md', render: renderCliReference },
  { path: 'docs/api.md', render: renderApiDoc },
  { path: 'docs/state-machine.md', render: renderStateMachine },
  { path: 'docs/validation.md', render: renderValidationDoc },
];
