/** What validation says of a sequence that is right but for the part under test. */
import { formatFieldError, validateSequentialJob } from '../../../../shared/validation/index.ts';

type Json = Readonly<Record<string, unknown>>;

export const step = (changes: Json = {}): Json => ({ name: 'load', image: 'busybox:1.36', ...changes });

export const sequence = (spec: Json): Json => ({
  apiVersion: 'batch.example.com/v1beta1',
  kind: 'SequentialJob',
  metadata: { name: 'etl' },
  spec,
});

export const refusals = (object: unknown): readonly string[] => validateSequentialJob(object).map(formatFieldError);

/** The fields that the lines are about, each once. */
export const fieldsOf = (lines: readonly string[]): readonly string[] => [
  ...new Set(lines.map((line) => line.slice(0, line.search(/: [A-Z]/)))),
];

/** For a spec, completed by one good step. */
export const ofSpec = (spec: Json): readonly string[] => refusals(sequence({ steps: [step()], ...spec }));

/** For the only step, with the volumes `data` and `disk` at hand; lines are given from the step on. */
export const ofStep = (changes: Json): readonly string[] =>
  refusals(
    sequence({
      steps: [step(changes)],
      template: {
        spec: { volumes: [{ name: 'data' }, { name: 'disk', persistentVolumeClaim: { claimName: 'disk' } }] },
      },
    }),
  ).map((line) => line.replaceAll('spec.steps[0].', ''));

/** For the template's Pod spec; lines are given from there on. */
export const ofPod = (spec: Json): readonly string[] =>
  ofSpec({ template: { spec } }).map((line) => line.replaceAll('spec.template.spec.', ''));
