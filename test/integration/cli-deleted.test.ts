/** The commands for people on a sequence that is deleted while they run. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { kubeconfig } from '../support/cluster.ts';
import { Command } from '../support/command.ts';
import { FOREVER, sequence } from '../support/sequences.ts';
import { withController } from '../support/with-controller.ts';

const { namespace } = withController('deleted');
const start = (command: string): Command =>
  Command.start([...command.split(' '), '-n', namespace.name], { KUBECONFIG: kubeconfig() });

afterEach(async () => Command.endAll());

describe('while its second step runs, a sequence is deleted:', () => {
  it('logs -f says so, and does not call a log gone that it has printed', async () => {
    await namespace.apply('printed', sequence(2, { 0: 'echo one', 1: `echo two; ${FOREVER}` }));
    const following = start('logs printed -f');
    await following.untilSays('[s1] two');
    await namespace.delete('printed');
    const { code, stdout, stderr } = await following.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: '[s0] one\n[s1] two\n' });
    expect(stderr).toMatch(/(?:^|\n)sequentialjob\.batch\.example\.com\/printed was deleted\n$/);
    expect(stderr).not.toContain('its Pods are gone');
  });

  it('watch shows that the step is stopped, and that no other one starts', async () => {
    await namespace.apply('stopped', sequence(3, { 1: FOREVER }));
    await namespace.untilRunning('stopped', 1);
    const watching = start('watch stopped');
    await watching.untilSays('step 1 (s1) Running');
    await namespace.delete('stopped');
    const { code, stdout } = await watching.ended;
    expect(code).toBe(3);
    expect(stdout).toMatch(/step 1 \(s1\) Stopping/);
    expect(stdout).toMatch(/step 2 \(s2\) Not run\n/);
    expect(stdout).not.toMatch(/is Deleting[^]*Starting/);
  });
});
