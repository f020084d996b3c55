/** The demo's output: lines with the columns time, subject and text. */
import { styleText } from 'node:util';

const SUBJECT_WIDTH = 14;
const INDENT = ' '.repeat(10 + SUBJECT_WIDTH);

export type Tone = 'plain' | 'good' | 'bad' | 'quiet';

const STYLES = { plain: 'reset', good: 'green', bad: 'red', quiet: 'dim' } as const;

export interface DemoOutput {
  /** Prints a line with the seconds since the start. */
  line(subject: string, text: string, tone?: Tone): void;
  /** Prints the output of another program, indented. */
  quote(text: string): void;
  /** Prints the text unchanged. */
  text(text: string): void;
}

/** Seconds since the start as the first column shows them, "  12.3s". */
export function clock(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)}s`;
}

/** Starts counting the seconds now. `write` gets whole lines, without colors if the terminal has none. */
export function createOutput(write: (text: string) => void, now: () => number): DemoOutput {
  const start = now();
  return {
    line: (subject, text, tone = 'plain') => {
      const styled = tone === 'plain' ? text : styleText(STYLES[tone], text);
      write(`${styleText('dim', clock(now() - start))}  ${subject.padEnd(SUBJECT_WIDTH)} ${styled}\n`);
    },
    quote: (text) => {
      const lines = text
        .trimEnd()
        .split('\n')
        .filter((line) => line !== '');
      for (const line of lines) write(`${INDENT}${styleText('dim', `│ ${line}`)}\n`);
    },
    text: (text) => write(text),
  };
}
