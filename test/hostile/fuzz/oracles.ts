/** What holds for every body that anyone can send to the webhook. */
import { isUtf8 } from 'node:buffer';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import jsonpatch, { type Operation } from 'fast-json-patch';
import { MUTATE_PATH, VALIDATE_PATH } from '../../../webhook/app.ts';
import { defaultingPatch } from '../../../webhook/default.ts';
import { readUserObject } from '../../../shared/validation/index.ts';
import { objectErrors } from '../../../webhook/validate.ts';
import { MAX_BODY_BYTES } from '../../../webhook/request-body.ts';
import { inject, type Answer } from './inject.ts';

interface Response {
  readonly uid: string;
  readonly allowed: boolean;
  readonly patch?: string;
  readonly status?: { readonly code: number; readonly message: string };
}

const LONGEST_MS = 1_000;

/** Beyond the UID, which is given back as it came. A thousand faults with values of 256 characters, all of them escaped. */
const LARGEST_ANSWER = 10 * 1024 * 1024;

/** A stack, or where the program lies. */
const ROOT = join(import.meta.dirname, '../../..');
const INSIDE = new RegExp(`\\\\n\\s+at \\S|\\n\\s+at \\S|node:internal|node_modules|\\.m?[jt]s:\\d+|file://|${ROOT}/`);

/** Above it an input is validated once only. */
const REPEATED_BYTES = 64 * 1024;

/** Asks all that there is to ask about a body. Throws for the first thing that does not hold. */
export async function examine(app: RequestListener, body: Buffer): Promise<void> {
  const review = decoded(body);
  const asked = { app, body, uid: uidOf(review) };
  const verdict = await ask(VALIDATE_PATH, asked);
  if (body.length <= REPEATED_BYTES) {
    const again = await ask(VALIDATE_PATH, asked);
    expectThat(again.body === verdict.body, 'validating twice gives the same answer', again.body);
  }
  const { patch } = responseOf(await ask(MUTATE_PATH, asked));
  if (patch !== undefined) await expectSoundPatch(review as Review, patch, asked);
  expectThat(prototypeKeys() === KEYS, 'nothing changes what all objects have', '');
}

interface Asked {
  readonly app: RequestListener;
  readonly body: Buffer;
  /** Of a body that is a review. */
  readonly uid: string | undefined;
}

async function ask(path: string, asked: Asked): Promise<Answer> {
  const { app, body, uid } = asked;
  const started = performance.now();
  const answer = await inject(app, { path, body });
  if (performance.now() - started > LONGEST_MS) await expectFast(path, asked);
  const problem = answerProblem(answer, body, uid);
  expectThat(problem === undefined, problem ?? '', `${path}: ${answer.status} ${answer.body}`);
  return answer;
}

/** Again, by the time that the processor was ours: on a busy machine a clock on the wall measures the others. */
async function expectFast(path: string, { app, body }: Asked): Promise<void> {
  const started = process.threadCpuUsage();
  await inject(app, { path, body });
  const { user, system } = process.threadCpuUsage(started);
  const ms = (user + system) / 1000;
  expectThat(ms < LONGEST_MS, 'an answer takes less than a second', `${path}: ${ms} ms`);
}

/** What is wrong with an answer by itself. */
export function answerProblem(answer: Answer, body: Buffer, uid: string | undefined): string | undefined {
  const inside = INSIDE.exec(answer.body)?.[0];
  // Values are shown to who sent them, and may look like anything.
  if (inside !== undefined && !body.includes(inside) && !body.includes(JSON.stringify(inside).slice(1, -1))) {
    return 'an answer says nothing about the program';
  }
  if (answer.body.length > LARGEST_ANSWER + 6 * (uid?.length ?? 0)) return 'an answer is bounded';
  if (uid === undefined) {
    const wanted = body.length > MAX_BODY_BYTES ? 413 : 400;
    return answer.status === wanted && answer.type.startsWith('text/plain')
      ? undefined
      : `what is no review gets a ${wanted}`;
  }
  if (answer.status !== 200 || !answer.type.startsWith('application/json')) return 'a review gets an AdmissionReview';
  const response = responseOf(answer);
  if (response.uid !== uid) return 'an answer keeps the UID';
  if (typeof response.allowed !== 'boolean') return 'an answer allows or refuses';
  if (response.status?.code === 500) return 'nothing makes the webhook fail';
  return response.allowed === (response.status === undefined) ? undefined : 'a refusal says why';
}

function responseOf({ status, body }: Answer): Partial<Response> {
  if (status !== 200) return {};
  const { apiVersion, kind, response } = JSON.parse(body) as Readonly<Record<string, unknown>>;
  const isReview = apiVersion === 'admission.k8s.io/v1' && kind === 'AdmissionReview' && typeof response === 'object';
  return isReview ? (response as Response) : {};
}

interface Review {
  readonly request: { readonly uid: string; readonly object: unknown };
}

/** It applies, leaves nothing to add, and what it makes is valid. */
async function expectSoundPatch(review: Review, patch: string, { app, uid }: Asked): Promise<void> {
  const operations = JSON.parse(Buffer.from(patch, 'base64').toString()) as Operation[];
  const object: unknown = applied(review.request.object, operations);
  const body = written({ ...review, request: { ...review.request, object } });
  if (body === undefined) {
    expectThat(defaultingPatch(object).length === 0, 'defaulting twice adds nothing', 'by itself');
    expectThat(objectErrors(readUserObject(object)).length === 0, 'what is defaulted is valid', 'by itself');
    return;
  }
  const asked = { app, body, uid };
  const again = await ask(MUTATE_PATH, asked);
  const { allowed, patch: more } = responseOf(again);
  expectThat(allowed === true && more === undefined, 'defaulting twice adds nothing', again.body);
  const verdict = await ask(VALIDATE_PATH, asked);
  expectThat(responseOf(verdict).allowed === true, 'what is defaulted is valid', verdict.body);
}

/** As JSON; undefined where it could be read and cannot be written: a very deep nesting, a number out of range. */
function written(review: unknown): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(review, finite));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function finite(_key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError('JSON.stringify would write null');
  return value;
}

function applied(object: unknown, operations: readonly Operation[]): unknown {
  try {
    return jsonpatch.applyPatch(object, operations, true, true).newDocument;
  } catch (error) {
    throw new Error(`the patch applies: ${JSON.stringify(operations).slice(0, 500)}`, { cause: error });
  }
}

/** The body as JSON; undefined where it is none. */
export function decoded(body: Buffer): unknown {
  if (body.length > MAX_BODY_BYTES || !isUtf8(body)) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

/** The UID of what is a review; the webhook's own rule, written down a second time. */
export function uidOf(value: unknown): string | undefined {
  const review = value as
    { readonly apiVersion?: unknown; readonly kind?: unknown; readonly request?: unknown } | null | undefined;
  if (review?.apiVersion !== 'admission.k8s.io/v1' || review.kind !== 'AdmissionReview' || Array.isArray(review))
    return undefined;
  if (typeof review.request !== 'object' || review.request === null || Array.isArray(review.request)) return undefined;
  const { uid } = review.request as { readonly uid?: unknown };
  return typeof uid === 'string' && uid !== '' ? uid : undefined;
}

const PROTOTYPES: readonly object[] = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
const prototypeKeys = (): number => PROTOTYPES.reduce((sum, prototype) => sum + Reflect.ownKeys(prototype).length, 0);
const KEYS = prototypeKeys();

function expectThat(holds: boolean, rule: string, detail: string): void {
  if (!holds) throw new Error(`${rule}: ${detail.slice(0, 500)}`);
}
