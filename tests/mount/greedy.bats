#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A client that takes all it can get takes nothing from the others, and no more memory than it may.
# (How much slower the others are, scripts/bench measures.)

load helper

@test "one that opens, one that writes slowly, one that never reads, one that writes garbage" {
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	csr greedy
	cat my.key greedy.csr > request
	chmod 644 request
	for i in $(seq 40); do csr "web$i"; done
	expect_log 'refused: (Bad message|No space left|Invalid argument|File too large)'
	expect_log 'closed with an incomplete request'
	n=0
	for what in opens slow unread garbage; do
		: > said
		/usr/bin/python3 "$BATS_TEST_DIRNAME/greedy.py" $what "$M/enroll" "$T/request" > said 3>&- &
		greedy=$!
		wait_until grep -q . said
		sed "s/^/$what: /" said
		# every one of another user's machines enrols while it goes on
		for i in 1 2 3 4 5 6 7 8 9 10; do
			enroll my.key "web$((n += 1)).csr" > out.crt
			verifies out.crt
		done
		kill -0 "$greedy"
		kill "$greedy"
		wait "$greedy" || :
		case $what in
		opens) [ "$(cat said)" = '64 ENOSPC:9936' ] ;;
		slow) grep -q 'ENOSPC:36' said ;;
		unread) [ "$(cat said)" = '128 ENOSPC:36' ] ;;
		garbage) [ "$(cat said)" = '1 EBADMSG:1' ] ;;
		esac
		# what it held is free again
		wait_until setpriv --reuid 65534 --clear-groups bash -c ': <> "$1"' - "$M/enroll"
	done
	peak=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$PID/status")
	echo "peak: $peak kB"
	limit=65536
	! nm -D "$ENROLLFS" | grep -qE '__[at]san' || limit=1048576
	[ "$peak" -lt $limit ]
	# the greedy one has enrolled once, whatever it did
	is "$K/uses" 41
	[ -d "$G/members/greedy" ]
}
