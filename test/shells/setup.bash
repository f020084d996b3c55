# bash with the completion, and a key that shows the line with all completions, which Alt-* has inserted.
bind 'set enable-bracketed-paste off'
. <(sequentialjob completion bash)
show() { echo "<$READLINE_LINE>END"; READLINE_LINE=; }
bind -x '"\C-x": show'
