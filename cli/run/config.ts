/** Parses flags and environment variables into a frozen configuration and reports all errors at once. Pure. */
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../../shared/log.ts';
import { bool, integer, list, oneOf, type ParseResult, text } from '../../shared/option-values.ts';
import { readFlags } from '../../shared/read-flags.ts';

/** The part of the operator that a process runs: the webhook, the controller, or both. */
export const ROLES = ['all', 'webhook', 'controller'] as const;
export type Role = (typeof ROLES)[number];

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}

interface Option<T> {
  readonly flag: string;
  /** The value's name in the help text, or the words that it may be. */
  readonly placeholder: string | readonly string[];
  readonly description: string;
  readonly fallback: T;
  readonly read: (text: string) => ParseResult<T>;
  /** The value of a flag that is given without one; absent: the flag requires a value. */
  readonly bare?: string;
}

const option = <T>(given: Option<T>): Option<T> => given;

const BOOLS = ['true', 'false'] as const;

/** Every option of `run`, in the order of the help text. */
export const OPTIONS = {
  role: option<Role>({
    flag: 'role',
    placeholder: ROLES,
    description: 'which parts of the operator this process runs',
    fallback: 'all',
    read: oneOf(ROLES),
  }),
  kubeconfig: option({
    flag: 'kubeconfig',
    placeholder: 'FILE',
    description: 'path to a kubeconfig; default KUBECONFIG, then the service account of the Pod, then ~/.kube/config',
    fallback: undefined,
    read: text,
  }),
  context: option({
    flag: 'context',
    placeholder: 'NAME',
    description: "the kubeconfig's context to use instead of its current one",
    fallback: undefined,
    read: text,
  }),
  namespace: option({
    flag: 'namespace',
    placeholder: 'NAME',
    description: 'watch only this namespace; default all',
    fallback: undefined,
    read: text,
  }),
  /** Undefined: the namespace of the Pod; none outside a cluster. */
  operatorNamespace: option({
    flag: 'operator-namespace',
    placeholder: 'NAME',
    description: "the operator's own namespace, where SequentialJobs do not run; default the namespace of its Pod",
    fallback: undefined,
    read: text,
  }),
  workers: option({
    flag: 'workers',
    placeholder: 'N',
    description: 'how many SequentialJobs are reconciled at once',
    fallback: 16,
    read: integer(1, 1000),
  }),
  preflight: option({
    flag: 'preflight',
    placeholder: BOOLS,
    description: 'before the first step starts, create the Jobs of all steps by dry run',
    fallback: true,
    read: bool,
    bare: 'true',
  }),
  checkSecrets: option({
    flag: 'check-secrets',
    placeholder: BOOLS,
    description:
      'check before a step starts that the Secrets it references exist; needs permission to get Secrets, including their contents',
    fallback: false,
    read: bool,
    bare: 'true',
  }),
  /** Undefined: all addresses, IPv6 and IPv4. */
  webhookHost: option({
    flag: 'webhook-host',
    placeholder: 'ADDRESS',
    description: 'address that the webhook listens on; default all, IPv6 and IPv4',
    fallback: undefined,
    read: text,
  }),
  webhookPort: option({
    flag: 'webhook-port',
    placeholder: 'PORT',
    description: 'port that the webhook listens on; 0 picks a free port, which the log names',
    fallback: 9443,
    read: integer(0, 65_535),
  }),
  certDir: option({
    flag: 'cert-dir',
    placeholder: 'FOLDER',
    description:
      "directory with the webhook's certificate tls.crt and key tls.key; awaited at the start, reloaded when they change",
    fallback: '/tmp/k8s-webhook-server/serving-certs',
    read: text,
  }),
  /** Undefined: the webhook requires no client certificate. */
  clientCaFile: option({
    flag: 'client-ca-file',
    placeholder: 'FILE',
    description:
      'accept only clients whose certificate is signed by this CA (PEM file); reloaded when it changes; default all clients',
    fallback: undefined,
    read: text,
  }),
  /** Accepted common names of client certificates. */
  clientSubjects: option({
    flag: 'client-subjects',
    placeholder: 'NAME,...',
    description: 'accepted common names of client certificates, with --client-ca-file',
    fallback: ['kube-apiserver'],
    read: list,
  }),
  leaderElect: option({
    flag: 'leader-elect',
    placeholder: BOOLS,
    description: 'enable leader election: of several controllers only the holder of the Lease reconciles',
    fallback: false,
    read: bool,
    bare: 'true',
  }),
  leaderElectionNamespace: option({
    flag: 'leader-election-namespace',
    placeholder: 'NAME',
    description: 'namespace of the Lease; default the namespace of the Pod',
    fallback: undefined,
    read: text,
  }),
  leaderElectionId: option({
    flag: 'leader-election-id',
    placeholder: 'NAME',
    description: 'name of the Lease',
    fallback: 'sequentialjob-controller',
    read: text,
  }),
  /** Undefined: no metrics server. */
  metricsPort: option({
    flag: 'metrics-port',
    placeholder: 'PORT',
    description: 'serve /metrics, /healthz and /readyz over plain HTTP on this port; 0 picks a free port; default off',
    fallback: undefined,
    read: integer(0, 65_535),
  }),
  /** Undefined: no health server; the webhook and the metrics server answer probes as well. */
  healthPort: option({
    flag: 'health-port',
    placeholder: 'PORT',
    description:
      'serve /healthz, /readyz and /readyz/webhook, for the kubelet, over plain HTTP on this port; 0 picks a free port; default off',
    fallback: undefined,
    read: integer(0, 65_535),
  }),
  /** Requests per second; 0: no limit. */
  kubeApiQps: option({
    flag: 'kube-api-qps',
    placeholder: 'N',
    description: 'maximum requests per second to the API server; 0 is no limit on the client side',
    fallback: 0,
    read: integer(0, 100_000),
  }),
  /** Requests in a burst; 0: the value of kubeApiQps. */
  kubeApiBurst: option({
    flag: 'kube-api-burst',
    placeholder: 'N',
    description: 'maximum burst of requests to the API server; 0 is the value of --kube-api-qps',
    fallback: 0,
    read: integer(0, 100_000),
  }),
  requestTimeoutSeconds: option({
    flag: 'request-timeout',
    placeholder: 'SECONDS',
    description: 'timeout of one request to the API server',
    fallback: 30,
    read: integer(1, 3600),
  }),
  startupTimeoutSeconds: option({
    flag: 'startup-timeout',
    placeholder: 'SECONDS',
    description: 'how long to wait at the start for an API server that does not answer',
    fallback: 300,
    read: integer(0, 86_400),
  }),
  /** Applies to the webhook only: the controller stops immediately. */
  shutdownDelaySeconds: option({
    flag: 'shutdown-delay',
    placeholder: 'SECONDS',
    description:
      'keep serving the webhook this long after SIGTERM, so that no request meets a closed connection; use 5 in a cluster',
    fallback: 0,
    read: integer(0, 10),
  }),
  logLevel: option<LogLevel>({
    flag: 'log-level',
    placeholder: LOG_LEVELS,
    description: 'minimum log level',
    fallback: 'info',
    read: oneOf(LOG_LEVELS),
  }),
  logFormat: option<LogFormat>({
    flag: 'log-format',
    placeholder: LOG_FORMATS,
    description: 'log format: json for machines, pretty for people',
    fallback: 'json',
    read: oneOf(LOG_FORMATS),
  }),
};

