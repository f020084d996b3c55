/** Request → answer, as files: test/golden/admission. test/golden/README.md says how they are read and written. */
import { afterEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createApp } from '../../../webhook/app.ts';
import { ADMISSIONS, type AdmissionCase, goldenAdmissions } from '../../support/golden-admissions.ts';
import { type Outcome, outcome } from '../../support/golden.ts';
import { recordingLog } from '../../support/recording-log.ts';

interface Review {
  readonly response: { readonly uid: string; readonly allowed: boolean; readonly patch?: string };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Review;
  readonly text?: string;
}

const { log, lines } = recordingLog();
const app = createApp({ log, ownNamespace: 'sequentialjob-system' });
afterEach(() => void lines.splice(0));

async function answer({ path, method = 'POST', headers, body, text }: AdmissionCase): Promise<Answer> {
  const asking =
    method === 'GET' ? request(app).get(path) : method === 'PUT' ? request(app).put(path) : request(app).post(path);
  asking.set({ 'content-type': 'application/json', ...headers });
  const response = await (method === 'GET' ? asking : asking.send(text ?? JSON.stringify(body)));
  const type = response.get('content-type') ?? '';
  const isJson = type.startsWith('application/json');
  const allow = response.get('allow');
  return {
    status: response.status,
    headers: { 'content-type': type, ...(allow === undefined ? {} : { allow }) },
    ...(isJson ? { body: readable(JSON.parse(response.text) as Review) } : { text: response.text }),
  };
}

function readable(review: Review): Review {
  const { patch } = review.response;
  if (patch === undefined) return review;
  const written: unknown = JSON.parse(Buffer.from(patch, 'base64').toString());
  return { ...review, response: { ...review.response, patch: written as string } };
}

const LIKE = { allowed: ADMISSIONS.base('allowed'), denied: ADMISSIONS.base('denied') };

/** How it differs from the answer of its kind, if it is a review. */
function brief(answered: Answer): Outcome {
  if (answered.body === undefined) return outcome({}, answered);
  const like = answered.body.response.allowed ? 'allowed' : 'denied';
  const { result, messages } = outcome(LIKE[like], answered);
  return { result: { like, ...(result as object) }, messages };
}

describe('the webhook, by golden files', () => {
  it.each(goldenAdmissions())('$name', async ({ name, input }) => {
    const found = brief(await answer(input));
    expect(found).toStrictEqual(ADMISSIONS.recorded(name, found));
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('every file and every message belongs to a case', () => {
    expect(ADMISSIONS.stale()).toEqual([]);
  });
});
