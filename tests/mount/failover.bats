#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The connection to the server is cut, the server dies, and another takes its place: what was acknowledged
# is there, once. Servers of its own; CUT_SECONDS and FAILOVER_ROUNDS say for how long.
load helper

setup() {
	set_up_server
	SERVER=${STORE/enrollfs@\/enrollfs/postgres@\/postgres}
}

teardown() {
	[ -n "${D-}" ] || return 0
	local rc=0
	if [ -n "${PID2-}" ]; then
		umount -l "$M2"
		kill "$PID2"
	fi
	take_down_mount || rc=1
	[ -z "${CUT-}" ] || kill "$CUT"
	return $rc
}

server() { "$BATS_TEST_DIRNAME/postgres" "$@"; }

# How many certificates clients have got; waits for more.
acknowledged() { find . -maxdepth 1 -name 'got.*' | wc -l; }
more_than() { wait_until eval "[ \"\$(acknowledged)\" -gt $1 ]"; }

# on URI: this test's store is there.
on() {
	STORE=$1
	place_store
}

# work N MOUNT: a client that enrolls and edits until ./done is there; what was acknowledged is in got.N-* and
# set.N.
work() {
	local n=$1 at=$2 i=${3-0}
	while [ ! -e ./done ]; do
		i=$((i + 1))
		csr "c$n-$i"
		if enroll key "c$n-$i.csr" "$at/enroll" > "got.$n-$i" 2>> refused; then :; else rm "got.$n-$i"; fi
		if echo "$i" > "$at/app_connector/berlin/keys/k$n/max_uses" 2>> refused; then echo "$i" > "set.$n"; fi
	done
}

# A second daemon with the same store, at M2.
second() {
	M2=$T/m2
	mkdir "$M2"
	env --default-signal=INT "$ENROLLFS" -f "${OF_STORE[@]}" "$S" "$M2" 2>> "$T/log" 3>&- &
	PID2=$!
	wait_until test -d "$M2/app_connector/berlin"
}

# What was acknowledged is there, and nothing else: each certificate with its use.
all_is_there() {
	local n got
	got=$(ls got.* | wc -l)
	[ "$(cat "$K/uses")" -ge "$got" ]
	[ "$(cat "$K/uses")" = "$(ls "$G/members" | wc -l)" ]
	for n in got.*; do
		openssl x509 -in "$n" -noout -fingerprint -sha256 | tr -d : | cut -d= -f2 | tr 'A-F' 'a-f'
	done | sort > acknowledged
	cat "$G"/members/*/fingerprint | sort > stored
	[ -z "$(comm -23 acknowledged stored)" ]
	for n in set.*; do
		[ "$(cat "$G/keys/k${n#set.}/max_uses")" -ge "$(cat "$n")" ]
	done
	jq -r .seq "$M/log" | awk '$1 != NR {exit 1}'
}

may_fail() {
	expect_log 'the server does not answer'
	expect_log 'it is not known whether'
	expect_log 'due to (lock|statement) timeout'
	expect_log '\(57P0[123]\)|\(25006\)|\(25P0[23]\)|\(08[0-9A-Z]{3}\)'
	expect_log 'cannot be read|Input/output error'
}

@test "a connection that is cut before, in and after COMMIT loses nothing and doubles nothing" {
	may_fail
	mkdir proxy
	chmod 755 proxy
	python3 "$BATS_TEST_DIRNAME/cut.py" "$T/proxy/.s.PGSQL.5432" "$D/.s.PGSQL.5432" "$T/counts" > proxy/said 3>&- &
	CUT=$!
	wait_until grep -q ready proxy/said
	on "${STORE/"$D"/"$T/proxy"}"
	start
	group
	echo max > "$K/max_uses"
	cat "$K/key" > key
	local n pids=()
	for n in 1 2 3 4; do mkdir "$G/keys/k$n"; done
	for n in 1 2 3 4; do work $n "$M" & pids+=($!); done
	for ((n = 5; n <= ${CUTS:-20}; n += 5)); do
		wait_until eval "[ \"\$(awk '{print \$1 + \$3 + \$5}' counts)\" -ge $n ]"
	done
	touch ./done
	wait "${pids[@]}"
	[ "$(ls got.* | wc -l)" -gt 10 ]
	all_is_there
	awk '$1 < 1 || $3 < 1 || $5 < 1 {exit 1}' counts
	stop
	# not by the proxy any more
	S=${S/"$T/proxy"/"$D"} STORE=${STORE/"$T/proxy"/"$D"}
	check_store
}

@test "the server dies, and its standby takes over" {
	may_fail
	local n round old=$D new=$D-1 pids
	server standby "$old" "$new"
	on "${STORE/"$D"/"$D,$D-1"}&target_session_attrs=read-write"
	start
	group
	echo max > "$K/max_uses"
	cat "$K/key" > key
	for n in $(seq 16); do mkdir "$G/keys/k$n"; done
	second
	for round in $(seq "${FAILOVER_ROUNDS:-2}"); do
		rm -f ./done
		pids=()
		for n in $(seq 16); do
			if [ $((n % 2)) = 0 ]; then n="$n $M"; else n="$n $M2"; fi
			# shellcheck disable=SC2086 # two arguments
			work $n $((round * 10000)) & pids+=($!)
		done
		more_than $(($(acknowledged) + 8))
		server kill "$old"
		server promote "$new"
		# it goes on
		more_than $(($(acknowledged) + 8))
		touch ./done
		wait "${pids[@]}"
		# both of them answer again
		wait_until cat "$K/uses" "$M2/app_connector/berlin/keys/auto/uses" 2>> refused
		all_is_there
		rm -rf "$old"
		server standby "$new" "$old"
		n=$old old=$new new=$n
	done
	umount "$M2"
	wait "$PID2"
	PID2=
	stop
	check_store
}

@test "a commit that may not have been replicated is not acknowledged" {
	may_fail
	server standby "$D" "$D-1"
	on "$STORE"
	start
	group
	server stop "$D-1"
	echo 7 > "$K/max_uses" 2> said &
	local writer=$! waits="FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	wait_until eval '[ "$(psql -qXAt "$SERVER" -c "SELECT count(*) $waits")" = 1 ]'
	psql -qXAt "$SERVER" -c "SELECT pg_cancel_backend(pid) $waits"
	not wait "$writer"
	grep -q 'Input/output error' said
	expect_log 'canceling wait for synchronous replication'
	psql -qX "$SERVER" -c "ALTER SYSTEM SET synchronous_standby_names = ''" -c 'SELECT pg_reload_conf()'
	echo 8 > "$K/max_uses"
	is "$K/max_uses" 8
}

@test "without a server all is refused in time, and it goes on when that is back" {
	may_fail
	on "$STORE"
	start
	group
	cat "$K/key" > key
	csr one
	server stop "$D"
	local begun=$SECONDS
	ls "$M" > listed
	grep -qx certs listed
	wait_until not cat "$K/uses" 2> said
	grep -q 'Input/output error' said
	sh_refused 'Input/output error' "echo 5 > $K/max_uses"
	refused 'Input/output error' enroll key one.csr
	[ $((SECONDS - begun)) -lt 60 ]
	server run "$D"
	wait_until eval 'echo 5 > "$K/max_uses"' 2> said
	enroll key one.csr > one.crt
	verifies one.crt
	is "$K/uses" 1
	grep -q 'connected again' log
}
