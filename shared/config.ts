/** Flags and environment → one frozen configuration, all errors at once. Pure: both are passed in. */
import { parseArgs } from 'node:util';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from './log.ts';

/** What a process can be: the webhook, the controller, or both. */
export const ROLES = ['all', 'webhook', 'controller'] as const;
export type Role = (typeof ROLES)[number];

export interface Config {
  readonly role: Role;
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  /** Undefined: the Pod's own; outside of a cluster there is none. */
  readonly operatorNamespace: string | undefined;
  readonly workers: number;
  readonly preflight: boolean;
  readonly checkSecrets: boolean;
  /** Undefined: every address, IPv6 and IPv4. */
  readonly webhookHost: string | undefined;
  readonly webhookPort: number;
  readonly certDir: string;
  readonly leaderElect: boolean;
  readonly leaderElectionNamespace: string | undefined;
  readonly leaderElectionId: string;
  /** Undefined: no metrics and no probes are served beside the webhook's own. */
  readonly metricsPort: number | undefined;
  /** Requests a second; 0: no limit. */
  readonly kubeApiQps: number;
  /** Requests at once; 0: as many as in a second. */
  readonly kubeApiBurst: number;
  readonly requestTimeoutSeconds: number;
  readonly startupTimeoutSeconds: number;
  /** Of the webhook only: the controller stops at once. */
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

type Outcome<T> = { readonly value: T } | { readonly problem: string };

interface Option<T> {
  readonly flag: string;
  /** What stands for the value in the help text. */
  readonly placeholder: string;
  readonly says: string;
  readonly fallback: T;
  readonly read: (text: string) => Outcome<T>;
  /** What the flag means when it is given without a value; absent: it needs one. */
  readonly bare?: string;
}

const text = (value: string): Outcome<string> => (value === '' ? { problem: 'must not be empty' } : { value });

const oneOf =
  <T extends string>(choices: readonly T[]) =>
  (given: string): Outcome<T> => {
    const value = choices.find((choice) => choice === given);
    return value === undefined ? { problem: `must be one of ${choices.join(', ')}, not "${given}"` } : { value };
  };

const integer =
  (min: number, max: number) =>
  (given: string): Outcome<number> => {
    const value = /^\d{1,9}$/.test(given) ? Number(given) : Number.NaN;
    return value >= min && value <= max
      ? { value }
      : { problem: `must be a whole number from ${min} to ${max}, not "${given}"` };
  };

const bool = (given: string): Outcome<boolean> =>
  given === 'true' || given === 'false'
    ? { value: given === 'true' }
    : { problem: `must be true or false, not "${given}"` };

/** Every option of `run`, in the order of the help text. */
export const OPTIONS: { readonly [K in keyof Config]: Option<Config[K]> } = {
  role: {
    flag: 'role',
    placeholder: ROLES.join('|'),
    says: 'what this process does',
    fallback: 'all',
    read: oneOf(ROLES),
  },
  kubeconfig: {
    flag: 'kubeconfig',
    placeholder: 'FILE',
    says: 'where the cluster is; else KUBECONFIG, the service account of the Pod, ~/.kube/config',
    fallback: undefined,
    read: text,
  },
  context: {
    flag: 'context',
    placeholder: 'NAME',
    says: "the kubeconfig's context to use instead of its current one",
    fallback: undefined,
    read: text,
  },
  namespace: {
    flag: 'namespace',
    placeholder: 'NAME',
    says: 'look after this namespace only; default all',
    fallback: undefined,
    read: text,
  },
  operatorNamespace: {
    flag: 'operator-namespace',
    placeholder: 'NAME',
    says: "the operator's own namespace, in which no SequentialJob is run; default that of its Pod",
    fallback: undefined,
    read: text,
  },
  workers: {
    flag: 'workers',
    placeholder: 'N',
    says: 'SequentialJobs worked on at once',
    fallback: 16,
    read: integer(1, 1000),
  },
  preflight: {
    flag: 'preflight',
    placeholder: 'true|false',
    says: 'ask the API server by dry run for the Jobs of all steps before the first one starts',
    fallback: true,
    read: bool,
    bare: 'true',
  },
  checkSecrets: {
    flag: 'check-secrets',
    placeholder: 'true|false',
    says: 'ask before a step starts whether the Secrets that it needs exist; needs the right to get Secrets, contents included',
    fallback: false,
    read: bool,
    bare: 'true',
  },
  webhookHost: {
    flag: 'webhook-host',
    placeholder: 'ADDRESS',
    says: 'serve the webhook on this address only; default every one, IPv6 and IPv4',
    fallback: undefined,
    read: text,
  },
  webhookPort: {
    flag: 'webhook-port',
    placeholder: 'PORT',
    says: 'serve the webhook on this port; 0 takes a free one, which the log names',
    fallback: 9443,
    read: integer(0, 65_535),
  },
  certDir: {
    flag: 'cert-dir',
    placeholder: 'FOLDER',
    says: "the webhook's certificate tls.crt and key tls.key; waited for, and reloaded when they change",
    fallback: '/tmp/k8s-webhook-server/serving-certs',
    read: text,
  },
  leaderElect: {
    flag: 'leader-elect',
    placeholder: 'true|false',
    says: 'of several controllers let only one work, the one that holds the Lease',
    fallback: false,
    read: bool,
    bare: 'true',
  },
  leaderElectionNamespace: {
    flag: 'leader-election-namespace',
    placeholder: 'NAME',
    says: "where the Lease is; default the Pod's own namespace",
    fallback: undefined,
    read: text,
  },
  leaderElectionId: {
    flag: 'leader-election-id',
    placeholder: 'NAME',
    says: 'the name of the Lease',
    fallback: 'sequentialjob-controller',
    read: text,
  },
  metricsPort: {
    flag: 'metrics-port',
    placeholder: 'PORT',
    says: 'serve /metrics, /healthz and /readyz in plain HTTP on this port; 0 takes a free one; default none',
    fallback: undefined,
    read: integer(0, 65_535),
  },
  kubeApiQps: {
    flag: 'kube-api-qps',
    placeholder: 'N',
    says: "the controller's requests to the API server in a second at most; 0 leaves that to the API server",
    fallback: 0,
    read: integer(0, 100_000),
  },
  kubeApiBurst: {
    flag: 'kube-api-burst',
    placeholder: 'N',
    says: 'how many of them may be sent at once after a pause; 0 takes the number of --kube-api-qps',
    fallback: 0,
    read: integer(0, 100_000),
  },
  requestTimeoutSeconds: {
    flag: 'request-timeout',
    placeholder: 'SECONDS',
    says: 'time limit of one request to the API server',
    fallback: 30,
    read: integer(1, 3600),
  },
  startupTimeoutSeconds: {
    flag: 'startup-timeout',
    placeholder: 'SECONDS',
    says: 'how long to wait for an API server that does not answer at the start',
    fallback: 300,
    read: integer(0, 86_400),
  },
  shutdownDelaySeconds: {
    flag: 'shutdown-delay',
    placeholder: 'SECONDS',
    says: 'how long the webhook serves on when it is to end, so that no request meets a closed connection; 5 in a cluster',
    fallback: 0,
    read: integer(0, 10),
  },
  logLevel: {
    flag: 'log-level',
    placeholder: LOG_LEVELS.join('|'),
    says: 'the least that is logged',
    fallback: 'info',
    read: oneOf(LOG_LEVELS),
  },
  logFormat: {
    flag: 'log-format',
    placeholder: LOG_FORMATS.join('|'),
    says: 'lines for machines or for people',
    fallback: 'json',
    read: oneOf(LOG_FORMATS),
  },
};

/** The environment variable of a flag: `--log-level` is SEQUENTIALJOB_LOG_LEVEL. */
export function environmentName(flag: string): string {
  return `SEQUENTIALJOB_${flag.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * The configuration of `run`: a flag wins over its environment variable, that over the default; an empty variable
 * counts as unset. Throws ConfigError with every problem at once, each naming the flag or variable it is about.
 */
export function parseConfig(args: readonly string[], env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const flags = readFlags(args, problems);
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
    leaderElect: read('leaderElect'),
    leaderElectionNamespace: read('leaderElectionNamespace'),
    leaderElectionId: read('leaderElectionId'),
    metricsPort: read('metricsPort'),
    kubeApiQps: read('kubeApiQps'),
    kubeApiBurst: read('kubeApiBurst'),
    requestTimeoutSeconds: read('requestTimeoutSeconds'),
    startupTimeoutSeconds: read('startupTimeoutSeconds'),
    shutdownDelaySeconds: read('shutdownDelaySeconds'),
    logLevel: read('logLevel'),
    logFormat: read('logFormat'),
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** The flags as given, last one first come; what is no flag of ours is a problem, not an exception. */
function readFlags(args: readonly string[], problems: string[]): ReadonlyMap<string, string> {
  const known = new Map(Object.values<Option<unknown>>(OPTIONS).map(({ flag, bare }) => [flag, bare]));
  // A boolean takes no value from the next argument, as Go's flags do.
  const types = [...known].map(([flag, bare]) => [flag, { type: bare === undefined ? 'string' : 'boolean' }] as const);
  const { tokens } = parseArgs({ args: [...args], options: Object.fromEntries(types), strict: false, tokens: true });
  const flags = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`unexpected argument "${token.value}"`);
    if (token.kind !== 'option') continue;
    // Without strictness the parser takes the next flag for the value.
    const isNextFlag = token.inlineValue === false && token.value.startsWith('--');
    const value = isNextFlag ? undefined : (token.value ?? known.get(token.name));
    if (!known.has(token.name)) problems.push(`unknown flag ${token.rawName}`);
    else if (value === undefined) problems.push(`${token.rawName} needs a value`);
    else flags.set(token.name, value);
  }
  return flags;
}
