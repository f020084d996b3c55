/** The help text, made of the same table that the flags are read by. */
import { environmentName, OPTIONS } from './run/config.ts';

export function usage(): string {
  const options = Object.values(OPTIONS).map(({ flag, placeholder, description, fallback }) => {
    const preset = fallback === undefined ? '' : ` (default ${String(fallback)})`;
    return `  --${flag}=${placeholder}\n      ${description}${preset}; or ${environmentName(flag)}`;
  });
  return `sequentialjob: runs the containers of a SequentialJob one after another, each as a Job

Usage:
  sequentialjob run [flags]      run the operator
  sequentialjob lint FILE...     say what admission would say, with line numbers; - is standard input;
                                 --format=json for programs; --server asks the cluster, too (--kubeconfig,
                                 --context, -n as kubectl)
  sequentialjob render FILE      write the Jobs that the operator would create, as YAML
  sequentialjob version          print the version
  sequentialjob help             print this

Flags of run, each also an environment variable:
${options.join('\n')}

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, an unreadable file or no answer from the cluster.
`;
}
