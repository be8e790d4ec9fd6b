#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Many at once: limits, overlap, changes in flight, a killed daemon. Run with ThreadSanitizer too.

load helper

# clients N SCRIPT: N of them at once, each with its number as $1; waits for all.
clients() {
	local n=$1 script=$2 i pids=()
	for ((i = 1; i <= n; i++)); do
		bash -c "$script" - "$i" &
		pids+=($!)
	done
	wait "${pids[@]}" || :
}

# csrs N: requests c1.csr to cN.csr.
csrs() {
	seq "$1" | xargs -P 4 -I{} openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout c{}.pem -subj /CN=c{} -out c{}.csr 2> /dev/null
}

@test "32 machines race for 10 uses" {
	export M K
	echo 10 > "$K/max_uses"
	cat "$K/key" > my.key
	csrs 32
	clients 32 '{ cat my.key c$1.csr >&3 && cat <&3; } 3<> "$M/enroll" > c$1.crt 2> c$1.err && touch c$1.ok'
	[ "$(ls c*.ok | wc -l)" = 10 ]
	[ "$(grep -l 'Disk quota exceeded' c*.err | wc -l)" = 22 ]
	is "$K/uses" 10
	[ "$(ls "$G/members" | wc -l)" = 10 ]
	for f in c*.ok; do verifies "${f%.ok}.crt"; done
	# and one name for all of them
	echo +8 > "$K/max_uses"
	for i in 1 2 3 4 5 6 7 8; do csr s$i same; done
	clients 8 'cat s$1.csr > "$K/enroll" && touch s$1.ok'
	[ "$(ls s*.ok | wc -l)" = 8 ]
	[ "$(ls "$G/members" | grep -c '^same')" = 8 ]
}

@test "one machine that asks 16 times at once has one certificate" {
	export M K
	echo max > "$K/max_uses"
	csr web1
	clients 16 '{ cat web1.csr >&3 && cat <&3; } 3<> "$K/enroll" > r$1.crt'
	for i in $(seq 16); do cmp r1.crt r$i.crt; done
	is "$K/uses" 1
}

@test "8 clients of one enroll file overlap" {
	stop
	# the trace of libfuse says when each request came and when it was answered
	start -d
	export M K
	echo max > "$K/max_uses"
	csrs 64
	clients 8 'for n in 1 2 3 4 5 6 7 8; do
		i=$((($1 - 1) * 8 + n)); { cat c$i.csr >&3 && cat <&3; } 3<> "$K/enroll" > c$i.crt; done'
	is "$K/uses" 64
	stop
	most=$(awk '
		$1 == "unique:" && /opcode: WRITE/ { open[$2 + 0] = 1; now++; if (now > most) most = now }
		$1 == "unique:" && /(success|error)/ { if (open[$2 + 0]) { delete open[$2 + 0]; now-- } }
		END { print most + 0 }' log)
	echo "at most $most enrolments were carried out at once"
	[ "$most" -ge 2 ]
	expect_log 'error: (0|-2|-17|-22|-1|-38|-61)'
}

@test "a switch, limit or expiry that was acknowledged is obeyed by what is in flight" {
	export M K
	csrs 120
	echo max > "$K/max_uses"
	n=0
	for change in 'enabled 0 1' 'max_uses 0 max' 'expires 1970-01-01T00:00:01Z never'; do
		set -- $change
		before=$(cat "$K/uses")
		pids=()
		for c in 1 2 3 4 5 6 7 8; do
			bash -c 'for i in $(seq $1 $2); do cat c$i.csr > "$K/enroll" 2> /dev/null || exit 0; done' - \
				$((n + 1)) $((n + 5)) &
			pids+=($!)
			n=$((n + 5))
		done
		more() { [ "$(cat "$K/uses")" -ge $((before + 3)) ]; }
		wait_until more
		echo "$2" > "$K/$1"
		at=$(cat "$K/uses")
		wait "${pids[@]}" || :
		is "$K/uses" "$at"
		[ "$(ls "$G/members" | wc -l)" = "$at" ]
		echo "$1: switched off at $at of $n"
		echo "$3" > "$K/$1"
	done
}

@test "kill -9 in the middle of 200 enrolments from 8 clients" {
	export M K
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	csrs 200
	mkdir got
	round() {
		for c in 1 2 3 4 5 6 7 8; do
			bash -c 'for i in $(seq $1 8 200); do
				[ -e got/c$i.crt ] && continue
				{ cat my.key c$i.csr >&3 && cat <&3; } 3<> "$M/enroll" > c$i.tmp 2> /dev/null &&
					# with the mount gone, that is a file like any other
					grep -q "BEGIN CERTIFICATE-" c$i.tmp && mv c$i.tmp got/c$i.crt || exit 0
				done' - $c &
		done
	}
	round
	some() { [ "$(ls got | wc -l)" -ge 60 ]; }
	wait_until some
	kill -9 "$PID"
	wait "$PID" || :
	wait_for_jobs || :
	received=$(ls got | wc -l)
	echo "$received received before the end"
	[ "$received" -lt 200 ]
	wait_until not mountpoint -q "$M"

	start
	uses=$(cat "$K/uses")
	[ "$uses" = "$(ls "$G/members" | wc -l)" ]
	[ "$uses" -ge "$received" ]
	for f in got/*.crt; do
		name=$(basename "$f" .crt)
		cmp "$f" "$G/members/$name/fullchain.pem"
		verifies "$f"
	done
	# the rest, and those whose answer was lost
	round
	wait_for_jobs
	[ "$(ls got | wc -l)" = 200 ]
	is "$K/uses" 200
	is "$M/certs/connector/issued" 200
	[ "$(grep -c '"action":"enroll"' "$M/log")" = 200 ]
	stop
	check_store
}

@test "readers see whole values while others write them" {
	echo 1000 > "$K/max_uses"
	bash -c 'for i in $(seq 200); do echo 1000 > "$1"; echo 99 > "$1"; done' - "$K/max_uses" &
	writer=$!
	while kill -0 $writer 2> /dev/null; do
		v=$(cat "$K/max_uses")
		[ "$v" = 1000 ] || [ "$v" = 99 ] || { echo "read $v"; return 1; }
	done
	wait $writer
}

@test "nobody reads an older value than the one that was answered" {
	timeout 120 /usr/bin/python3 "$BATS_TEST_DIRNAME/stale.py" "$M" 200 > said
	cat said
	[ "$(awk '{ print $1 }' said)" -gt 1000 ]
}

@test "one user's open files are bounded, and take nothing from others" {
	cat > many.py <<-'PY'
		import errno, os, resource, sys
		resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
		held, said = [], None
		while said is None and len(held) < 5000:
		    try:
		        held.append(os.open(sys.argv[1], os.O_RDONLY))
		    except OSError as e:
		        said = e.errno
		print(len(held), errno.errorcode.get(said))
		sys.stdout.flush()
		sys.stdin.read()
	PY
	mkfifo go
	setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 many.py "$M/domain" < go > said 3>&- &
	many=$!
	exec 4> go
	wait_until [ -s said ]
	[ "$(cat said)" = '4096 ENOSPC' ]
	is "$M/domain" corp.example
	setpriv --reuid 65533 --regid 65533 --clear-groups cat "$M/domain"
	refused 'No space left on device' setpriv --reuid 65534 --regid 65534 --clear-groups cat "$M/version"
	exec 4>&-
	wait $many
	wait_until setpriv --reuid 65534 --regid 65534 --clear-groups cat "$M/version"
}
