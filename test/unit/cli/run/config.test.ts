import { describe, expect, it } from '@jest/globals';
import { type Config, ConfigError, environmentName, OPTIONS, parseConfig } from '../../../../cli/run/config.ts';

const DEFAULTS: Config = {
  role: 'all',
  kubeconfig: undefined,
  context: undefined,
  namespace: undefined,
  operatorNamespace: undefined,
  workers: 16,
  preflight: true,
  checkSecrets: false,
  webhookHost: undefined,
  webhookPort: 9443,
  certDir: '/tmp/k8s-webhook-server/serving-certs',
  clientCaFile: undefined,
  clientSubjects: ['kube-apiserver'],
  leaderElect: false,
  leaderElectionNamespace: undefined,
  leaderElectionId: 'sequentialjob-controller',
  metricsPort: undefined,
  healthPort: undefined,
  kubeApiQps: 0,
  kubeApiBurst: 0,
  requestTimeoutSeconds: 30,
  startupTimeoutSeconds: 300,
  shutdownDelaySeconds: 0,
  logLevel: 'info',
  logFormat: 'json',
};

function problems(args: readonly string[], env: Record<string, string> = {}): readonly string[] {
  try {
    parseConfig(args, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('parseConfig', () => {
  it.each<readonly [string, readonly string[], Record<string, string>, Partial<Config>]>([
    ['the defaults without arguments', [], {}, {}],
    ['a flag and its value in two arguments', ['--workers', '4'], {}, { workers: 4 }],
    ['an environment variable', [], { SEQUENTIALJOB_LOG_LEVEL: 'debug' }, { logLevel: 'debug' }],
    ['a flag overrides its environment variable', ['--workers=4'], { SEQUENTIALJOB_WORKERS: '5' }, { workers: 4 }],
    [
      'a flag overrides an invalid environment variable',
      ['--workers=4'],
      { SEQUENTIALJOB_WORKERS: 'x' },
      { workers: 4 },
    ],
    ['an empty variable counts as unset', [], { SEQUENTIALJOB_KUBECONFIG: '', SEQUENTIALJOB_WORKERS: '' }, {}],
    ['the last of two equal flags counts', ['--workers=4', '--workers=5'], {}, { workers: 5 }],
    ['other environment variables are ignored', [], { SEQUENTIALJOB_UNKNOWN: 'x', WORKERS: '2' }, {}],
    ['the smallest number', ['--workers=1'], {}, { workers: 1 }],
    ['the largest number', ['--workers=1000'], {}, { workers: 1000 }],
    ['a boolean flag alone is true', ['--leader-elect'], {}, { leaderElect: true }],
    ['a boolean flag may be false', ['--leader-elect=false'], {}, { leaderElect: false }],
    [
      'a boolean flag overrides its environment variable',
      ['--leader-elect=false'],
      { SEQUENTIALJOB_LEADER_ELECT: 'true' },
      {},
    ],
    ['a boolean variable', [], { SEQUENTIALJOB_LEADER_ELECT: 'true' }, { leaderElect: true }],
    ['a boolean flag before another flag', ['--leader-elect', '--workers=4'], {}, { leaderElect: true, workers: 4 }],
    ['port 0 is valid', ['--metrics-port=0'], {}, { metricsPort: 0 }],
    [
      'every flag at once',
      [
        '--role=webhook',
        '--kubeconfig=k',
        '--context=c',
        '--namespace=n',
        '--operator-namespace=on',
        '--workers=1',
        '--webhook-host=::1',
        '--webhook-port=0',
        '--cert-dir=d',
        '--client-ca-file=ca.crt',
        '--client-subjects=a, b',
        '--leader-elect=true',
        '--leader-election-namespace=ln',
        '--leader-election-id=li',
        '--metrics-port=8080',
        '--health-port=8081',
        '--kube-api-qps=50',
        '--kube-api-burst=100',
        '--request-timeout=2',
        '--startup-timeout=3',
        '--shutdown-delay=4',
        '--log-level=silent',
        '--log-format=pretty',
      ],
      {},
      {
        role: 'webhook',
        kubeconfig: 'k',
        context: 'c',
        namespace: 'n',
        operatorNamespace: 'on',
        workers: 1,
        webhookHost: '::1',
        webhookPort: 0,
        certDir: 'd',
        clientCaFile: 'ca.crt',
        clientSubjects: ['a', 'b'],
        leaderElect: true,
        leaderElectionNamespace: 'ln',
        leaderElectionId: 'li',
        metricsPort: 8080,
        healthPort: 8081,
        kubeApiQps: 50,
        kubeApiBurst: 100,
        requestTimeoutSeconds: 2,
        startupTimeoutSeconds: 3,
        shutdownDelaySeconds: 4,
        logLevel: 'silent',
        logFormat: 'pretty',
      },
    ],
  ])('%s', (_says, args, env, expected) => {
    expect(parseConfig(args, env)).toEqual({ ...DEFAULTS, ...expected });
  });

  it.each<readonly [string, readonly string[], Record<string, string>, readonly string[]]>([
    ['a flag that does not exist', ['--worker=4'], {}, ['unknown flag --worker']],
    ['a flag without its value', ['--workers'], {}, ['--workers needs a value']],
    ['an argument that is not a flag', ['here'], {}, ['unexpected argument "here"']],
    ['a number too small', ['--workers=0'], {}, ['--workers must be a whole number from 1 to 1000, not "0"']],
    ['a number too large', ['--workers=1001'], {}, ['--workers must be a whole number from 1 to 1000, not "1001"']],
    ['an invalid boolean', ['--leader-elect=x'], {}, ['--leader-elect must be true or false, not "x"']],
    ['an empty boolean', ['--leader-elect='], {}, ['--leader-elect must be true or false, not ""']],
    ['a separate argument as the value of a boolean', ['--leader-elect', 'false'], {}, ['unexpected argument "false"']],
    [
      'a flag before another flag',
      ['--leader-election-id', '--leader-elect'],
      {},
      ['--leader-election-id needs a value'],
    ],
    ['an empty path', ['--kubeconfig='], {}, ['--kubeconfig must not be empty']],
    ['an unknown role', ['--role=both'], {}, ['--role must be one of all, webhook, controller, not "both"']],
    [
      'an empty client subject',
      ['--client-ca-file=ca.crt', '--client-subjects=a,,b'],
      {},
      ['--client-subjects must be names with commas between them, none of them empty, not "a,,b"'],
    ],
    [
      'client subjects without a client CA',
      ['--client-subjects=kube-apiserver'],
      {},
      ['--client-subjects needs --client-ca-file'],
    ],
    [
      'an environment variable is reported by its name',
      [],
      { SEQUENTIALJOB_LOG_FORMAT: 'xml' },
      ['SEQUENTIALJOB_LOG_FORMAT must be one of json, pretty, not "xml"'],
    ],
    [
      'all errors at once',
      ['--nope', 'here', '--workers=0', '--log-level=loud'],
      { SEQUENTIALJOB_REQUEST_TIMEOUT: '0' },
      [
        'unknown flag --nope',
        'unexpected argument "here"',
        '--workers must be a whole number from 1 to 1000, not "0"',
        'SEQUENTIALJOB_REQUEST_TIMEOUT must be a whole number from 1 to 3600, not "0"',
        '--log-level must be one of debug, info, warn, error, silent, not "loud"',
      ],
    ],
  ])('refuses %s', (_says, args, env, expected) => {
    expect(problems(args, env)).toEqual(expected);
  });
});

it.each(Object.values(OPTIONS).map(({ flag }) => flag))('--%s has its own environment variable', (flag) => {
  expect(environmentName(flag)).toMatch(/^SEQUENTIALJOB_[A-Z]+(_[A-Z]+)*$/);
});
