/** docs/state-machine.md: the controller's transition table as a diagram and as a table. */
import { type Transition, TRANSITIONS } from '../../controller/decide/machine.ts';
import { none, otherwise } from '../../controller/decide/row.ts';
import { STATES, type State } from '../../controller/decide/types.ts';

const MEANING: Readonly<Record<State, string>> = {
  New: 'no `startTime`: the sequence has not started',
  StepPending: 'the status records no Job for the next step',
  StepRunning: 'the last recorded step is `Running`',
  Ended: 'between two rows of one reconcile: all steps have ended, or a failure has ended them',
  FinallyPending: '`status.finally` exists and records no Job for its next step',
  FinallyRunning: 'the last recorded step of `finally` is `Running`',
  Suspended: 'condition `Suspended` is True',
  Completed: 'condition `Complete` is True',
  Failed: 'condition `Failed` is True',
  Deleting: '`deletionTimestamp` is set',
  Gone: 'our finalizer is removed',
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

A reconcile starts in the state that the status records. It applies the first row of that state whose guard holds: the row's
effect, and its transition to the next state. If the row says "and continue", the rows of the next state follow. Otherwise
the controller executes the actions, and evaluates the table again on the resulting snapshot. Without actions it writes the
status, and the next change of the object, of its Jobs or of their Pods, or a timer, starts a new reconcile.

\`\`\`mermaid
stateDiagram-v2
    [*] --> New
${TRANSITIONS.filter(isDrawn).map(arrow).join('\n')}
    Gone --> [*]
\`\`\`

An object with a \`deletionTimestamp\` is in \`Deleting\`, whatever its state was before.

| state | recognized by |
|---|---|
${STATES.map((state) => `| ${state} | ${MEANING[state]} |`).join('\n')}

| from | first guard that holds | effect | to |
|---|---|---|---|
${TRANSITIONS.map(row).join('\n')}
`;
}
