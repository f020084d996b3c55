/** The help text, generated from the table of options. */
import { environmentName, OPTIONS } from './run/config.ts';

export function usage(): string {
  const options = Object.values(OPTIONS).map(({ flag, placeholder, description, fallback }) => {
    const preset = fallback === undefined ? '' : ` (default ${String(fallback)})`;
    return `  --${flag}=${placeholder}\n      ${description}${preset}; or ${environmentName(flag)}`;
  });
  return `sequentialjob: runs the steps of a SequentialJob one after another, each as a Job

Usage, for people (-n, -A, --context, --kubeconfig and -o as in kubectl; "sequentialjob COMMAND -h" has all flags):
  sequentialjob status [NAME]    show a sequence with its steps; without NAME, the sequences of the namespace
  sequentialjob watch NAME       the same, live, until the sequence has ended
  sequentialjob wait NAME        wait until the sequence has ended
  sequentialjob logs NAME        print the logs of the steps in order; -f follows from step to step; --step=STEP
  sequentialjob suspend NAME...  start nothing new, and suspend the running step; unsuspend lets it go on
  sequentialjob resume NAME...   let a failed sequence go on at its failed step
  sequentialjob completion SHELL print the completion script of bash, zsh or fish

Usage, for manifests:
  sequentialjob lint FILE...     validate manifests as the webhook does, with line numbers; - is standard input;
                                 --format=json for programs; --server also sends a dry run to the cluster
                                 (--kubeconfig, --context and -n as in kubectl)
  sequentialjob render FILE      print the Jobs that the operator would create, as YAML
  sequentialjob convert FILE     write the SequentialJobs of a file in another API version, and all else as it is;
                                 --to=v1beta1 (default) or v1alpha1

Usage:
  sequentialjob run [flags]      run the operator
  sequentialjob version          print the version
  sequentialjob help             print this help

Flags of run, each also an environment variable:
${options.join('\n')}

Exit codes: 0 success; 1 failure, or errors in a manifest; 2 wrong usage, an unreadable file, or the cluster could not
check a manifest or could not be reached. Of wait and watch: 0 completed; 1 failed; 2 timed out; 3 unknown or deleted.
130 after Ctrl-C.
`;
}
