/** The CustomResourceDefinition (apiextensions.k8s.io/v1). */
import { Document, isCollection, visit } from 'yaml';
import {
  CATEGORIES,
  CRON,
  GROUP,
  KIND,
  LIST_KIND,
  PLURAL,
  SHORT_NAMES,
  SINGULAR,
  V1ALPHA1,
  VERSION,
} from '../../shared/api/group.ts';
import type { Schema } from '../../shared/api/schema.ts';
import { RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA } from './resource-schema.ts';
import { SCHEDULE_RESOURCE_SCHEMA } from './schedule-schema.ts';
import {
  SCHEDULE_VALIDATION_RULES,
  V1ALPHA1_VALIDATION_RULES,
  VALIDATION_RULES,
  type ValidationRule,
} from './validations.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'date' | 'boolean' | 'integer';
  readonly jsonPath: string;
  readonly description: string;
  /** 0 is always shown, 1 with `kubectl get -o wide`. */
  readonly priority?: 1;
}

const COLUMNS: readonly PrinterColumn[] = [
  { name: 'Status', type: 'string', jsonPath: '.status.phase', description: 'The state of the sequence.' },
  {
    name: 'Progress',
    type: 'string',
    jsonPath: '.status.progress.summary',
    description: 'Completed steps of all steps.',
  },
  { name: 'Step', type: 'string', jsonPath: '.status.progress.currentStep', description: 'The current step.' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since the creation.' },
  {
    name: 'Message',
    type: 'string',
    // The message of this condition is useful in every phase: it names the running step, or the result.
    jsonPath: '.status.conditions[?(@.type=="Progressing")].message',
    description: 'What the sequence is doing, or how it ended.',
    priority: 1,
  },
  { name: 'Started', type: 'date', jsonPath: '.status.startTime', description: 'Time since the start.', priority: 1 },
  {
    name: 'Completed',
    type: 'date',
    jsonPath: '.status.completionTime',
    description: 'Time since the end.',
    priority: 1,
  },
];

/** As `kubectl get cronjobs` shows a CronJob (pkg/printers/internalversion). */
const SCHEDULE_COLUMNS: readonly PrinterColumn[] = [
  { name: 'Schedule', type: 'string', jsonPath: '.spec.schedule', description: 'When runs start.' },
  { name: 'Timezone', type: 'string', jsonPath: '.spec.timeZone', description: 'The time zone of the schedule.' },
  { name: 'Suspend', type: 'boolean', jsonPath: '.spec.suspend', description: 'Whether the schedule is suspended.' },
  { name: 'Active', type: 'integer', jsonPath: '.status.activeRuns', description: 'Runs that have not ended.' },
  {
    name: 'Last Schedule',
    type: 'date',
    jsonPath: '.status.lastScheduleTime',
    description: 'Time since the newest time for which a run was started.',
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'Time since the creation.' },
  {
    name: 'Last Success',
    type: 'date',
    jsonPath: '.status.lastSuccessfulTime',
    description: 'Time since the end of the newest run that succeeded.',
    priority: 1,
  },
  {
    name: 'Next',
    // A date would be shown as the time since then, which is invalid for one to come.
    type: 'string',
    jsonPath: '.status.nextScheduleTime',
    description: 'The next time of the schedule.',
    priority: 1,
  },
  {
    name: 'Message',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Available")].message',
    description: 'Whether runs are created, or why not.',
    priority: 1,
  },
];

/** The schema of the CRD: the schema that the webhook validates with, optionally with CEL rules. */
export interface GuardedSchema extends Schema {
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
}

const version = (name: string, additionalPrinterColumns: readonly PrinterColumn[], openAPIV3Schema: GuardedSchema) => ({
  name,
  served: true,
  storage: name === VERSION,
  ...(name === V1ALPHA1 && {
    deprecated: true,
    deprecationWarning: `${GROUP}/${V1ALPHA1} ${KIND} is deprecated; use ${GROUP}/${VERSION} (sequentialjob convert)`,
  }),
  subresources: { status: {} },
  additionalPrinterColumns,
  schema: { openAPIV3Schema },
});

/** Calls the webhook by its Service. Installations whose webhook is elsewhere replace `clientConfig`. */
const CONVERSION = {
  strategy: 'Webhook',
  webhook: {
    conversionReviewVersions: ['v1'],
    clientConfig: {
      service: { namespace: 'sequentialjob-system', name: 'sequentialjob-webhook', port: 443, path: '/convert' },
    },
  },
} as const;

interface Names {
  readonly kind: string;
  readonly listKind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
}

const definition = <T extends object>(names: Names, conversion: T, versions: readonly ReturnType<typeof version>[]) => {
  const { kind, listKind, plural, singular, shortNames } = names;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      names: { kind, listKind, plural, singular, shortNames, categories: CATEGORIES },
      scope: 'Namespaced',
      ...conversion,
      versions,
    },
  };
};

const sequences = (v1beta1: GuardedSchema, v1alpha1: GuardedSchema) => {
  const names = { kind: KIND, listKind: LIST_KIND, plural: PLURAL, singular: SINGULAR, shortNames: SHORT_NAMES };
  const versions = [version(VERSION, COLUMNS, v1beta1), version(V1ALPHA1, COLUMNS, v1alpha1)];
  return definition(names, { conversion: CONVERSION }, versions);
};

/** It has one version, so nothing is converted. */
const schedules = (schema: GuardedSchema) => definition(CRON, {}, [version(VERSION, SCHEDULE_COLUMNS, schema)]);

/** The CRD for all API servers. */
export const CRD = sequences(RESOURCE_SCHEMA, V1ALPHA1_RESOURCE_SCHEMA);

/**
 * The CRD with CEL rules, for API servers that support them. It is a separate file because before 1.23 the field is unknown: the
 * API server would drop the rules, but kubectl rejects the file (seen on 1.20).
 */
export const CRD_WITH_RULES = sequences(
  { ...RESOURCE_SCHEMA, 'x-kubernetes-validations': VALIDATION_RULES },
  { ...V1ALPHA1_RESOURCE_SCHEMA, 'x-kubernetes-validations': V1ALPHA1_VALIDATION_RULES },
);

/** The CRD of CronSequentialJob. */
export const SCHEDULE_CRD = schedules(SCHEDULE_RESOURCE_SCHEMA);

export const SCHEDULE_CRD_WITH_RULES = schedules({
  ...SCHEDULE_RESOURCE_SCHEMA,
  'x-kubernetes-validations': SCHEDULE_VALIDATION_RULES,
});

const LINE = 120;

/**
 * Prints YAML that is short and gives readable diffs: a node that fits on one line is printed in flow style, others are
 * indented. It has no anchors, so that every YAML parser, and a conversion to JSON, reads the same.
 */
export function toYaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Collection(_key, node, path) {
      if (JSON.stringify(node.toJS(document)).length <= LINE - 2 * path.length) {
        node.flow = true;
        return visit.SKIP;
      }
      return undefined;
    },
  });
  if (!isCollection(document.contents)) {
    throw new Error('only a mapping or a list can be printed');
  }
  return document.toString({ lineWidth: LINE + 40, flowCollectionPadding: false, singleQuote: true });
}
