/**
 * Environment variables (pkg/apis/core/validation/validation.go ValidateEnv, ValidateEnvFrom). Duplicate names are
 * allowed.
 */
import type { V1Container, V1EnvFromSource, V1EnvVar, V1EnvVarSource } from '@kubernetes/client-node';
import { invalid, required, type FieldErrors, type Path } from './field-error.ts';
import { envVarProblems } from './names.ts';
import { asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';

const SOURCES = [
  'fieldRef',
  'resourceFieldRef',
  'configMapKeyRef',
  'secretKeyRef',
  'fileKeyRef',
] as const satisfies readonly (keyof V1EnvVarSource)[];
const FROM_SOURCES = ['configMapRef', 'secretRef'] as const satisfies readonly (keyof V1EnvFromSource)[];

/** Validates `env` and `envFrom` of a container: the names, and that each has exactly one source. */
export function validateEnv(container: Untrusted<V1Container>, at: Path, errors: FieldErrors): void {
  const env = at.child('env');
  asObjects<V1EnvVar>(container.env).forEach((variable, i) => {
    validateVariable(variable, env.index(i), errors);
  });
  const envFrom = at.child('envFrom');
  asObjects<V1EnvFromSource>(container.envFrom).forEach((source, i) => {
    const here = envFrom.index(i);
    validateVariableName(nonEmptyString(source.prefix), here.child('prefix'), errors);
    validateSource(source, FROM_SOURCES, here, errors);
  });
}

function validateVariable(variable: Untrusted<V1EnvVar>, at: Path, errors: FieldErrors): void {
  const name = nonEmptyString(variable.name);
  if (name === undefined) {
    errors.push(required(at.child('name')));
  }
  validateVariableName(name, at.child('name'), errors);
  const source = asObject<V1EnvVarSource>(variable.valueFrom);
  if (source === undefined) {
    return;
  }
  const here = at.child('valueFrom');
  const hasSource = SOURCES.some((known) => asObject(source[known]) !== undefined);
  if (hasSource && nonEmptyString(variable.value) !== undefined) {
    errors.push(invalid(here, '', 'may not be specified when `value` is not empty'));
  } else {
    validateSource(source, SOURCES, here, errors);
  }
}

function validateVariableName(name: string | undefined, at: Path, errors: FieldErrors): void {
  for (const problem of name === undefined ? [] : envVarProblems(name)) {
    errors.push(invalid(at, name, problem));
  }
}

function validateSource<K extends string>(
  source: Readonly<Partial<Record<K, unknown>>>,
  known: readonly K[],
  at: Path,
  errors: FieldErrors,
): void {
  const given = known.filter((name) => asObject(source[name]) !== undefined).length;
  if (given === 0) {
    const names = known.map((name) => `\`${name}\``);
    const all = [names.slice(0, -1).join(', '), ...names.slice(-1)].join(' or ');
    errors.push(invalid(at, '', `must specify one of: ${all}`));
  } else if (given > 1) {
    errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
}
