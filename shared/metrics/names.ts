/** The names that several groups of metrics share. */

/** The value of the labels `controller` and `name`, as controller-runtime derives it from the kind. */
export const CONTROLLER = 'sequentialjob';
