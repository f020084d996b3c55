/** Parses flags and environment variables into a frozen configuration and reports all errors at once. Pure. */
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../../shared/log.ts';
import { bool, integer, list, oneOf, type ParseResult, text } from '../../shared/option-values.ts';
import { readFlags } from '../../shared/read-flags.ts';

/** The part of the operator that a process runs: the webhook, the controller, or both. */
export const ROLES = ['all', 'webhook', 'controller'] as const;
export type Role = (typeof ROLES)[number];

export interface Config {
  readonly role: Role;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  /** Undefined: the namespace of the Pod; none outside a cluster. */
  readonly operatorNamespace: string | undefined;
  readonly workers: number;
  readonly preflight: boolean;
  readonly checkSecrets: boolean;
  /** Undefined: all addresses, IPv6 and IPv4. */
  readonly webhookHost: string | undefined;
  readonly webhookPort: number;
  readonly certDir: string;
  /** Undefined: the webhook requires no client certificate. */
  readonly clientCaFile: string | undefined;
  /** Accepted common names of client certificates. */
  readonly clientSubjects: readonly string[];
  readonly leaderElect: boolean;
  readonly leaderElectionNamespace: string | undefined;
  readonly leaderElectionId: string;
  /** Undefined: no metrics server. */
  readonly metricsPort: number | undefined;
  /** Undefined: no health server; the webhook and the metrics server answer probes as well. */
  readonly healthPort: number | undefined;
  /** Requests per second; 0: no limit. */
  readonly kubeApiQps: number;
  /** Requests in a burst; 0: the value of kubeApiQps. */
  readonly kubeApiBurst: number;
  readonly requestTimeoutSeconds: number;
  readonly startupTimeoutSeconds: number;
  /** Applies to the webhook only: the controller stops immediately. */
  readonly shutdownDelaySeconds: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

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
  /** The value's name in the help text. */
  readonly placeholder: string;
  readonly description: string;
  readonly fallback: T;
  readonly read: (text: string) => ParseResult<T>;
  /** The value of a flag that is given without one; absent: the flag requires a value. */
  readonly bare?: string;
}

