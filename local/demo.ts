/** `make demo`: starts a control plane, a node and the operator on this machine, and shows a sample running. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createOutput, type DemoOutput } from './demo/output.ts';
import { startDemoEnvironment, CleanupStack, type DemoEnvironment } from './demo/demo-environment.ts';
import { findProgram } from './processes/child.ts';

const ROOT = join(import.meta.dirname, '..');
const SAMPLE = { name: 'etl', file: 'config/samples/etl.yaml' } as const;
const INVALID_SAMPLE = { name: 'invalid', file: 'config/samples/invalid.yaml' } as const;
const ONCE_TIMEOUT_MS = 5 * 60_000;

/** What to try next. Adds the control plane's kubectl to the PATH if the machine has none. */
function hints(binaries: string): string {
  const path = findProgram('kubectl') === undefined ? `    export PATH=$PATH:${binaries}\n` : '';
  return `
  Everything keeps running until Ctrl-C. Try it from another terminal, in this folder:

${path}    export KUBECONFIG=$PWD/.demo/kubeconfig
    kubectl get sj -w
    kubectl describe sj etl
    kubectl apply -f config/samples/failing.yaml
    kubectl apply -f config/samples/invalid.yaml

`;
}

/** Shows the sample until it has finished. Returns the exit code. */
async function runSample(environment: DemoEnvironment, output: DemoOutput): Promise<number> {
  await environment.kubectl('apply', '-f', join(ROOT, SAMPLE.file));
  output.line('applied', SAMPLE.file);
  output.text('\n');
  const { child } = environment.operator;
  const operatorExited = child.exited.then(async (how) => {
    throw new Error(`the operator exited (${how}):\n${await child.tail(10)}`);
  });
  const phase = await Promise.race([environment.progress.untilFinished(SAMPLE.name), operatorExited]);
  const table = await environment.kubectl('get', 'sj', '-o', 'wide');
  output.text(`\n${table.trimEnd().replaceAll(/^/gm, '  ')}\n\n`);
  const isRejected = await showRejection(environment, output);
  return phase === 'Completed' && isRejected ? 0 : 1;
}

/** Applies an invalid sample and shows the webhook's message. Returns false if it was not rejected. */
async function showRejection({ kubectl }: DemoEnvironment, output: DemoOutput): Promise<boolean> {
  output.line(INVALID_SAMPLE.name, `kubectl apply -f ${INVALID_SAMPLE.file}`);
  try {
    output.quote(await kubectl('apply', '-f', join(ROOT, INVALID_SAMPLE.file)));
    return false;
  } catch (error) {
    const answer = error instanceof Error ? error.message : String(error);
    output.quote(answer);
    return answer.includes(' is invalid:'); // unlike, for example, an error of the connection
  }
}

/** Resolves with the exit code at the first SIGINT or SIGTERM; the second one exits the program immediately. */
function untilInterrupted(code: number): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(1));
        resolve(code);
      });
    }
  });
}

async function rejectAfterTimeout(): Promise<never> {
  await sleep(ONCE_TIMEOUT_MS, undefined, { ref: false });
  throw new Error(
    `${SAMPLE.name} did not finish within ${ONCE_TIMEOUT_MS / 60_000} minutes: see .demo/operator/operator.log`,
  );
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
  const output = createOutput(
    (text) => process.stdout.write(text),
    () => performance.now(),
  );
  const cleanup = new CleanupStack();
  const interrupted = untilInterrupted(values.once ? 1 : 0);
  const runDemo = async (): Promise<number> => {
    const world = await startDemoEnvironment(ROOT, output, cleanup);
    const code = await (values.once
      ? Promise.race([runSample(world, output), rejectAfterTimeout()])
      : runSample(world, output));
    if (values.once) return code;
    output.text(hints(world.binaries));
    return interrupted;
  };
  try {
    return await Promise.race([runDemo(), interrupted]);
  } catch (error) {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await cleanup.run();
    output.line('stopped', '');
  }
}

// Exit explicitly: after an interruption a running download or build would keep the process alive.
process.exit(await main());