/** Any of the options. */
export type RunOption = (typeof OPTIONS)[keyof typeof OPTIONS];

/** The value of each option: of its fallback's type and of what its `read` gives. */
export type Config = {
  readonly [K in keyof typeof OPTIONS]: (typeof OPTIONS)[K] extends Option<infer T> ? T : never;
};

/** The environment variable of a flag: `--log-level` is SEQUENTIALJOB_LOG_LEVEL. */
export function environmentName(flag: string): string {
  return `SEQUENTIALJOB_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * The configuration of `run`. A flag takes precedence over its environment variable, and that over the default; an empty
 * variable counts as unset. Throws ConfigError with all problems, each naming its flag or variable.
 */
export function parseConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const options: Readonly<Record<string, Option<unknown>>> = OPTIONS;
  const known = new Map(Object.values(options).map(({ flag, bare }) => [flag, bare]));
  const flags = readFlags(args, known, problems);
  const read = ({ flag, fallback, read: parse }: Option<unknown>): unknown => {
    const name = environmentName(flag);
    const given = flags.get(flag) ?? (env[name] === '' ? undefined : env[name]);
    if (given === undefined) return fallback;
    const outcome = parse(given);
    if ('value' in outcome) return outcome.value;
    problems.push(`${flags.has(flag) ? `--${flag}` : name} ${outcome.problem}`);
    return fallback;
  };
  // Each option reads values of its own type, which Object.fromEntries does not know.
  const config = Object.fromEntries(
    Object.entries(options).map(([key, each]) => [key, read(each)]),
  ) as unknown as Config;
  if (config.clientCaFile === undefined && config.clientSubjects !== OPTIONS.clientSubjects.fallback) {
    problems.push('--client-subjects needs --client-ca-file');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}
