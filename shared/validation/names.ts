/**
 * The grammars of names. Each function gives what is wrong with a string, in the words of apimachinery's
 * pkg/util/validation/validation.go, or nothing. The patterns are linear in the input: no repetition overlaps another.
 */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const ENV_VAR = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const KEY = '[-._a-zA-Z0-9]+';
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const HEADER = '[-A-Za-z0-9]+';

interface Grammar {
  readonly test: (value: string) => boolean;
}

/** Longer than any name with a length limit. A group repeated over megabytes could exhaust the matcher's stack. */
const LONGEST = 1024;

function whole(pattern: string): Grammar {
  const regexp = new RegExp(`^(?:${pattern})$`);
  return { test: (value) => value.length <= LONGEST && regexp.test(value) };
}

const label = whole(LABEL);
const subdomain = whole(SUBDOMAIN);
/** A variable's name has no length limit. */
const envVar = new RegExp(`^${ENV_VAR}$`);
const configKey = whole(KEY);
const qualified = whole(QUALIFIED);
const labelValue = whole(LABEL_VALUE);
const header = whole(HEADER);
const portCharacters = /^[-a-z0-9]+$/;

type Problems = readonly string[];

const FINE: Problems = Object.freeze([]);

/** The longest DNS label and label value. */
const LABEL_LENGTH = 63;
const SUBDOMAIN_LENGTH = 253;
const PORT_NAME_LENGTH = 15;

const atMost = (bytes: number): string => `must be no more than ${bytes} bytes`;

function explain(says: string, pattern: string, examples: readonly string[]): string {
  return `${says} (e.g. ${examples.map((e) => `'${e}'`).join(',  or ')}, regex used for validation is '${pattern}')`;
}

/** The name of a container or of a volume (RFC 1123). */
export function dnsLabelProblems(value: string): Problems {
  if (value.length <= LABEL_LENGTH && label.test(value)) {
    return FINE;
  }
  const problems = value.length > LABEL_LENGTH ? [atMost(LABEL_LENGTH)] : [];
  if (value.length > LABEL_LENGTH && label.test(value)) {
    return problems;
  }
  if (subdomain.test(value)) {
    return [...problems, 'must not contain dots'];
  }
  const says =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return [...problems, explain(says, LABEL, ['my-name', '123-abc'])];
}

/** The name of an object (RFC 1123). */
export function dnsSubdomainProblems(value: string): Problems {
  const problems = value.length > SUBDOMAIN_LENGTH ? [atMost(SUBDOMAIN_LENGTH)] : FINE;
  if (subdomain.test(value)) {
    return problems;
  }
  const says =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...problems, explain(says, SUBDOMAIN, ['example.com'])];
}

/**
 * A path of a DNS search: a name that may end with a dot, or the root alone. Underscores, which servers from 1.32 on
 * take, are legal here.
 */
export const searchPathProblems = (value: string): Problems =>
  value === '.' ? FINE : dnsSubdomainProblems(value.replace(/\.$/, '').replaceAll('_', 'a'));

function pathLikeProblems(value: string): Problems {
  if (value === '.') {
    return ["must not be '.'"];
  }
  if (value === '..') {
    return ["must not be '..'"];
  }
  return value.startsWith('..') ? ["must not start with '..'"] : FINE;
}

/**
 * The name of an environment variable, by the rule that every supported server has. Servers from 1.34 on take any
 * printable ASCII but `=`; a sequence that an older server would refuse to run is refused here, once, for all.
 */
export function envVarProblems(value: string): Problems {
  if (envVar.test(value)) {
    return pathLikeProblems(value);
  }
  const says =
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
  return [explain(says, ENV_VAR, ['my.env-name', 'MY_ENV.NAME', 'MyEnvName1']), ...pathLikeProblems(value)];
}

/** A key of a ConfigMap or a Secret. */
export function configKeyProblems(value: string): Problems {
  const problems = value.length > SUBDOMAIN_LENGTH ? [atMost(SUBDOMAIN_LENGTH)] : FINE;
  if (configKey.test(value)) {
    const more = pathLikeProblems(value);
    return problems === FINE ? more : [...problems, ...more];
  }
  const says = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
  return [...problems, explain(says, KEY, ['key.name', 'KEY_NAME', 'key-name'])];
}

/** The name of a port (RFC 6335, as Kubernetes reads it). */
export function portNameProblems(value: string): Problems {
  const problems: string[] = [];
  if (value.length > PORT_NAME_LENGTH) {
    problems.push(atMost(PORT_NAME_LENGTH));
  }
  if (!portCharacters.test(value)) {
    problems.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(value)) {
    problems.push('must contain at least one letter (a-z)');
  }
  if (value.includes('--')) {
    problems.push('must not contain consecutive hyphens');
  }
  if (value.startsWith('-') || value.endsWith('-')) {
    problems.push('must not begin or end with a hyphen');
  }
  return problems;
}

/** The number of a port. */
export const portNumberProblems = (value: number): Problems =>
  value >= 1 && value <= 65_535 ? FINE : ['must be between 1 and 65535, inclusive'];

/** The name of an HTTP header. */
export const headerProblems = (value: string): Problems =>
  header.test(value)
    ? FINE
    : [explain("a valid HTTP header must consist of alphanumeric characters or '-'", HEADER, ['X-Header-Name'])];

/** A value of a label. */
export function labelValueProblems(value: string): Problems {
  const problems = value.length > LABEL_LENGTH ? [atMost(LABEL_LENGTH)] : FINE;
  if (labelValue.test(value)) {
    return problems;
  }
  const says =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...problems, explain(says, LABEL_VALUE, ['MyValue', 'my_value', '12345'])];
}

/** A key of a label or an annotation: a name, with a DNS subdomain and a slash before it or not. */
export function qualifiedNameProblems(value: string): Problems {
  const slash = value.indexOf('/');
  const prefix = slash === -1 ? undefined : value.slice(0, slash);
  const name = value.slice(slash + 1);
  if (prefix !== undefined && name.includes('/')) {
    const says =
      "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    const more = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
    return [`${explain(says, QUALIFIED, ['MyName', 'my.name', '123-abc'])} ${more}`];
  }
  return [...prefixProblems(prefix), ...namePartProblems(name)];
}

function prefixProblems(prefix: string | undefined): Problems {
  if (prefix === undefined) {
    return FINE;
  }
  return prefix === ''
    ? ['prefix part must be non-empty']
    : dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`);
}

function namePartProblems(name: string): Problems {
  if (name === '') {
    return ['name part must be non-empty'];
  }
  const problems = name.length > LABEL_LENGTH ? [`name part ${atMost(LABEL_LENGTH)}`] : FINE;
  if (qualified.test(name)) {
    return problems;
  }
  const says =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  return [...problems, explain(says, QUALIFIED, ['MyName', 'my.name', '123-abc'])];
}
