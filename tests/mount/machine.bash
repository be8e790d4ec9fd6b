# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # T is helper.bash's; TOP is for tests
#
# A machine of the test's own with systemd (systemd.sh): a copy of this one, with the files below
# D/files laid over it. Its commands are run by inside.

TOP=$BATS_TEST_DIRNAME/../..
MNT=/srv/enrollfs

made_or_not() { [ -e "$D/made" ] || gone "$MACHINE"; }
first_is_systemd() {
	local unshare
	unshare=$(pgrep -P "$MACHINE") && FIRST=$(pgrep -P "$unshare") && [ "$(cat "/proc/$FIRST/comm")" = systemd ]
}
is_up() { inside systemctl is-system-running > /dev/null 2>&1; }

boot() {
	local rc=0
	setpriv --pdeathsig TERM "$BATS_TEST_DIRNAME/systemd.sh" "$D" 2> said 3>&- &
	MACHINE=$!
	wait_until made_or_not
	if ! [ -e "$D/made" ]; then
		wait "$MACHINE" || rc=$?
		[ $rc != 77 ] || skip "no machine can be made here: $(tail -n 1 said)"
		cat said
		return 1
	fi
	wait_until first_is_systemd
	wait_until is_up
}

# Its power is taken away: all that runs there is killed.
halt() {
	kill "$MACHINE" 2> /dev/null || :
	wait "$MACHINE" || :
	FIRST=
}

shut_down() {
	inside systemctl poweroff
	wait "$MACHINE" || :
	FIRST=
}

inside() { nsenter --target "$FIRST" --all --root --wd -- "$@" 3>&-; }
inside_sh() { inside bash -euc "$1"; }

# boot_clean: the first boot, without what this machine itself may have of enrollfs.
boot_clean() {
	boot
	inside_sh 'rm -rf /etc/enrollfs /etc/default/enrollfs /etc/default/connector-enroll /srv/enrollfs \
		/var/lib/enrollfs /var/lib/connector-enroll
		! id connector-enroll > /dev/null 2>&1 || userdel connector-enroll'
}

take_down_machine() {
	# of all its boots; mount(8) logs for what is in fstab
	[ -z "${FIRST-}" ] || inside journalctl -q -o cat -t enrollfs -t mount >> "$T/log" || :
	halt
	rm -rf "$D"
	not grep -q Sanitizer "$T/log" || return 1
	take_down_mount
}

show() { inside systemctl show --property "$1" --value "${2-enrollfs}"; }
is_now() { [ "$(show "$1")" = "$2" ]; }

# A key auto, copied to auto.key.
has_a_key() {
	inside_sh "mkdir -p $MNT/app_connector/berlin/keys/auto; echo 3 > $MNT/app_connector/berlin/keys/auto/max_uses"
	inside cat $MNT/app_connector/berlin/keys/auto/key > auto.key
}

# The key that was copied is the key still.
serves_the_same() {
	inside cat $MNT/app_connector/berlin/keys/auto/key > again
	cmp auto.key again
}
