#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The daemon is killed while sixteen clients do everything: at any moment, and at named points. After each
# round fsck finds nothing, and all that was answered is there. CRASH_ROUNDS of them (25).

load helper

everything() { /usr/bin/python3 "$BATS_TEST_DIRNAME/everything.py" "$@"; }

# One round: the daemon with this environment; after DELAY seconds (or when it has gone) it is killed.
round() {
	local number=$1 delay=$2 clients i=0
	shift 2
	ACKS=$T/acks
	env "$@" "$ENROLLFS" -f "$T/store" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	# it may be killed before it answers
	until answers || gone "$PID" || [ $((i += 1)) -gt 400 ]; do sleep 0.02; done
	everything run "$M" requests $((number * 977)) "$ACKS" 3>&- &
	clients=$!
	if [ "$delay" != never ]; then
		sleep "$delay"
		kill -9 "$PID"
	fi
	i=0
	until gone "$PID" || [ $((i += 1)) -gt 600 ]; do sleep 0.05; done
	gone "$PID" || { echo "it does not come to $*"; kill -9 "$PID"; return 1; }
	umount -l "$M" || :
	wait "$clients" "$PID" || :
	PID=
	"${ENROLLFS%/*}/fsck.enrollfs" "$T/store" 3>&-
	everything check "$T/store" "$ACKS"
}

# What has to be preloaded before anything else.
sanitizer() { ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}'; }

prepare() {
	"${ENROLLFS%/*}/bench" requests 3000 requests
	for i in $(seq 0 15); do
		mkdir "$G/keys/c$i"
		echo 5 > "$G/keys/c$i/max_uses"
	done
	stop
	# libfuse says so when a mount has gone under it
	expect_log 'enrollfs: error: .*(fuse|unmount|session)'
}

@test "killed at any moment" {
	prepare
	for n in $(seq $((${CRASH_ROUNDS:-25} / 2))); do
		round "$n" "0.$((RANDOM % 40 + 5))" NOTHING=1 > round.log 2>&1 || { cat round.log; return 1; }
		tail -n 1 round.log >> counts
	done
	# there were answers to lose
	[ "$(tail -n 1 counts)" -gt 50 ]
}

@test "killed before and after a commit, within one, and before a reply" {
	cc -shared -fPIC -o kill_at.so "$BATS_TEST_DIRNAME/kill_at.c" -ldl
	prepare
	points=(before-commit after-commit within-write before-reply)
	for n in $(seq $(((${CRASH_ROUNDS:-25} + 1) / 2))); do
		point=${points[$((n % 4))]}
		many=$((RANDOM % 150 + 3))
		round "$n" never KILL_AT="$point:$many" LD_PRELOAD="$(sanitizer)$T/kill_at.so" > round.log 2>&1 || { echo "$point:$many"; cat round.log; return 1; }
		tail -n 1 round.log >> counts
	done
	[ "$(tail -n 1 counts)" -gt 20 ]
}

enough() { [ "$(stat -c %s trace)" -gt 5000000 ] || ! kill -0 "$clients" 2> /dev/null; }

@test "the power goes: what was not synced is lost, or torn" {
	cc -shared -fPIC -o trace.so "$BATS_TEST_DIRNAME/trace.c" -ldl
	prepare
	cp store before
	: > before-wal
	ln store.key before.key
	env TRACE="$T/trace" LD_PRELOAD="$(sanitizer)$T/trace.so" "$ENROLLFS" -f store "$M" 2>> log 3>&- &
	PID=$!
	wait_until answers
	everything run "$M" requests 0 "$T/acks" 3>&- &
	clients=$!
	wait_until enough
	umount -l "$M"
	kill "$PID"
	wait "$PID" "$clients" || :
	PID=
	/usr/bin/python3 "$BATS_TEST_DIRNAME/powerloss.py" before before-wal trace acks "${CRASH_ROUNDS:-25}" "$RANDOM" \
		"${ENROLLFS%/*}/fsck.enrollfs" 3>&- > said
	cat said
	[ "$(sed 's/.*at last \([0-9]*\) .*/\1/' said)" -gt 20 ]
}
