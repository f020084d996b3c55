/** Small sequences for tests with Pods that run: quick shell commands. */
import { API_VERSION, CRON, KIND, RESULT_PREFIX } from '../../shared/api/group.ts';
import type { Container, PodTemplateSpec, SequentialJobSpec, StepSettings } from '../../shared/api/types.ts';
import type { Manifest } from './manifests.ts';

/** A SequentialJob as a file of a user has it. */
export const manifest = (name: string, spec: object, metadata: object = {}): Manifest => ({
  apiVersion: API_VERSION,
  kind: KIND,
  metadata: { ...metadata, name },
  spec,
});

/** A CronSequentialJob as a file of a user has it. */
export const scheduleManifest = (name: string, spec: object, metadata: object = {}): Manifest => ({
  ...manifest(name, spec, metadata),
  kind: CRON.kind,
});

/** Runs until SIGTERM: as process 1 of a container a plain sleep would ignore it. */
export const FOREVER = 'trap "exit 143" TERM; sleep 600 & wait $!';

export function step(name: string, script = 'true'): Container {
  return { name, image: 'busybox:1.36', command: ['sh', '-c', script] };
}

/** The same step with a key `token` of a Secret in its environment. */
export const withSecret = (container: Container, name: string, optional?: true): Container =>
  withEnv(container, { secretKeyRef: { name, key: 'token', ...(optional && { optional }) } });

/** The same step with a key `token` of a ConfigMap in its environment. */
export const withConfigMap = (container: Container, name: string, optional?: true): Container =>
  withEnv(container, { configMapKeyRef: { name, key: 'token', ...(optional && { optional }) } });

/** The same step with the results of these steps in its environment, named after the steps. */
export const withResults = (container: Container, ...steps: readonly string[]): Container => ({
  ...container,
  env: steps.map((name) => ({
    name,
    valueFrom: { fieldRef: { fieldPath: `metadata.annotations['${RESULT_PREFIX}${name}']` } },
  })),
});

/** Hands this text on as the result of its step. */
export const handsOn = (text: string): string => `printf %s '${text}' > /dev/termination-log`;

const withEnv = (container: Container, valueFrom: object): Container => ({
  ...container,
  env: [{ name: 'TOKEN', valueFrom }],
});

/** Steps s0, s1, … that succeed, but for those with a script of their own; with the settings of some. */
export function sequence(
  count: number,
  scripts: Readonly<Record<number, string>> = {},
  more: Partial<SequentialJobSpec> = {},
  settings: Readonly<Record<number, StepSettings>> = {},
): SequentialJobSpec {
  const steps = Array.from({ length: count }, (_, i) => Object.assign(step(`s${i}`, scripts[i]), settings[i]));
  return { steps, job: { backoffLimit: 0 }, ...more };
}

/** Where steps see the folder of `gated`. */
const GATE = '/gate';

/** Scripts for a `gated` sequence: wait for a file of that name, or fail without it. */
export const waitsFor = (name: string): string => `until [ -e ${GATE}/${name} ]; do sleep 0.1; done`;
/** The same, and ends on SIGTERM: as process 1 of a container, a shell without a trap ignores it. */
export const waitsOrStops = (name: string): string => `trap "exit 143" TERM; ${waitsFor(name)}`;
export const needs = (name: string): string => `[ -e ${GATE}/${name} ]`;

/** Says so and fails the first time, in whichever Pod or run that is; succeeds from then on. */
export const failsOnce = (name: string, code = 1, says = 'true'): string =>
  `[ -e ${GATE}/${name} ] || { touch ${GATE}/${name}; ${says}; exit ${code}; }`;

/** The same sequence with a folder of this machine in every step, through which the test decides how a step goes. */
export function gated(folder: string, spec: SequentialJobSpec): SequentialJobSpec {
  const mount = { name: 'gate', mountPath: GATE };
  const template: PodTemplateSpec = {
    ...spec.template,
    spec: { containers: [], ...spec.template?.spec, volumes: [{ name: 'gate', hostPath: { path: folder } }] },
  };
  const mounted = <T extends Container>(one: T): T => Object.assign({}, one, { volumeMounts: [mount] });
  const last = spec.finally === undefined ? {} : { finally: spec.finally.map(mounted) };
  return { ...spec, template, steps: spec.steps.map(mounted), ...last };
}
