/** Environment variables (pkg/apis/core/validation/validation.go ValidateEnv, ValidateEnvFrom). Duplicates are legal. */
import type {
  V1ConfigMapKeySelector,
  V1Container,
  V1EnvFromSource,
  V1EnvVar,
  V1EnvVarSource,
  V1ObjectFieldSelector,
  V1ResourceFieldSelector,
  V1SecretEnvSource,
} from '@kubernetes/client-node';
import { ENV_FIELDS, fieldRefFaults, resourceRefFaults } from './downward.ts';
import { invalid, required, type Faults, type Path } from './field.ts';
import { configKeyProblems, dnsSubdomainProblems, envVarProblems } from './names.ts';
import { part, parts, text, type Untrusted } from './untrusted.ts';

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'] as const;

/** Checks `env` and `envFrom` of a container. */
export function envFaults(container: Untrusted<V1Container>, at: Path, faults: Faults): void {
  const env = at.child('env');
  parts<V1EnvVar>(container.env).forEach((variable, i) => {
    variableFaults(variable, env.index(i), faults);
  });
  const envFrom = at.child('envFrom');
  parts<V1EnvFromSource>(container.envFrom).forEach((source, i) => {
    envFromFaults(source, envFrom.index(i), faults);
  });
}

function variableFaults(variable: Untrusted<V1EnvVar>, at: Path, faults: Faults): void {
  const name = text(variable.name);
  if (name === undefined) {
    faults.push(required(at.child('name')));
  } else {
    for (const problem of envVarProblems(name)) {
      faults.push(invalid(at.child('name'), name, problem));
    }
  }
  const source = part<V1EnvVarSource>(variable.valueFrom);
  if (source !== undefined) {
    sourceFaults(source, text(variable.value) !== undefined, at.child('valueFrom'), faults);
  }
}

function sourceFaults(source: Untrusted<V1EnvVarSource>, hasValue: boolean, at: Path, faults: Faults): void {
  let given = 0;
  for (const name of SOURCES) if (part(source[name]) !== undefined) given++;
  if (given === 0) {
    const known = SOURCES.slice(0, -1).map((name) => `\`${name}\``);
    faults.push(invalid(at, '', `must specify one of: ${known.slice(0, -1).join(', ')} or ${known.at(-1)}`));
  } else if (hasValue) {
    faults.push(invalid(at, '', 'may not be specified when `value` is not empty'));
  } else if (given > 1) {
    faults.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
  const field = part<V1ObjectFieldSelector>(source.fieldRef);
  if (field !== undefined) {
    fieldRefFaults(field, ENV_FIELDS, at.child('fieldRef'), faults);
  }
  const resource = part<V1ResourceFieldSelector>(source.resourceFieldRef);
  if (resource !== undefined) {
    resourceRefFaults(resource, at.child('resourceFieldRef'), faults);
  }
  keyRefFaults(part(source.configMapKeyRef), at.child('configMapKeyRef'), faults);
  keyRefFaults(part(source.secretKeyRef), at.child('secretKeyRef'), faults);
}

function keyRefFaults(ref: Untrusted<V1ConfigMapKeySelector> | undefined, at: Path, faults: Faults): void {
  if (ref === undefined) {
    return;
  }
  objectNameFaults(ref.name, at.child('name'), faults);
  const key = text(ref.key);
  if (key === undefined) {
    faults.push(required(at.child('key')));
  } else {
    for (const problem of configKeyProblems(key)) {
      faults.push(invalid(at.child('key'), key, problem));
    }
  }
}

function objectNameFaults(value: unknown, at: Path, faults: Faults): void {
  const name = text(value);
  if (name === undefined) {
    faults.push(required(at));
  } else {
    for (const problem of dnsSubdomainProblems(name)) {
      faults.push(invalid(at, name, problem));
    }
  }
}

function envFromFaults(source: Untrusted<V1EnvFromSource>, at: Path, faults: Faults): void {
  const prefix = text(source.prefix);
  if (prefix !== undefined) {
    for (const problem of envVarProblems(prefix)) {
      faults.push(invalid(at.child('prefix'), prefix, problem));
    }
  }
  const given = (['configMapRef', 'secretRef'] as const).filter((name) => part(source[name]) !== undefined);
  for (const name of given) {
    objectNameFaults(part<V1SecretEnvSource>(source[name])?.name, at.child(name).child('name'), faults);
  }
  if (given.length === 0) {
    faults.push(invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
  } else if (given.length > 1) {
    faults.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
}
