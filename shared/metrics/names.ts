/** Names that several groups of metrics share. */

/** The value of the labels `controller` and `name`, derived from the kind as in controller-runtime. */
export const CONTROLLER = 'sequentialjob';
/** The same for CronSequentialJobs. */
export const CRON_CONTROLLER = 'cronsequentialjob';
