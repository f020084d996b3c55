/** What a load test has measured, for whoever runs it. Figures are printed; only bounds are asserted. */
export function report(text: string): void {
  process.stderr.write(`${text}\n`);
}
