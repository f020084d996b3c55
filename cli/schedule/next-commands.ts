/** The commands that help next, by the state of a schedule. Pure. */
import { CRON } from '../../shared/api/group.ts';
import { commandLine, type Invocation } from '../status/next-commands.ts';
import { PREFIX } from './reference.ts';
import type { ScheduleView } from './schedule-view.ts';

/** No run has this name. */
function freeName({ name, runs }: ScheduleView): string {
  const taken = new Set(runs.map(({ sequence }) => sequence.name));
  const names = [`${name}-now`, ...runs.map((_, at) => `${name}-now-${at + 2}`)];
  return names.find((one) => !taken.has(one)) ?? `${name}-now`;
}

export function commandsFor(view: ScheduleView, invocation: Invocation): readonly string[] {
  const { name, state, runs, namespace } = view;
  const own = (text: string): string => commandLine(invocation.program, text, namespace, invocation);
  const kubectl = (text: string): string => commandLine('kubectl', text, namespace, invocation);
  const newest = runs[0]?.sequence;
  const look = newest === undefined ? [] : [own(`status ${newest.name}`)];
  switch (state) {
    case 'Deleting':
      return look;
    case 'Unavailable':
      return [...look, kubectl(`describe ${CRON.singular} ${name}`)];
    case 'Suspended':
      return [...look, own(`unsuspend ${PREFIX}${name}`)];
    case 'Scheduled':
      return [...look, own(`create ${freeName(view)} --from=${PREFIX}${name}`)];
  }
}
