/** Validates the settings of steps: of their Jobs and Pods, of one step or of all. */
import type { FinallyStep, SequentialJobSpec, StepJob } from '../api/types.ts';
import { asInteger, asObject, asObjects, nonEmptyString, type Untrusted } from '../json/untrusted.ts';
import { invalid, type FieldErrors, type Path } from './field-error.ts';
import { validateReservedKeys } from './labels.ts';
import type { TemplateView } from './template.ts';

/** Validates the settings, and that the restart policy is Never if there is a podFailurePolicy. */
export function validateStepSettings(
  spec: Untrusted<SequentialJobSpec>,
  template: TemplateView,
  at: Path,
  errors: FieldErrors,
): void {
  const limit = asInteger(spec.activeDeadlineSeconds);
  const settings = settingsOf(spec, at);
  for (const { job, here } of settings) validateJob(job, limit, here, errors);
  const restartPolicy = nonEmptyString(template.spec?.restartPolicy);
  if (restartPolicy === 'OnFailure' && settings.some(({ job }) => asObject(job?.podFailurePolicy) !== undefined)) {
    const where = at.child('template').child('spec').child('restartPolicy');
    errors.push(invalid(where, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}

interface JobSettings {
  readonly job: Untrusted<StepJob> | undefined;
  readonly here: Path;
}

function settingsOf(spec: Untrusted<SequentialJobSpec>, at: Path): readonly JobSettings[] {
  const ofSteps = (['steps', 'finally'] as const).flatMap((list) =>
    asObjects<FinallyStep>(spec[list]).map(({ job }, i) => {
      return { job: asObject<StepJob>(job), here: at.child(list).index(i).child('job') };
    }),
  );
  return [...ofSteps, { job: asObject<StepJob>(spec.job), here: at.child('job') }];
}

/** `limit`: the `activeDeadlineSeconds` of the sequence. */
function validateJob(
  job: Untrusted<StepJob> | undefined,
  limit: number | undefined,
  at: Path,
  errors: FieldErrors,
): void {
  if (job === undefined) return;
  const metadata = asObject<{ labels: unknown; annotations: unknown }>(job.metadata);
  for (const what of ['labels', 'annotations'] as const) {
    validateReservedKeys(metadata?.[what], what, at.child('metadata').child(what), errors);
  }
  const seconds = asInteger(job.activeDeadlineSeconds);
  if (seconds !== undefined && limit !== undefined && seconds > limit) {
    const detail = `must be less than or equal to spec.activeDeadlineSeconds of ${limit}`;
    errors.push(invalid(at.child('activeDeadlineSeconds'), seconds, detail));
  }
}
