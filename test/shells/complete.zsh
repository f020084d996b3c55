# Types command lines into an interactive shell in a terminal of its own, and prints how it completes each.
# Arguments: the shell, a file for it to source, and the lines. Prints `<what stands after the completion> words>END` for each.
zmodload zsh/zpty
case $1 in
  zsh) zpty -b shell zsh -f -i; keys=$'\t\x18' ;;
  bash) zpty -b shell bash --norc --noprofile -i; keys=$'\e*\x18' ;;
esac
# Up to this text; 20 seconds at most.
read-until() {
  local said= chunk
  repeat 400; do
    if zpty -r -t shell chunk; then said+=$chunk; else sleep 0.05; fi
    if [[ $said == *$1* ]]; then print -r -- "$said"; return; fi
  done
  print -r -u 2 -- "it does not say $1, but: ${(V)said}"
  exit 1
}
# The typed line is echoed: it does not have the word that is waited for.
zpty -w -n shell ". $2; echo REA''DY"$'\n'
read-until READY >/dev/null
for line in "${@[3,-1]}"; do
  zpty -w -n shell "$line$keys"
  read-until '>END' | tr -d '\r' | grep -ao '<.*>END'
done
