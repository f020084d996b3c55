# zsh with the completion, and a key that shows what was completed. COMPLETION_FOLDER: the script is there, for $fpath.
[[ -n $COMPLETION_FOLDER ]] && fpath=("$COMPLETION_FOLDER" $fpath)
autoload -Uz compinit
compinit -u -D
[[ -n $COMPLETION_FOLDER ]] || source <(sequentialjob completion zsh)
setopt no_beep
compadd() {
  # Those of the completion system's own use.
  if [[ "${@[1,(i)(-|--)]}" == *-(O|A|D)\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits
  builtin compadd -O hits "$@"
  offered+=("${hits[@]}")
  builtin compadd "$@"
}
typeset -ga offered
show() { zle -I; print -r -- "<$BUFFER> ${(j: :)offered}>END"; BUFFER=; offered=() }
zle -N show
bindkey '^X' show
