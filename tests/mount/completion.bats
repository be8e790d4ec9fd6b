#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Completion of options, and of what echo writes to a file in a mount, in bash and zsh.

load helper

FROM=$BATS_TEST_DIRNAME/../../scripts/completion

# completes LINE [REST]: what bash offers at the end of LINE, one a line; REST stands behind the cursor.
completes() {
	bash -c '
		compopt() { echo "compopt $*" >> "$T/compopt"; }
		. "$1/enrollfs.bash"
		. "$1/connector-enroll.bash"
		COMP_LINE=$2$3 COMP_POINT=${#2}
		# as readline splits it: = is a word of its own
		read -ra COMP_WORDS <<< "${2//=/ = }"
		[[ $2 != *[=[:space:]] ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		spec=$(complete -p "${COMP_WORDS[0]}")
		[[ $spec =~ -F\ ([_a-z]+) ]]
		"${BASH_REMATCH[1]}" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]}"' - "$FROM" "$1" "${2-}" | sed '/^$/d' > "$T/offered"
}

# offers LINE WORD...: these and no others.
offers() {
	completes "$1"
	printf '%s\n' "${@:2}" | diff "$T/offered" -
}

# offers_before REST LINE WORD...: with REST behind the cursor.
offers_before() {
	completes "$2" "$1"
	printf '%s\n' "${@:3}" | diff "$T/offered" -
}

# default LINE [REST]: nothing of its own, so that files are offered.
default() {
	rm -f "$T/compopt"
	completes "$@"
	[ ! -s "$T/offered" ]
	grep -q default "$T/compopt"
}

export T

@test "each option that --help lists is offered, and no other" {
	for program in "$ENROLLFS" "${ENROLLFS%/*}/mkfs.enrollfs" "${ENROLLFS%/*}/fsck.enrollfs" "${ENROLLFS%/*}/rekey.enrollfs" "${ENROLLFS%/*}/trim.enrollfs" \
		"$BATS_TEST_DIRNAME/../../scripts/connector-enroll"; do
		name=${program##*/}
		"$program" --help | sed -n 's/^ \{2,4\}\(-[^ ].*\)/\1/p' | sed 's/  .*//' | grep -oE -- '--?[A-Za-z][a-z-]*' | sort -u > listed
		completes "$name -"
		sort offered | diff listed -
		[ "$name" != enrollfs ] || continue
		completes "$name --"
		grep '^--' listed | diff - <(sort offered)
	done
	"$ENROLLFS" --help | sed -n 's/^    -o \([a-z_]*=\{0,1\}\).*/\1/p' | sort > listed
	completes 'enrollfs -o '
	sort offered | diff listed -
}

@test "the values of options, also behind others" {
	offers 'enrollfs -o ex' export_gid=
	completes 'enrollfs -o domain=corp.example,u'
	is offered corp.example,user=
	offers 'enrollfs -o user=roo' root
	offers 'enrollfs -f -o domain=corp.example,export_gid=daem' daemon
	completes 'enrollfs -o domain=co'
	[ ! -s offered ]
	offers 'mkfs.enrollfs --user roo' root
	offers 'mkfs.enrollfs --user=roo' root
	default 'mkfs.enrollfs --from '
	default 'mkfs.enrollfs --skip-missing '
	default 'enrollfs st'
	default 'enrollfs store '
	default 'connector-enroll -k '
	default 'connector-enroll '
}

@test "what echo writes: the values of the file behind the cursor, or of the directory's files" {
	certs=(connector root service_edge)
	offers_before " > $K/max_uses" 'echo ' max
	offers_before ">$K/enabled" 'echo ' 0 1
	offers_before " > $K/signing_cert" 'echo ' "${certs[@]}"
	offers_before " > $G/signing_cert" 'echo c' connector
	offers_before " > $M/certs/root/issuer" 'echo ' self "${certs[@]}"
	offers "echo > $K/max_uses " max
	cd "$K"
	offers 'echo m' max
	offers 'echo s' superseded service_edge server
	offers_before ' > max_uses' 'echo ' max
	cd "$M/certs/root"
	offers 'echo rsa' rsa-2048 rsa-3072 rsa-4096
	# as ever: the file, files elsewhere, other files
	default 'echo max > '
	default 'echo max > ma'
	default 'echo x'
	cd "$T"
	default 'echo m'
	mkdir other
	touch other/max_uses
	default 'echo ' ' > other/max_uses'
	default 'echo ' " > $K/description"
	# shellcheck disable=SC2016 # nothing is expanded
	default 'echo ' ' > $(touch run)/max_uses'
	[ ! -e run ]
}

# values FILE: enrollfs_values of bash.
values() { bash -c '. "$1"; enrollfs_values "$2"' - "$FROM/enrollfs.bash" "$1" | tr ' ' '\n'; }

@test "each value that is offered is taken, and the program knows no others" {
	for file in max_uses enabled expires key_types usages managed; do
		for value in $(values "$K/$file"); do echo "$value" > "$K/$file"; done
		echo 0 > "$K/managed"
	done
	: > "$K/key_types"
	wait_until test ! -s "$K/key_types"
	for value in $(values "$K/signing_cert"); do echo "$value" > "$K/signing_cert"; done
	mkdir "$M/certs/new"
	for value in $(values "$M/certs/new/algorithm"); do
		echo "$value" > "$M/certs/new/algorithm"
		is "$M/certs/new/algorithm" "$value"
	done
	sh_refused 'Invalid argument' "echo x > $M/certs/new/algorithm"
	# connector and service_edge may not sign another
	for value in self root; do
		mkdir "$M/certs/by-$value"
		values "$M/certs/new/issuer" | grep -x "$value" > "$M/certs/by-$value/issuer"
	done
	echo max > "$K/max_uses"
	echo 1 > "$K/enabled"
	echo connector > "$K/signing_cert"
	for value in $(values "$G/members/x/revocation"); do
		csr "$value"
		enroll_here "$value.csr" > /dev/null
		echo "$value" > "$G/members/$value/revocation"
		is "$G/members/$value/revocation" "$value"
	done
	csr last
	enroll_here last.csr > /dev/null
	sh_refused 'Invalid argument' "echo x > $G/members/last/revocation"
	# the log names all there are
	for file in "$M/certs/new/algorithm" "$G/members/last/revocation"; do
		grep -F "not one of $(values "$file" | xargs)\"" "$M/log"
	done
}

@test "zsh: options and values" {
	command -v zsh > /dev/null || skip 'zsh is not installed'
	zsh_offers() { zsh -f "$BATS_TEST_DIRNAME/complete.zsh" "$FROM" "$@" | sort -u > "$T/offered"; }
	zsh_offers 'enrollfs --'
	for option in --help --version; do grep -x -e "$option" offered; done
	zsh_offers 'enrollfs -o '
	"$ENROLLFS" --help | sed -n 's/^    -o \([a-z_]*\).*/\1/p' | sort | diff - offered
	for tool in mkfs.enrollfs fsck.enrollfs rekey.enrollfs trim.enrollfs; do
		zsh_offers "$tool --"
		"${ENROLLFS%/*}/$tool" --help | sed -n 's/^ \{2,4\}\(-[^ ].*\)/\1/p' | sed 's/  .*//' |
			grep -oE -- '--[a-z-]+' | sort -u | diff - offered
	done
	zsh_offers 'connector-enroll --'
	grep -x -e --setup offered
	zsh_offers 'echo ' " > $K/max_uses"
	is offered max
	zsh_offers 'echo ' " > $M/certs/root/algorithm"
	values "$M/certs/root/algorithm" | sort | diff - offered
	csr x
	enroll_here x.csr > /dev/null
	zsh_offers 'echo ' " > $G/members/x/revocation"
	values "$G/members/x/revocation" | sort | diff - offered
	zsh_offers 'echo ' " > $G/signing_cert"
	values "$G/signing_cert" | sort | diff - offered
	cd "$K"
	zsh_offers 'echo nev'
	is "$T/offered" never
	# as ever: other files
	zsh_offers 'echo cop'
	is "$T/offered" copies
	cd "$T"
	zsh_offers 'echo st' " > $T/max_uses"
	grep -x store.key offered
}
