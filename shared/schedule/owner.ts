/** The schedule that a SequentialJob is a run of, by its owner references. */
import { CRON, GROUP } from '../api/group.ts';
import type { OwnerReference } from '../api/types.ts';

interface OwnedMeta {
  readonly ownerReferences?: readonly OwnerReference[];
}

/** The owner reference that marks the object's controller, if that is a CronSequentialJob of any version of this API group. */
export const scheduleOwner = ({ ownerReferences }: OwnedMeta): OwnerReference | undefined =>
  ownerReferences?.find(
    ({ controller, kind, apiVersion }) =>
      controller === true && kind === CRON.kind && apiVersion.startsWith(`${GROUP}/`),
  );
