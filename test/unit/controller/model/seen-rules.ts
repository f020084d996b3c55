/** What a status may not say against what the process that writes it has seen. */
import type { SequentialJobStatus, StepStatus } from '../../../../shared/api/types.ts';
import type { Cluster } from './cluster.ts';
import { recordedSteps } from './finally-jobs.ts';
import type { Ledger } from './ledger.ts';
import type { Process } from './process.ts';
import { broken } from './promises.ts';

/** Who writes a status, and what there is to be known. */
export interface Sight {
  readonly sender: Process;
  readonly cluster: Cluster;
  readonly ledger: Ledger;
}

export function* stepFaultsSeen(
  before: SequentialJobStatus | undefined,
  after: SequentialJobStatus,
  sight: Sight,
): Generator<string> {
  for (const step of recordedSteps(after)) {
    const old = recordedSteps(before).find(({ jobUID }) => jobUID !== undefined && jobUID === step.jobUID);
    const isNews = old?.state !== step.state || old.reason !== step.reason;
    if (isNews && step.reason === 'JobDeleted' && sight.sender.hasSeenEnd(step.jobUID ?? ''))
      yield broken('seenEnd', `${step.jobName}`);
    if (old === undefined || old.state === 'Running') yield* attemptFaults(old, step, sight);
  }
}

function* attemptFaults(old: StepStatus | undefined, step: StepStatus, sight: Sight): Generator<string> {
  const { state, attempts = 0, jobUID = '', jobName } = step;
  if (state === 'Skipped') return;
  const [seen, made] = [podsSeen(jobUID, sight), sight.cluster.podsMade(jobUID)];
  // A Job that has ended is counted when its end is put down: trouble may come before that.
  const isToBeEnded = state === 'Running' && sight.ledger.find(jobUID)?.end !== undefined;
  if (attempts < seen && !isToBeEnded)
    yield broken('attempts', `${attempts} of ${jobName}, and ${seen} Pods were seen`);
  // Of one that is over none is foreseen any more, but where that is on record.
  const most = state === 'Running' || old?.attempts === attempts ? made + 1 : made;
  if (attempts > most) yield broken('attempts', `${attempts} of ${jobName}, which has had ${made} Pods`);
  // The next attempt is foreseen while the Job runs; at its end one of which no Pod was seen is taken back.
  const isForeseen = state !== 'Running' && attempts + 1 === old?.attempts;
  if (attempts < (old?.attempts ?? 0) && !isForeseen)
    yield broken('attempts', `${attempts} of ${jobName}, after ${old?.attempts}`);
}

/**
 * How many Pods of this Job the sender has seen, or a process before it that has told of them: but for one with each change
 * of the process, as the record does not say whether the last attempt has had its Pod.
 */
function podsSeen(jobUID: string, { sender, ledger }: Sight): number {
  const job = ledger.find(jobUID);
  const own = sender.podsSeen(jobUID);
  if (job === undefined) return own.size;
  job.tellers.add(sender);
  for (const uid of own) job.podsTold.add(uid);
  return Math.max(own.size, job.podsTold.size - (job.tellers.size - 1));
}
