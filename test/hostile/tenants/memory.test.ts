/**
 * One tenant stores as much as a namespace takes. The operator has the memory that the Deployment gives it: it lives, also after a
 * restart, when it lists all of it anew, and the sequences of another namespace go on as if nothing were.
 */
import { expect, it, jest } from '@jest/globals';
import { LABELS } from '../../../shared/api/group.ts';
import type { SequentialJobSpec } from '../../../shared/api/types.ts';
import { JOBS } from '../../../shared/kube/resources.ts';
import { step } from '../../support/sequences.ts';
import { inParallel } from '../../support/parallel.ts';
import { shared } from '../../support/share.ts';
import { MIB_OF_TEXT, tenants } from '../../support/tenants.ts';

jest.setTimeout(600_000);

/** 110 of them ended the operator that read its lists in pages of 500. */
const LARGE = shared(200, 130);

const here = tenants();

/** `attack` while the operator runs, and then a new one in front of it. */
async function expectToLive(attack: () => Promise<void>): Promise<void> {
  const first = await here.start();
  await here.expectUnharmed('before', first);
  await Promise.all([attack(), here.expectUnharmed('meanwhile', first)]);
  await here.expectUnharmed('afterwards', first);
  await first.kill();
  const second = await here.start();
  await here.expectUnharmed('after a restart', second);
  expect(await second.stop()).toBe(0);
}

it(`${LARGE} suspended sequences of 1 MiB`, async () => {
  const large = { ...step('s0'), args: [MIB_OF_TEXT] };
  await expectToLive(() => inParallel(LARGE, (i) => here.apply(`large-${i}`, { steps: [large], suspend: true })));
});

it(`${LARGE / 2} of them with specs that change continuously`, async () => {
  const spec = (round: number): SequentialJobSpec => {
    const large = { ...step('s0'), args: [`${round}${MIB_OF_TEXT}`] };
    return { steps: [large], suspend: true };
  };
  await expectToLive(async () => {
    await inParallel(LARGE / 2, (i) => here.apply(`changing-${i}`, spec(0)));
    for (const round of [1, 2])
      await inParallel(LARGE / 2, (i) => here.hostile.patch(`changing-${i}`, { spec: spec(round) }));
  });
});

it(`${LARGE} plain Jobs of 1 MiB that carry the operator's label`, async () => {
  const container = { ...step('s0'), env: [{ name: 'A', value: MIB_OF_TEXT }] };
  const template = { spec: { containers: [container], restartPolicy: 'Never' } };
  await expectToLive(() =>
    inParallel(LARGE, (i) =>
      here.hostile.createObject(JOBS, {
        metadata: { name: `plain-${i}`, labels: { [LABELS.uid]: 'x' } },
        // None of them starts a Pod.
        spec: { parallelism: 0, template },
      }),
    ),
  );
});
