/** docs/validation.md: which component validates what, and which objects are rejected deliberately, from the test's fixtures. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const DATA = join(import.meta.dirname, '../../test/fixtures/core-schema/deliberate.yaml');

interface Deliberate {
  readonly reason: string;
  readonly before?: number;
  readonly cases: readonly string[];
}

const cell = (text: string): string => text.replaceAll('|', '\\|');

function row({ cases, before, reason }: Deliberate): string {
  const servers = before === undefined ? 'all' : `before 1.${before}`;
  return `| ${cases.map(cell).join('; ')} | ${servers} | ${cell(reason)} |`;
}

const OF_A_SCHEDULE = `## Of a schedule

For a [CronSequentialJob](schedules.md) these are the rules beside its schema. Everything may change at any time.

- \`schedule\` is an expression that a \`batch/v1\` CronJob takes, without \`TZ=\` or \`CRON_TZ=\`; \`@every\` is at least a minute
- \`timeZone\` is a name of the IANA database that the operator knows
- \`sequentialJobTemplate.spec\` follows all rules of a SequentialJob, with its paths in front: \`spec.sequentialJobTemplate.spec.steps[0].image\`
- labels and annotations of the template are ones that the API server takes, and none is under \`batch.example.com/\`, \`*.batch.example.com/\` or \`batch.kubernetes.io/\`
- the name has at most 52 characters, a \`generateName\` at most 47: the runs append the time
- it is not in the operator's own namespace
`;

const WARNINGS = `## Warnings

Allowed, but probably a mistake: an image without tag or digest or with \`latest\`; a privileged container; a \`hostPath\`; an
\`emptyDir\` or ephemeral volume that two or more steps mount (each step has a Pod of its own, and the volume ends with it); a claim template that no step mounts; a spec
above 256 KiB, which \`kubectl apply\` accepts only with \`--server-side\`. Of a schedule: a date that never comes; a \`timeZone\` beside \`@every\`; a
\`startingDeadlineSeconds\` below ten; \`suspend\` or \`resume\` in its template.
`;

export function renderValidationDoc(): string {
  const deliberate = parse(readFileSync(DATA, 'utf8')) as readonly Deliberate[];
  return `<!-- Written by \`make generate\` from config/generate/validation-doc.ts. Do not edit. -->

# What is checked where

A spec that cannot run is refused before its first step starts. Three components validate it:

| check | when | what |
|---|---|---|
| **the schema** | \`kubectl apply\`, between the defaulting and the validating webhook; \`lint\` | types of all fields of the resource, the core Container and PodTemplateSpec included; our own enumerations (\`updatePolicy\`, \`onFailure\`, \`when\`) and limits |
| **our rules** | \`kubectl apply\`, in the webhook; \`lint\`; again in the controller, for an object that bypassed the webhook | the most common mistakes, and the fields that only this resource has: see below |
| **the API server** | \`lint --server\`; the controller's preflight, before the first step starts | everything else, by the rules of its own version, its policies and its admission webhooks |

We do not copy Kubernetes' rules for Pods, because a copy would have the rules of one version. An error of the API server shows as \`JobRejected\`, with
every error of every step in the paths of the SequentialJob (those of \`v1beta1\`), before any step has run; the spec can then be changed
([ADR 12](adr/0012-preflight.md)). Checks that happen only when a Pod is created (Pod Security, LimitRanges, quotas of
Pods) show in \`ResourcesUnavailable\` while the step waits.

## Our rules

Where API servers differ, our rules follow the most permissive version, from Kubernetes 1.20 on. They are the same for objects of both API
versions, and are worded here for \`v1beta1\`; an error names the fields of the version that you wrote ([ADR 14](adr/0014-reviews-in-the-users-version.md)).

- at least one step, and at most 1000; a spec has at most 1 MiB as JSON and 200,000 values (in a map of more than 1000 each counts as ten)
- names of steps, init containers and volumes are DNS labels; steps, those of \`finally\` and init containers have different names, and so have volumes
- an image is set and can be parsed
- names of \`volumeClaimTemplates\` are DNS labels, and different from each other and from the template's volumes
- each \`volumeMount\` and \`volumeDevice\` names a volume of the template or a claim template, and has a path of its own in its container
- names of environment variables are printable ASCII without \`=\`; \`value\` and \`valueFrom\` exclude each other; each variable has one source
- port numbers are valid, and unique together with their protocol; port names are valid and unique
- quantities can be parsed and are not negative; a request is not above its limit
- each probe and each lifecycle hook has exactly one action
- \`restartPolicy\` is \`Never\` or \`OnFailure\`, and \`Never\` where a step has a \`podFailurePolicy\`; of each, the step's own counts, or else
  that of all steps
- the template has no containers
- the metadata of the template, of Jobs, of Pods and of claims has no labels or annotations under \`batch.example.com/\`, \`*.batch.example.com/\` and
  \`batch.kubernetes.io/\`, nor the labels \`controller-uid\` and \`job-name\`
- scheduling gates and resource claims have unique names; no two topology spread constraints have the same \`topologyKey\` and
  \`whenUnsatisfiable\`
- what a step adds in its \`pod\` follows the rules of the template's Pod, in the Pod that they make together: its init containers mount volumes of
  the template, and their names and those of its resource claims are not among the template's. The init containers of two steps may have the same name
- \`activeDeadlineSeconds\` of a \`job\` is not above the sequence's
- a reference to a result names a step that ends before the Pod with the reference starts: an earlier one, in \`finally\` also any of
  \`steps\`; at most 16 steps are referred to
- in \`v1alpha1\`, a step policy names an existing step, each step has at most one, and only one for a container of \`finally\` has \`when\`
- the name of a SequentialJob has at most 63 characters
- it is not in the operator's own namespace, because its Pods could use the operator's service account (\`lint\` does not check this)

The [README](../README.md#the-webhook) says what an update may change.

${OF_A_SCHEDULE}
${WARNINGS}
## Refused deliberately

Some API servers accept these containers and templates, and we do not. The rules for fields that only this resource has are not listed:
reserved labels and annotations, the settings of steps and their deadlines, the size limits.

| case | servers that accept it | why |
|---|---|---|
${deliberate.map(row).join('\n')}

\`test/integration/core-schema.test.ts\` checks this against the API server of the test run: 612 containers and templates, valid and invalid ones of each kind, 36 specs
as found in practice, and 400 generated manifests. Except for this list, our validation refuses nothing that the server accepts, and the schema lacks no field that the
server knows. A unit test checks the same against recorded results of Kubernetes 1.36.3, which refused 381 of these 648 specs; 245 of them pass our schema and our
rules, and only the API server refuses them.

Empty strings are not compared on a 1.20 that was built with Go 1.18 or newer: its schema treats \`value: ''\` as null and refuses it. The
releases of 1.20 do not, nor does any newer server.
`;
}
