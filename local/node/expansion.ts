/** Kubernetes' `$(NAME)` references in commands, arguments and values (pure). */

/**
 * Replaces `$(NAME)` by its value. As in Kubernetes: an unknown name stays as it is written, `$$` stands for a single `$`
 * (so `$$(NAME)` gives `$(NAME)`), and any other `$` is just a character.
 */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values[name] ?? whole),
  );
}
