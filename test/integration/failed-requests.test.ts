/** What a failure and a resume cost in requests: no more than their Jobs, their status and their events. */
import { describe, expect, it } from '@jest/globals';
import { CountedRequests } from '../support/counted-requests.ts';
import { withInProcessController } from '../support/with-in-process-controller.ts';
import { sequence } from '../support/sequences.ts';

const requests = new CountedRequests();
const here = withInProcessController({ prefix: 'failed-requests', connect: () => requests.connect() });

describe('the requests of a sequence that fails', () => {
  it('are those of its steps, and at most one look for the Pods of the Job that failed', async () => {
    await requests.untilWatching();
    await here.namespace.apply('counted', sequence(3, { 0: 'sleep 1', 1: 'echo gone; exit 3' }));
    await here.namespace.untilFinished('counted');
    await requests.until('POST events 201', 6);
    const { 'GET pods 200': looks = 0, ...others } = requests.take();
    expect(looks).toBeLessThanOrEqual(1);
    expect(others).toEqual({
      'dry run': 1,
      'POST jobs 201': 2 + 1, // and the dry run
      'PATCH sequentialjobs/status 200': 3, // the first start, its end with the second start, the failure
      'POST events 201': 6,
    });
  });

  it('and is resumed are those of the step that is run again', async () => {
    await here.namespace.patch('counted', { spec: { resume: 1 } });
    await here.namespace.until('counted', ({ status }) => status?.phase === 'Failed' && status.resumes === 1);
    await requests.until('POST events 201', 4);
    const { 'GET pods 200': looks = 0, ...others } = requests.take();
    expect(looks).toBeLessThanOrEqual(1);
    expect(others).toEqual({
      'dry run': 1, // of the step that is run again and of those after it
      'POST jobs 201': 1 + 1,
      'PATCH sequentialjobs/status 200': 3, // the resume, before anything is started; the start; the failure
      'POST events 201': 4,
    });
  });
});
