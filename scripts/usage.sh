# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# Sourced by the other scripts.

# usage SCRIPT [ARGUMENT...]: --help prints the comment that SCRIPT begins with. Another option is refused:
# those that SCRIPT has, it has taken before.
usage() {
	case ${2-} in
	-h | --help)
		sed -n '3,/^[^#]/s/^# \{0,1\}//p' "$1"
		exit 0
		;;
	-*) usage_error "$1" "no such option: $2" ;;
	esac
}

# usage_error SCRIPT TEXT
usage_error() {
	echo "$1: $2; --help says more" >&2
	exit 2
}
