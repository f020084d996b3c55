/** The audit: what npm said, judged, and real npm against a registry that answers as it likes. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type AcceptedAdvisory, acceptedFaults, judgeAudit } from '../../../../config/supply-chain/audit.ts';
import { type Answer, json, startServer, type TestServer } from '../../../support/http-server.ts';
import { ROOT } from '../../../support/manifests.ts';

const ID = 'GHSA-aaaa-bbbb-cccc';
const URL = `https://github.com/advisories/${ID}`;
const TODAY = '2026-11-21';
const FAULT = `ajv: Prototype pollution (high), ${URL}`;

const accepted = (change: Partial<AcceptedAdvisory> = {}): AcceptedAdvisory => ({
  id: ID,
  package: 'ajv',
  why: 'Only our own schema is compiled.',
  until: '2026-12-31',
  ...change,
});

const report = (vulnerabilities: object): string => JSON.stringify({ auditReportVersion: 2, vulnerabilities });

const advisory = { name: 'ajv', title: 'Prototype pollution', url: URL, severity: 'high' };
/** As npm has it: what depends on the package is hit through it, and names it alone. */
const FOUND = report({ ajv: { via: [advisory] }, 'a-user-of-it': { via: ['ajv'] } });

describe('a report of npm', () => {
  it.each<readonly [string, string, readonly AcceptedAdvisory[], object]>([
    ['without findings is clean', report({}), [], { kind: 'clean', accepted: [] }],
    ['with a finding is not clean', FOUND, [], { kind: 'findings', faults: [FAULT] }],
    [
      'with an accepted finding is clean, and lists it',
      FOUND,
      [accepted()],
      { kind: 'clean', accepted: [`${ID} accepted until 2026-12-31`] },
    ],
    [
      'on the last day of an acceptance is clean',
      FOUND,
      [accepted({ until: TODAY })],
      { kind: 'clean', accepted: [expect.anything()] },
    ],
    [
      'after the last day of an acceptance is not clean',
      FOUND,
      [accepted({ until: '2026-11-20' })],
      { kind: 'findings', faults: [`${FAULT}, accepted until 2026-11-20`] },
    ],
    [
      'with a finding that is accepted in another package is not clean',
      FOUND,
      [accepted({ package: 'yaml' })],
      { kind: 'findings', faults: [FAULT, `advisories.json: ${ID} is not found in yaml any more`] },
    ],
    [
      'without an accepted finding is not clean: the list must be up to date',
      report({}),
      [accepted()],
      { kind: 'findings', faults: [`advisories.json: ${ID} is not found in ajv any more`] },
    ],
    [
      'with a finding that is accepted without a reason is not clean',
      FOUND,
      [accepted({ why: ' ' })],
      { kind: 'findings', faults: [expect.stringContaining('needs a package, a reason')] },
    ],
    [
      'of a registry without an audit: skipped',
      JSON.stringify({ statusCode: 405, message: '405 Method Not Allowed' }),
      [],
      { kind: 'not asked', why: '405 Method Not Allowed' },
    ],
    [
      'without a network: skipped',
      JSON.stringify({ message: 'request to https://r/ failed, reason: getaddrinfo ENOTFOUND r' }),
      [],
      { kind: 'not asked', why: expect.stringContaining('ENOTFOUND') },
    ],
    [
      'of a registry that fails: failed',
      JSON.stringify({ statusCode: 500, message: '500' }),
      [],
      { kind: 'failed', why: '500' },
    ],
    [
      'of an unknown version: failed',
      JSON.stringify({ auditReportVersion: 3, vulnerabilities: {} }),
      [],
      { kind: 'failed' },
    ],
    ['without a list: failed', JSON.stringify({ auditReportVersion: 2 }), [], { kind: 'failed' }],
    ['that is empty: failed', '', [], { kind: 'failed', why: 'npm audit did not answer in JSON' }],
    ['that is not an object: failed', '[]', [], { kind: 'failed' }],
  ])('%s', (_name, output, list, verdict) => {
    expect(judgeAudit(output, list, TODAY)).toMatchObject(verdict);
  });

  it.each([
    ['has no valid date', { until: 'never' }],
    ['has an impossible date', { until: '2026-13-01' }],
    ['has no reason', { why: '' }],
    ['has no package', { package: '' }],
  ])('an accepted advisory is rejected if it %s', (_name, change) => {
    expect(acceptedFaults([accepted(change)])).toHaveLength(1);
    expect(acceptedFaults([accepted()])).toEqual([]);
  });

  it('the committed list is valid', () => {
    const list = JSON.parse(readFileSync(join(ROOT, 'config/supply-chain/advisories.json'), 'utf8')) as never;
    expect(acceptedFaults(list)).toEqual([]);
  });
});

describe('the command with npm itself and a registry that', () => {
  let registry: TestServer | undefined;
  /** Of its own: npm keeps what it learned of an advisory. */
  let cache: string;
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'sequentialjob-npm-'));
  });
  afterEach(async () => registry?.close());
  afterAll(async () => rm(cache, { recursive: true, force: true }));

  async function audit(url: string): Promise<{ readonly code: unknown; readonly says: string }> {
    const options = [`--registry=${url}/`, `--cache=${cache}`, '--fetch-retries=0'];
    const command = [join(ROOT, 'config/supply-chain/main.ts'), 'audit', ...options];
    return new Promise((resolve) => {
      execFile(process.execPath, command, (error, says) => resolve({ code: error?.code ?? 0, says }));
    });
  }

  const affected = { id: 1, url: URL, title: 'Prototype pollution', severity: 'high', vulnerable_versions: '<9.0.0' };

  it.each<readonly [string, Answer, number, string]>([
    ['knows no advisory: clean', (_, response) => json(response, 200, {}), 0, 'npm audit: no known vulnerability'],
    [
      'knows an advisory: findings',
      ({ url }, response) => json(response, url.includes('/advisories/') ? 200 : 404, { ajv: [affected] }),
      1,
      FAULT,
    ],
    [
      'has no audit, 405: skipped',
      (_, response) => json(response, 405, {}),
      77,
      'SKIPPED: the audit could not be made here',
    ],
    [
      'has no audit, 404: skipped',
      (_, response) => json(response, 404, {}),
      77,
      'SKIPPED: the audit could not be made here',
    ],
    ['fails: failed', (_, response) => json(response, 500, {}), 1, 'the audit failed: 500'],
    [
      'returns HTML: failed',
      (_, response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>sign in</html>'),
      1,
      'the audit failed: ',
    ],
    ['returns unexpected JSON: failed', (_, response) => json(response, 200, ['a']), 1, 'the audit failed: '],
  ])('%s', async (_name, answer, code, says) => {
    registry = await startServer(answer);
    expect(await audit(registry.url)).toEqual({ code, says: expect.stringContaining(says) });
    expect(registry.received[0]?.url).toBe('/-/npm/v1/security/advisories/bulk');
  });

  it('does not exist: skipped', async () => {
    registry = await startServer(() => undefined);
    await registry.close();
    expect(await audit(registry.url)).toEqual({ code: 77, says: expect.stringContaining('ECONNREFUSED') });
  });
});