/** Every option of `run`, in the order of the help text. */
export const OPTIONS: { readonly [K in keyof Config]: Option<Config[K]> } = {
  role: {
    flag: 'role',
    placeholder: ROLES.join('|'),
    description: 'which parts of the operator this process runs',
    fallback: 'all',
    read: oneOf(ROLES),
  },
  kubeconfig: {
    flag: 'kubeconfig',
    placeholder: 'FILE',
    description: 'path to a kubeconfig; default KUBECONFIG, then the service account of the Pod, then ~/.kube/config',
    fallback: undefined,
    read: text,
  },
  context: {
    flag: 'context',
    placeholder: 'NAME',
    description: "the kubeconfig's context to use instead of its current one",
    fallback: undefined,
    read: text,
  },
  namespace: {
    flag: 'namespace',
    placeholder: 'NAME',
    description: 'watch only this namespace; default all',
    fallback: undefined,
    read: text,
  },
  operatorNamespace: {
    flag: 'operator-namespace',
    placeholder: 'NAME',
    description: "the operator's own namespace, where SequentialJobs do not run; default the namespace of its Pod",
    fallback: undefined,
    read: text,
  },
  workers: {
    flag: 'workers',
    placeholder: 'N',
    description: 'how many SequentialJobs are reconciled at once',
    fallback: 16,
    read: integer(1, 1000),
  },
  preflight: {
    flag: 'preflight',
    placeholder: 'true|false',
    description: 'before the first step starts, create the Jobs of all steps by dry run',
    fallback: true,
    read: bool,
    bare: 'true',
  },
  checkSecrets: {
    flag: 'check-secrets',
    placeholder: 'true|false',
    description:
      'check before a step starts that the Secrets it references exist; needs permission to get Secrets, including their contents',
    fallback: false,
    read: bool,
    bare: 'true',
  },
  webhookHost: {
    flag: 'webhook-host',
    placeholder: 'ADDRESS',
    description: 'address that the webhook listens on; default all, IPv6 and IPv4',
    fallback: undefined,
    read: text,
  },
  webhookPort: {
    flag: 'webhook-port',
    placeholder: 'PORT',
    description: 'port that the webhook listens on; 0 picks a free port, which the log names',
    fallback: 9443,
    read: integer(0, 65_535),
  },
  certDir: {
    flag: 'cert-dir',
    placeholder: 'FOLDER',
    description:
      "directory with the webhook's certificate tls.crt and key tls.key; awaited at the start, reloaded when they change",
    fallback: '/tmp/k8s-webhook-server/serving-certs',
    read: text,
  },
  clientCaFile: {
    flag: 'client-ca-file',
    placeholder: 'FILE',
    description:
      'accept only clients whose certificate is signed by this CA (PEM file); reloaded when it changes; default all clients',
    fallback: undefined,
    read: text,
  },
  clientSubjects: {
    flag: 'client-subjects',
    placeholder: 'NAME,...',
    description: 'accepted common names of client certificates, with --client-ca-file',
    fallback: ['kube-apiserver'],
    read: list,
  },
  leaderElect: {
    flag: 'leader-elect',
    placeholder: 'true|false',
    description: 'enable leader election: of several controllers only the holder of the Lease reconciles',
    fallback: false,
    read: bool,
    bare: 'true',
  },
  leaderElectionNamespace: {
    flag: 'leader-election-namespace',
    placeholder: 'NAME',
    description: 'namespace of the Lease; default the namespace of the Pod',
    fallback: undefined,
    read: text,
  },
  leaderElectionId: {
    flag: 'leader-election-id',
    placeholder: 'NAME',
    description: 'name of the Lease',
    fallback: 'sequentialjob-controller',
    read: text,
  },
  metricsPort: {
    flag: 'metrics-port',
    placeholder: 'PORT',
    description: 'serve /metrics, /healthz and /readyz over plain HTTP on this port; 0 picks a free port; default off',
    fallback: undefined,
    read: integer(0, 65_535),
  },
  healthPort: {
    flag: 'health-port',
    placeholder: 'PORT',
    description:
      'serve /healthz, /readyz and /readyz/webhook, for the kubelet, over plain HTTP on this port; 0 picks a free port; default off',
    fallback: undefined,
    read: integer(0, 65_535),
  },
  kubeApiQps: {
    flag: 'kube-api-qps',
    placeholder: 'N',
    description: 'maximum requests per second to the API server; 0 is no limit on the client side',
    fallback: 0,
    read: integer(0, 100_000),
  },
  kubeApiBurst: {
    flag: 'kube-api-burst',
    placeholder: 'N',
    description: 'maximum burst of requests to the API server; 0 is the value of --kube-api-qps',
    fallback: 0,
    read: integer(0, 100_000),
  },
  requestTimeoutSeconds: {
    flag: 'request-timeout',
    placeholder: 'SECONDS',
    description: 'timeout of one request to the API server',
    fallback: 30,
    read: integer(1, 3600),
  },
  startupTimeoutSeconds: {
    flag: 'startup-timeout',
    placeholder: 'SECONDS',
    description: 'how long to wait at the start for an API server that does not answer',
    fallback: 300,
    read: integer(0, 86_400),
  },
  shutdownDelaySeconds: {
    flag: 'shutdown-delay',
    placeholder: 'SECONDS',
    description:
      'keep serving the webhook this long after SIGTERM, so that no request meets a closed connection; use 5 in a cluster',
    fallback: 0,
    read: integer(0, 10),
  },
  logLevel: {
    flag: 'log-level',
    placeholder: LOG_LEVELS.join('|'),
    description: 'minimum log level',
    fallback: 'info',
    read: oneOf(LOG_LEVELS),
  },
  logFormat: {
    flag: 'log-format',
    placeholder: LOG_FORMATS.join('|'),
    description: 'log format: json for machines, pretty for people',
    fallback: 'json',
    read: oneOf(LOG_FORMATS),
  },
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
  const known = new Map(Object.values<Option<unknown>>(OPTIONS).map(({ flag, bare }) => [flag, bare]));
  const flags = readFlags(args, known, problems);
  const read = <K extends keyof Config>(key: K): Config[K] => {
    const option: Option<Config[K]> = OPTIONS[key];
    const name = environmentName(option.flag);
    const source = flags.has(option.flag) ? `--${option.flag}` : name;
    const given = flags.get(option.flag) ?? (env[name] === '' ? undefined : env[name]);
    if (given === undefined) return option.fallback;
    const outcome = option.read(given);
    if ('value' in outcome) return outcome.value;
    problems.push(`${source} ${outcome.problem}`);
    return option.fallback;
  };
  const config: Config = {
    role: read('role'),
    kubeconfig: read('kubeconfig'),
    context: read('context'),
    namespace: read('namespace'),
    operatorNamespace: read('operatorNamespace'),
    workers: read('workers'),
    preflight: read('preflight'),
    checkSecrets: read('checkSecrets'),
    webhookHost: read('webhookHost'),
    webhookPort: read('webhookPort'),
    certDir: read('certDir'),
    clientCaFile: read('clientCaFile'),
    clientSubjects: read('clientSubjects'),
    leaderElect: read('leaderElect'),
    leaderElectionNamespace: read('leaderElectionNamespace'),
    leaderElectionId: read('leaderElectionId'),
    metricsPort: read('metricsPort'),
    healthPort: read('healthPort'),
    kubeApiQps: read('kubeApiQps'),
    kubeApiBurst: read('kubeApiBurst'),
    requestTimeoutSeconds: read('requestTimeoutSeconds'),
    startupTimeoutSeconds: read('startupTimeoutSeconds'),
    shutdownDelaySeconds: read('shutdownDelaySeconds'),
    logLevel: read('logLevel'),
    logFormat: read('logFormat'),
  };
  if (config.clientCaFile === undefined && config.clientSubjects !== OPTIONS.clientSubjects.fallback) {
    problems.push('--client-subjects needs --client-ca-file');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}
