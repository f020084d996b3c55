/** The paths in the webhook configurations, with their reviewers. */
import { reviewDefaults } from './default.ts';
import type { Reviewer } from './evaluate.ts';
import { reviewObject } from './validate.ts';

export const MUTATE_PATH = '/mutate-batch-example-com-v1alpha1-sequentialjob';
export const VALIDATE_PATH = '/validate-batch-example-com-v1alpha1-sequentialjob';

export const REVIEWERS: Readonly<Record<string, Reviewer>> = {
  [MUTATE_PATH]: reviewDefaults,
  [VALIDATE_PATH]: reviewObject,
};
