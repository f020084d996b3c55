/**
 * Request → answer, as files: test/golden/admission/<what is the case>.request.json and .response.json. A request has a
 * path, and a method (POST), headers (application/json) and a body where they differ from what the API server sends; in an
 * answer the patch is written out, where the wire has it in base64. To look at what a change does to all of them,
 * rewrite the answers and read the difference:
 *
 *     UPDATE_GOLDEN=1 make test-unit && git diff test/golden
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { createApp } from '../../../webhook/app.ts';
import { recordingLog } from '../../support/recording-log.ts';

const FOLDER = fileURLToPath(new URL('../../golden/admission/', import.meta.url));
const REQUEST = '.request.json';
const RESPONSE = '.response.json';
const UPDATE = process.env['UPDATE_GOLDEN'] === '1';

interface Case {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Instead of a body: the very text. */
  readonly text?: string;
}

interface Review {
  readonly response: { readonly uid: string; readonly allowed: boolean; readonly patch?: string };
}

const files = readdirSync(FOLDER);
const cases = files.filter((file) => file.endsWith(REQUEST)).map((file) => file.slice(0, -REQUEST.length));

const read = (file: string): unknown => JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8'));

const { log, lines } = recordingLog();
const app = createApp({ log, ownNamespace: 'sequentialjob-system' });
afterEach(() => void lines.splice(0));

async function answer({ path, method = 'POST', headers, body, text }: Case): Promise<unknown> {
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

function readable(review: Review): unknown {
  const { patch } = review.response;
  if (patch === undefined) return review;
  const written: unknown = JSON.parse(Buffer.from(patch, 'base64').toString());
  return { ...review, response: { ...review.response, patch: written } };
}

describe('the webhook, by golden files', () => {
  it.each(cases)('%s', async (name) => {
    const answered = await answer(read(`${name}${REQUEST}`) as Case);
    if (UPDATE) writeFileSync(`${FOLDER}${name}${RESPONSE}`, `${JSON.stringify(answered, undefined, 2)}\n`);
    expect(answered).toEqual(read(`${name}${RESPONSE}`));
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('every answer belongs to a request', () => {
    const answers = files.filter((file) => file.endsWith(RESPONSE)).map((file) => file.slice(0, -RESPONSE.length));
    expect(answers.filter((name) => !cases.includes(name))).toEqual([]);
    expect(files.filter((file) => !file.endsWith(REQUEST) && !file.endsWith(RESPONSE))).toEqual([]);
  });
});
