/**
 * The grammars of names. Each function returns the problems of a string, in the words of apimachinery's
 * pkg/util/validation/validation.go. The patterns are linear in the input: no repetition overlaps another.
 */

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;

interface Pattern {
  readonly test: (value: string) => boolean;
}

/** Above every length limit of names. A repeated group over megabytes could exhaust the matcher's stack. */
const MAX_MATCH_LENGTH = 1024;

function compilePattern(pattern: string): Pattern {
  const regexp = new RegExp(`^(?:${pattern})$`);
  return { test: (value) => value.length <= MAX_MATCH_LENGTH && regexp.test(value) };
}

const label = compilePattern(LABEL);
const subdomain = compilePattern(SUBDOMAIN);
const portCharacters = /^[-a-z0-9]+$/;

type Problems = readonly string[];

const NO_PROBLEMS: Problems = Object.freeze([]);

/** Maximum length of a DNS label and of a label value. */
const LABEL_LENGTH = 63;
const SUBDOMAIN_LENGTH = 253;
const PORT_NAME_LENGTH = 15;

const atMost = (bytes: number): string => `must be no more than ${bytes} bytes`;

function explain(rule: string, pattern: string, examples: readonly string[]): string {
  return `${rule} (e.g. ${examples.map((e) => `'${e}'`).join(',  or ')}, regex used for validation is '${pattern}')`;
}

/** The name of a container or a volume (RFC 1123). */
export function dnsLabelProblems(value: string): Problems {
  if (value.length <= LABEL_LENGTH && label.test(value)) {
    return NO_PROBLEMS;
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
  const problems = value.length > SUBDOMAIN_LENGTH ? [atMost(SUBDOMAIN_LENGTH)] : NO_PROBLEMS;
  if (subdomain.test(value)) {
    return problems;
  }
  const says =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
  return [...problems, explain(says, SUBDOMAIN, ['example.com'])];
}

/** Names of variables have no length limit. */
const ENV_VAR = /^[ -<>-~]+$/;

/**
 * The name of an environment variable by the rule of Kubernetes 1.34 and newer: printable ASCII without `=`
 * (IsRelaxedEnvVarName).
 */
export const envVarProblems = (value: string): Problems =>
  ENV_VAR.test(value)
    ? NO_PROBLEMS
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

/** The name of a port (RFC 6335, as Kubernetes applies it). */
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
  value >= 1 && value <= 65_535 ? NO_PROBLEMS : ['must be between 1 and 65535, inclusive'];

/** A key of a label or an annotation without its prefix, and the value of a label. */
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';

const qualified = compilePattern(QUALIFIED);

const QUALIFIED_RULE =
  "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** The key of a label or an annotation: a name, after a DNS subdomain and a slash if there is a prefix (IsQualifiedName). */
export function metadataKeyProblems(value: string): Problems {
  const [first = '', second, ...more] = value.split('/');
  const [prefix, name] = second === undefined ? [undefined, first] : [first, second];
  if (more.length > 0 || !(name.length <= LABEL_LENGTH && qualified.test(name))) {
    return [
      explain(
        `a key must consist of at most ${LABEL_LENGTH} ${QUALIFIED_RULE}, after an optional DNS subdomain and '/'`,
        QUALIFIED,
        ['MyName', 'my.name', 'example.com/123-abc'],
      ),
    ];
  }
  return prefix === undefined ? NO_PROBLEMS : dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`);
}

/** The value of a label (IsValidLabelValue); it may be empty. */
export function labelValueProblems(value: string): Problems {
  if (value.length > LABEL_LENGTH) return [atMost(LABEL_LENGTH)];
  if (value === '' || qualified.test(value)) return NO_PROBLEMS;
  return [
    explain(`a valid label must be an empty string or consist of ${QUALIFIED_RULE}`, QUALIFIED, ['MyValue', '12345']),
  ];
}
