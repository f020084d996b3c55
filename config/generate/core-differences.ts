/** docs/core-schema.md: on what this resource and a Job's API server differ, from the data of the test that proves it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const DATA = join(import.meta.dirname, '../../test/fixtures/core-schema');
const DIFFERENCES = 'differences.yaml';

interface Difference {
  readonly reason: string;
  readonly weTake: boolean;
  readonly before?: number;
  readonly cases: readonly string[];
}

const read = (file: string): unknown => parse(readFileSync(join(DATA, file), 'utf8'));

const cell = (text: string): string => text.replaceAll('|', '\\|');

const table = (heading: string, rows: readonly Difference[]): string =>
  [`| ${heading} | why |`, '|---|---|', ...rows.flatMap(({ cases, reason }) => rowsOf(cases, reason))].join('\n');

const rowsOf = (cases: readonly string[], reason: string): readonly string[] =>
  cases.map((name) => `| ${cell(name)} | ${cell(reason)} |`);

const versioned = (rows: readonly Difference[]): string =>
  [
    '| case | servers before | why |',
    '|---|---|---|',
    ...rows.flatMap(({ cases, before, reason }) =>
      cases.map((name) => `| ${cell(name)} | 1.${before} | ${cell(reason)} |`),
    ),
  ].join('\n');

export function renderCoreDifferences(): string {
  const files = readdirSync(DATA).filter((file) => file !== DIFFERENCES);
  const count = files.reduce((sum, file) => sum + Object.keys(read(file) as object).length, 0);
  const differences = read(DIFFERENCES) as readonly Difference[];
  const lasting = differences.filter(({ before }) => before === undefined);
  const passing = differences.filter(({ before }) => before !== undefined);
  const number = differences.reduce((sum, { cases }) => sum + cases.length, 0);
  return `<!-- Written by \`make generate\` from test/fixtures/core-schema. Do not edit. -->

# The core schema, beside an API server's

A step may say whatever a Pod's container may, and the template whatever a Pod's may. Whether it is right is decided when
the SequentialJob is applied, not when its Job is made: validation accepts a container and a template exactly when the API
server accepts the Job that the controller would make of them.

\`test/integration/core-schema.test.ts\` holds that against a real API server: ${count} cases, right ones and wrong ones of each
kind, and 400 manifests put together from them, each judged three times: by validation, by the schema of the
CustomResourceDefinition (which may take more, never less than validation), and by the server's own dry run of the Job. They
differ on the ${number} below, and the test fails when one is missing here or no longer differs.

## Refused here, taken as a Job

${table('case', lasting)}

## Refused here, taken by older servers

An older server drops a field that it does not know, with whatever is wrong in it, or does not check it yet.

${versioned(passing.filter(({ weTake }) => !weTake))}

## Taken here, refused by older servers

The schema is that of Kubernetes 1.36. What an older server refuses shows as \`JobRejected\` with its words, and a sequence that
has not started can then still be changed.

${versioned(passing.filter(({ weTake }) => weTake))}

## What is not compared

- Admission beyond the core: quotas, Pod Security, policies, runtime and priority classes that do not exist. They are the
  cluster's, and show as \`JobRejected\` or on the Job.
- Rules that need the server's settings: privileged containers where the server forbids them, node-local profiles.
- Empty texts on a 1.20 that was built with Go 1.18 or newer: its schema takes \`value: ''\` for null and refuses it. The releases
  of 1.20 don't, nor does any newer server.
- Unknown fields: the definition drops them, as a server does a Job's; \`kubectl\` warns, or refuses under strict validation.
`;
}
