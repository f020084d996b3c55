/** Environment variables (pkg/apis/core/validation/validation.go ValidateEnv, ValidateEnvFrom). Duplicates are legal. */
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

/** Checks `env` and `envFrom` of a container: names, and that each has one source. */
export function envFaults(container: Untrusted<V1Container>, at: Path, faults: FieldErrors): void {
  const env = at.child('env');
  asObjects<V1EnvVar>(container.env).forEach((variable, i) => {
    variableFaults(variable, env.index(i), faults);
  });
  const envFrom = at.child('envFrom');
  asObjects<V1EnvFromSource>(container.envFrom).forEach((source, i) => {
    const here = envFrom.index(i);
    nameFaults(nonEmptyString(source.prefix), here.child('prefix'), faults);
    sourceFaults(source, FROM_SOURCES, here, faults);
  });
}

function variableFaults(variable: Untrusted<V1EnvVar>, at: Path, faults: FieldErrors): void {
  const name = nonEmptyString(variable.name);
  if (name === undefined) {
    faults.push(required(at.child('name')));
  }
  nameFaults(name, at.child('name'), faults);
  const source = asObject<V1EnvVarSource>(variable.valueFrom);
  if (source === undefined) {
    return;
  }
  const here = at.child('valueFrom');
  const hasSource = SOURCES.some((known) => asObject(source[known]) !== undefined);
  if (hasSource && nonEmptyString(variable.value) !== undefined) {
    faults.push(invalid(here, '', 'may not be specified when `value` is not empty'));
  } else {
    sourceFaults(source, SOURCES, here, faults);
  }
}

function nameFaults(name: string | undefined, at: Path, faults: FieldErrors): void {
  for (const problem of name === undefined ? [] : envVarProblems(name)) {
    faults.push(invalid(at, name, problem));
  }
}

function sourceFaults<K extends string>(
  source: Readonly<Partial<Record<K, unknown>>>,
  known: readonly K[],
  at: Path,
  faults: FieldErrors,
): void {
  const given = known.filter((name) => asObject(source[name]) !== undefined).length;
  if (given === 0) {
    const names = known.map((name) => `\`${name}\``);
    const all = [names.slice(0, -1).join(', '), ...names.slice(-1)].join(' or ');
    faults.push(invalid(at, '', `must specify one of: ${all}`));
  } else if (given > 1) {
    faults.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
}
