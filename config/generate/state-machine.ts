/** docs/state-machine.md: the controller's transition table as a diagram and as a table. */
import { EFFECTS } from '../../controller/decide/effects.ts';
import { GUARDS } from '../../controller/decide/guards.ts';
import { type Transition, TRANSITIONS } from '../../controller/decide/machine.ts';
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
  const label = guard === 'otherwise' ? words(effect) : `${words(guard)} / ${words(effect)}`;
  return `    ${from} --> ${to}: ${effect === 'none' ? words(guard) : label}`;
}

/** The diagram omits transitions without effect that stay in their state. */
function isDrawn({ from, to, effect }: Transition): boolean {
  return !(from === to && effect === 'none');
}

function row({ from, guard, effect, to, rest }: Transition): string {
  return `| ${from} | \`${guard}\`: ${GUARDS[guard].description} | \`${effect}\`: ${EFFECTS[effect].description} | ${to}${rest ? ', and rest' : ''} |`;
}

export function renderStateMachine(): string {
  return `<!-- Written by \`make generate\` from controller/decide/machine.ts. Edit that. -->

# The state machine of a sequence

A reconcile starts in the state that the status records and follows the table: of the rows of a state, the first whose
guard holds says what happens and where it leads. A row that rests ends the walk: its actions are carried out and the
walk is made again on what they brought, or the next change of the object or of one of its Jobs starts a new reconcile.

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
