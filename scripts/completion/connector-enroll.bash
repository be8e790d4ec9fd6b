# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# bash completion of connector-enroll.

# _connector_enroll COMMAND CUR PREVIOUS
_connector_enroll() {
	COMPREPLY=()
	case $3,$2 in
	-k,* | -d,* | --gate,*) compopt -o default ;;
	*,-*) mapfile -t COMPREPLY < <(compgen -W '-k -d --wait --setup --revoke --gate -h --help -V --version' -- "$2") ;;
	*) compopt -o default ;;
	esac
}

complete -F _connector_enroll connector-enroll
