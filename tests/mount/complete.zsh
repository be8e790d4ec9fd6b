# SPDX-License-Identifier: Apache-2.0
# complete.zsh DIR LINE [REST]: what zsh, with the completions in DIR, offers at the end of LINE, one a
# line; REST stands behind the cursor. Its files are $T/zsh.*.
zmodload zsh/zpty
rm -f $T/zsh.*(N)

cat > $T/zsh.rc << 'TXT'
PROMPT=
autoload -Uz compinit && compinit -u -D
# notes what is added; -O, -A and -D only try
compadd() {
	if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
		local -a offered
		builtin compadd -A offered "$@"
		print -rl -- $offered >> $T/zsh.offered
	fi
	builtin compadd "$@"
}
completed() {
	zle complete-word
	: > $T/zsh.done
}
zle -N completed
bindkey '^I' completed
bindkey '^B' backward-char
: > $T/zsh.ready
TXT
: > $T/zsh.offered

wait_for() {
	repeat 400; do
		[[ ! -e $1 ]] || return 0
		sleep 0.05
	done
	exit 1
}

zpty shell zsh -f -i
zpty -w shell "fpath=(${(q)1} \$fpath); . $T/zsh.rc"
wait_for $T/zsh.ready
back=
repeat ${#3}; do back+=$'\C-b'; done
zpty -w -n shell "$2$3$back"$'\t'
wait_for $T/zsh.done
grep . $T/zsh.offered
zpty -d shell
