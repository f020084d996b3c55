/** `make demo`: a control plane, a node and the operator on this machine, and a sample that runs before your eyes. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createScreen, type Screen } from './demo/screen.ts';
import { startWorld, Undo, type World } from './demo/world.ts';
import { findProgram } from './processes/child.ts';

const ROOT = join(import.meta.dirname, '..');
const SAMPLE = { name: 'etl', file: 'config/samples/etl.yaml' } as const;
const REFUSED = { name: 'invalid', file: 'config/samples/invalid.yaml' } as const;
const ONCE_LIMIT_MS = 5 * 60_000;

/** How to look around; whoever has no kubectl gets the control plane's own. */
function howTo(binaries: string): string {
  const path = findProgram('kubectl') === undefined ? `    export PATH=$PATH:${binaries}\n` : '';
  return `
  All this stays until Ctrl-C. Look around from another terminal, in this folder:

${path}    export KUBECONFIG=$PWD/.demo/kubeconfig
    kubectl get sj -w
    kubectl describe sj etl
    kubectl apply -f config/samples/failing.yaml
    kubectl apply -f config/samples/invalid.yaml

`;
}

/** Shows the sample until it has ended; the exit code. */
async function showSample(world: World, screen: Screen): Promise<number> {
  await world.kubectl('apply', '-f', join(ROOT, SAMPLE.file));
  screen.line('applied', SAMPLE.file);
  screen.text('\n');
  const { child } = world.operator;
  const lost = child.exited.then(async (how) => {
    throw new Error(`the operator ended (${how}):\n${await child.tail(10)}`);
  });
  const phase = await Promise.race([world.narrator.ended(SAMPLE.name), lost]);
  const table = await world.kubectl('get', 'sj', '-o', 'wide');
  screen.text(`\n${table.trimEnd().replaceAll(/^/gm, '  ')}\n\n`);
  const isRefused = await showRefusal(world, screen);
  return phase === 'Completed' && isRefused ? 0 : 1;
}

/** Shows how the webhook's refusal reads; false when there was none. */
async function showRefusal({ kubectl }: World, screen: Screen): Promise<boolean> {
  screen.line(REFUSED.name, `kubectl apply -f ${REFUSED.file}`);
  try {
    screen.quote(await kubectl('apply', '-f', join(ROOT, REFUSED.file)));
    return false;
  } catch (error) {
    const answer = error instanceof Error ? error.message : String(error);
    screen.quote(answer);
    return answer.includes(' is invalid:'); // and not, for example, that nobody answers
  }
}

/** Resolves with the exit code when the user has had enough; a second signal ends the program as it is. */
function interruption(code: number): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(code);
      });
    }
  });
}

async function overdue(): Promise<never> {
  await sleep(ONCE_LIMIT_MS, undefined, { ref: false });
  throw new Error(
    `${SAMPLE.name} has not ended within ${ONCE_LIMIT_MS / 60_000} minutes: see .demo/operator/operator.log`,
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const screen = createScreen(
    (text) => process.stdout.write(text),
    () => performance.now(),
  );
  const undo = new Undo();
  const interrupted = interruption(values.once ? 1 : 0);
  const show = async (): Promise<number> => {
    const world = await startWorld(ROOT, screen, undo);
    const code = await (values.once ? Promise.race([showSample(world, screen), overdue()]) : showSample(world, screen));
    if (values.once) return code;
    screen.text(howTo(world.binaries));
    return interrupted;
  };
  try {
    return await Promise.race([show(), interrupted]);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await undo.run();
    screen.line('stopped', '');
  }
}

// What is still on its way after an interruption (a download, a build) must not hold the program up.
process.exit(await main());
