/**
 * The completion scripts of the shells. Each hands the words of the command line to the hidden command `__complete`, which
 * answers as cobra's does: a candidate per line, with a tab before its description, and last a colon and a number. kubectl
 * (1.26 and newer) asks a program `kubectl_complete-sequentialjob` in the same way.
 */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const BASH = String.raw`# bash completion of sequentialjob: source <(sequentialjob completion bash)
_sequentialjob() {
  local current="${'$'}{COMP_WORDS[COMP_CWORD]}" line candidates=() directive=""
  # Bash splits words at "=": --step=load is three words.
  local words=() word i
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word="${'$'}{COMP_WORDS[i]}"
    if [[ ${'$'}{#words[@]} -gt 0 && ( "$word" == "=" || "${'$'}{words[-1]}" == *= ) && "${'$'}{words[-1]}" == --* ]]; then
      words[-1]+="$word"
    else
      words+=("$word")
    fi
  done
  [[ "$current" == "=" ]] && current=""
  while IFS= read -r line; do
    case "$line" in
      :*) directive="$line" ;;
      *)
        line="${'$'}{line%%$'\t'*}"
        [[ "${'$'}{words[-1]}" == --*=* ]] && line="${'$'}{line#*=}"
        candidates+=("$line")
        ;;
    esac
  done < <(sequentialjob __complete "${'$'}{words[@]}" 2>/dev/null)
  COMPREPLY=()
  for line in "${'$'}{candidates[@]}"; do
    [[ "$line" == "$current"* ]] && COMPREPLY+=("$line")
  done
  [[ "$directive" != :0 ]] || compopt -o default
}
complete -F _sequentialjob sequentialjob
`;

const ZSH = String.raw`#compdef sequentialjob
# zsh completion of sequentialjob: source <(sequentialjob completion zsh), or this file as _sequentialjob in $fpath
_sequentialjob() {
  local line text directive tab=$'\t'
  local -a candidates
  while IFS= read -r line; do
    if [[ "$line" == :* ]]; then
      directive="$line"
      continue
    fi
    text="${'$'}{line%%$tab*}"
    text="${'$'}{text//:/\\:}"
    [[ "$line" == *$tab* ]] && text="$text:${'$'}{line#*$tab}"
    candidates+=("$text")
  done < <(sequentialjob __complete "${'$'}{(@Q)words[2,CURRENT]}" 2>/dev/null)
  if [[ "$directive" == :0 ]]; then
    [[ "$PREFIX" == --*=* ]] && compset -P '*='
    _files
  elif (( ${'$'}{#candidates} )); then
    _describe -V sequentialjob candidates
  fi
}
if [[ "$funcstack[1]" == "_sequentialjob" ]]; then
  _sequentialjob "$@"
else
  compdef _sequentialjob sequentialjob
fi
`;

const FISH = String.raw`# fish completion of sequentialjob: sequentialjob completion fish | source
function __sequentialjob_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l answer (sequentialjob __complete $words[2..-1] 2>/dev/null)
    if test "$answer[-1]" = :0
        # The flag stays before the file: --kubeconfig=FILE.
        set -l word (string match -r -- '^(--[^=]*=|)(.*)$' $words[-1])
        for file in (__fish_complete_path $word[3])
            echo $word[2]$file
        end
    else
        string match -rv '^:' -- $answer
    end
end
complete -c sequentialjob -f -a '(__sequentialjob_complete)'
`;

/** The script for a shell, to be sourced. */
export const completionScript = (shell: Shell): string => ({ bash: BASH, zsh: ZSH, fish: FISH })[shell];
