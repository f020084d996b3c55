/** Kubernetes' `$(NAME)` references in commands, arguments and values (pure). */

/**
 * Replaces `$(NAME)` by its value. As in Kubernetes, a reference to an unknown name is kept, `$$` becomes `$` (so
 * `$$(NAME)` becomes `$(NAME)`), and any other `$` is an ordinary character.
 */
export function expand(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values[name] ?? whole),
  );
}
