/** docs/state-machine.md: the controller's transition table as a diagram and as a table. */
import { type Transition, TRANSITIONS } from '../../controller/decide/machine.ts';
import { none, otherwise } from '../../controller/decide/row.ts';
import { STATES, type State } from '../../controller/decide/types.ts';

const MEANING: Readonly<Record<State, string>> = {
  New: 'seen, nothing begun: no `startTime`',
  StepPending: 'the next step has no Job on record',
  StepRunning: 'the last recorded step is `Running`',
  Suspended: 'condition `Suspended` is True',
  Completed: 'condition `Complete` is True',
  Failed: 'condition `Failed` is True',
  Deleting: '`deletionTimestamp` is set',
  Gone: 'nothing of ours holds the object',
};

/** `jobHasFailed` → `job has failed`. */
function words(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function arrow({ from, guard, effect, to }: Transition): string {
  const label = guard === otherwise ? words(effect.name) : `${words(guard.name)} / ${words(effect.name)}`;
  return `    ${from} --> ${to}: ${effect === none ? words(guard.name) : label}`;
}

/** The diagram omits transitions without effect that stay in their state. */
function isDrawn({ from, to, effect }: Transition): boolean {
  return !(from === to && effect === none);
}

function row({ from, guard, effect, to, continues }: Transition): string {
  const end = continues === undefined ? to : `${to}, and continue`;
  return `| ${from} | \`${guard.name}\`: ${guard.description} | \`${effect.name}\`: ${effect.description} | ${end} |`;
}

export function renderStateMachine(): string {
  return `<!-- Written by \`make generate\` from controller/decide/machine.ts and the features beside it. Edit those. -->

# The state machine of a sequence

A reconcile starts in the state that the status records and follows the table: of the rows of a state, the first whose
guard holds says what happens and where it leads. A row ends the walk, unless it says "and continue": its actions are
executed and the walk is made again on what they brought, or the next change of the object, of its Jobs
or of its Pods, or a timer, starts a new reconcile.

\`\`\`mermaid
stateDiagram-v2
    [*] --> New
${TRANSITIONS.filter(isDrawn).map(arrow).join('\n')}
    Gone --> [*]
\`\`\`

An object that is deleted is in \`Deleting\` from then on, whatever it was before.

| state | read off the status as |
|---|---|
${STATES.map((state) => `| ${state} | ${MEANING[state]} |`).join('\n')}

| from | first guard that holds | effect | to |
|---|---|---|---|
${TRANSITIONS.map(row).join('\n')}
`;
}
