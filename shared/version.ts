/** The version of the program, as in package.json; a unit test compares them. */
export const VERSION = '0.1.0';

/** Sent with every request; appears in the API server's audit log and metrics. */
export const USER_AGENT = `sequentialjob/${VERSION}`;
