/** The SequentialJob that a CronSequentialJob of a file would create, for what is shown or asked about its Jobs. */
import { withDefaults } from '../shared/api/defaults.ts';
import { API_VERSION, KIND, SCHEDULE_LABEL } from '../shared/api/group.ts';
import type { SequentialJobTemplate } from '../shared/api/schedule.ts';
import type { ChildMetadata, ObjectMeta, SequentialJobSpec } from '../shared/api/types.ts';
import { asObject, nonEmptyString } from '../shared/json/untrusted.ts';

/** In place of the minutes since the epoch, which a run has at the end of its name (shared/schedule/run-name.ts). */
export const PLACEHOLDER_MINUTES = 'xxxxxxxx';

/** In place of the random characters of `generateName`. */
const PLACEHOLDER_RANDOM = 'xxxxx';

interface Schedule {
  readonly metadata: unknown;
  readonly spec: unknown;
}

interface Metadata extends ObjectMeta {
  readonly generateName: string;
}

/** A run with all defaults, as far as the schedule describes one: of a schedule that is invalid, parts may be missing. */
export function runOfSchedule(schedule: unknown): unknown {
  const { metadata, spec } = asObject<Schedule>(schedule) ?? {};
  const { name, generateName, namespace } = asObject<Metadata>(metadata) ?? {};
  const template = asObject<SequentialJobTemplate>(
    asObject<{ sequentialJobTemplate: unknown }>(spec)?.sequentialJobTemplate,
  );
  const { labels, annotations } = asObject<ChildMetadata>(template?.metadata) ?? {};
  const own = nonEmptyString(name) ?? `${nonEmptyString(generateName) ?? ''}${PLACEHOLDER_RANDOM}`;
  const run = asObject<SequentialJobSpec>(template?.spec);
  return {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      name: `${own}-${PLACEHOLDER_MINUTES}`,
      ...(nonEmptyString(namespace) !== undefined && { namespace }),
      labels: { ...asObject<Record<string, string>>(labels), [SCHEDULE_LABEL]: own },
      ...(annotations !== undefined && { annotations }),
    },
    spec: run === undefined ? undefined : withDefaults(run as SequentialJobSpec),
  };
}
