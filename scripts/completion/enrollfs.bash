# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion of enrollfs, {mkfs,fsck,rekey,trim}.enrollfs, and of what echo writes to a file in a
# mount: `echo <TAB> > keys/auto/max_uses` completes this file's values, `echo <TAB>` in an object's
# directory those of its files. Elsewhere, echo completes as before.

# Sets COMPREPLY to those of the words that begin with what is typed. CUR is what readline replaces,
# STEM the end of it that is compared: CUR may have parts of a list before it.
__enrollfs_words() {
	local cur=$1 stem=$2 words
	shift 2
	mapfile -t words < <(compgen -W "$*" -- "$stem")
	COMPREPLY=("${words[@]/#/"${cur%"$stem"}"}")
}

# __enrollfs_option NAME CUR STEM: the value of an option. Fails if NAME has none.
__enrollfs_option() {
	case $1 in
	user | --user) __enrollfs_words "$2" "$3" "$(compgen -u)" ;;
	export_gid | audit_gid) __enrollfs_words "$2" "$3" "$(compgen -g)" ;;
	master_key | --master-key | --from) compopt -o default ;;
	domain | crl_delay | timeout | --domain | --log-head) ;;
	*) return 1 ;;
	esac
}

# _enrollfs COMMAND CUR PREVIOUS
_enrollfs() {
	local cur=$2 typed=${COMP_LINE:0:COMP_POINT} word item before
	word=${typed##*[[:space:]]}
	before=${typed%"$word"}
	before=${before%"${before##*[![:space:]]}"}
	before=${before##*[[:space:]]}
	item=${word##*,}
	COMPREPLY=()
	case ${1##*/},$before,$word in
	enrollfs,-o,*)
		compopt -o nospace
		__enrollfs_option "${item%%=*}" "$cur" "${item#*=}" ||
			__enrollfs_words "$cur" "$item" domain= master_key= user= export_gid= audit_gid= crl_delay= timeout= ro \
				accept_older allow_other noallow_other
		;;
	*,*,--*=*) __enrollfs_option "${word%%=*}" "$cur" "${word#*=}" || : ;;
	*,--*,*) __enrollfs_option "$before" "$cur" "$cur" || compopt -o default ;;
	enrollfs,*,-*) __enrollfs_words "$cur" "$cur" -f -o -d -h --help -V --version ;;
	mkfs.enrollfs,*,-*)
		__enrollfs_words "$cur" "$cur" --domain --from --skip-missing --accept-older --log-head --user --master-key \
			-h --help -V --version
		;;
	fsck.enrollfs,*,-*) __enrollfs_words "$cur" "$cur" -n --upgrade --master-key --log-head -h --help -V --version ;;
	rekey.enrollfs,*,-*) __enrollfs_words "$cur" "$cur" --master-key -h --help -V --version ;;
	trim.enrollfs,*,-*) __enrollfs_words "$cur" "$cur" --before --expired --trail --master-key -h --help -V --version ;;
	*) compopt -o default ;;
	esac
}

# __enrollfs_root DIR: the root of the mount that DIR is in; fails if it is in none.
__enrollfs_root() {
	local root=$1
	for _ in 1 2 3 4 5 6; do
		if [[ -d $root/certs && -d $root/app_connector && -f $root/domain ]]; then
			printf '%s\n' "$root"
			return
		fi
		root=$root/..
	done
	return 1
}

# __enrollfs_certs DIR: the names of the signing certificates in DIR's mount.
__enrollfs_certs() {
	local root name
	root=$(__enrollfs_root "$1") || return
	for name in "$root"/certs/*/; do
		name=${name%/}
		printf '%s\n' "${name##*/}"
	done
}

# enrollfs_values FILE: words that can be written to it; none where any text can.
enrollfs_values() {
	local dir=.
	[[ $1 != */* ]] || dir=${1%/*}
	case ${1##*/} in
	max_uses) echo max ;;
	enabled | managed | exportable | approval) echo 0 1 ;;
	secret) echo new ;;
	expires) echo never +1h +1d +1w ;;
	expire_after) echo never 30d 90d ;;
	revocation)
		echo unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation \
			privilegeWithdrawn aACompromise
		;;
	algorithm) echo ec-p256 ec-p384 ed25519 rsa-2048 rsa-3072 rsa-4096 ;;
	issuer) echo self && __enrollfs_certs "${dir:-/}" ;;
	cross) echo none && __enrollfs_certs "${dir:-/}" ;;
	signing_cert) __enrollfs_certs "${dir:-/}" ;;
	key_types) echo ec-p256 ec-p384 ec-p521 ed25519 ;;
	usages) echo client server ;;
	esac
}

# _enrollfs_echo COMMAND CUR PREVIOUS: what echo writes.
_enrollfs_echo() {
	local cur=$2 file words=() target='>[[:space:]]*([^][:space:]<>|;&$`*?[{~"'\''\\]+)'
	COMPREPLY=()
	if [[ $3 = '>'* ]]; then
		: # the file
	elif [[ ${COMP_LINE:COMP_POINT} =~ $target ]] || [[ ${COMP_LINE:0:COMP_POINT} =~ $target ]]; then
		file=${BASH_REMATCH[1]}
		[[ $file = */* ]] || file=./$file
		! __enrollfs_root "${file%/*}" > /dev/null || words=("$(enrollfs_values "$file")")
	elif __enrollfs_root . > /dev/null; then
		for file in ./*; do
			words+=("$(enrollfs_values "$file")")
		done
	fi
	__enrollfs_words "$cur" "$cur" "${words[*]}"
	# as without this function
	[[ ${#COMPREPLY[@]} != 0 ]] || compopt -o bashdefault -o default
}

complete -F _enrollfs enrollfs mkfs.enrollfs fsck.enrollfs rekey.enrollfs trim.enrollfs
complete -F _enrollfs_echo echo
