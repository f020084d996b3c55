/** How a command line names a schedule, beside sequences: `cron/nightly`. Pure. */
import { CRON, GROUP } from '../../shared/api/group.ts';

/** What completion offers. */
export const PREFIX = 'cron/';

const TYPES: ReadonlySet<string> = new Set([
  'cron',
  CRON.singular,
  CRON.plural,
  `${CRON.singular}.${GROUP}`,
  `${CRON.plural}.${GROUP}`,
  ...CRON.shortNames,
]);

/** The name in `cron/NAME`, also with another name of the resource, as kubectl takes them; undefined without one. */
export function scheduleNameOf(text: string): string | undefined {
  const slash = text.indexOf('/');
  return slash > 0 && TYPES.has(text.slice(0, slash).toLowerCase()) ? text.slice(slash + 1) : undefined;
}
