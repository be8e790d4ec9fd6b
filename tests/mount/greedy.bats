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

# greedy COUNT WHAT FILE...: so many of them, until enough; waits until each has done it once.
greedy() {
	local count=$1
	shift
	: > said
	for _ in $(seq "$count"); do
		/usr/bin/python3 "$BATS_TEST_DIRNAME/greedy.py" "$@" >> said 3>&- &
		greedy+=($!)
	done
	all_said() { [ "$(wc -l < said)" -ge "$count" ]; }
	wait_until all_said
	tr ' ' '\n' < said | awk -F: -v "what=$*" '/^[0-9]/ {n += $1} NF > 1 {e[$1] += $2} END {
		printf "%s: %d served", what, n; for (i in e) printf ", %s %d", i, e[i]; print ""}'
}

enough() {
	kill "${greedy[@]}"
	wait "${greedy[@]}" || :
	greedy=()
}

in_proc() { sed -n "s/^$1:[[:space:]]*\([0-9]*\).*/\1/p" "/proc/$PID/status"; }
descriptors() { find "/proc/$PID/fd" -mindepth 1 | wc -l; }

@test "readers, lists, single bytes, proofs, drafts and opens: bounded memory, given back with the threads" {
	not_restored 'another test does it with the same store'
	local limit=65536 later=32768 users=32 threads files before
	! nm -D "$ENROLLFS" | grep -qE '__[at]san' || limit=10000000 later=10000000 users=8
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	chmod 644 my.key
	"${ENROLLFS%/*}/bench" requests 1500 requests
	"${ENROLLFS%/*}/bench" enroll 4 600 requests 0 "$M/enroll" my.key > /dev/null
	[ "$(wc -l < "$M/tables/members.tsv")" = 1501 ]
	chmod 644 "$M/log" "$M/tables/members.tsv"
	chmod 755 "$M/tables"
	mkdir "$M/service_edge/strange"
	chown 65534:65534 "$M/service_edge/strange"
	csr strange
	csr another
	cat strange.csr another.csr > pair
	chmod 644 pair
	expect_log 'refused: (Key was rejected|No space left|Device or resource busy)'
	expect_log 'closed with an incomplete request'
	expect_log 'refused with EBUSY: too many requests'
	threads=$(in_proc Threads)
	files=$(descriptors)
	n=0
	for what in "200 reads $M/log" "$users reads $M/tables/members.tsv" \
		"$users stats $M/certs/connector/index.txt $M/certs/connector/crl.der" "$users bytes $M/enroll" \
		"8 sends $M/renew $T/pair" "4 walks $M/certs" "4 drafts $M/service_edge/strange" "4 opens $M/enroll $T/pair"; do
		before=$(wc -l < "$M/log")
		# shellcheck disable=SC2086 # an argument each
		greedy $what
		# others enroll, read and delete meanwhile
		csr "web$((n += 1))"
		chmod 644 "web$n.csr"
		enrolls_as 7001 my.key "web$n.csr"
		as 7001 cat "$K/remaining"
		rmdir "$G/members/web$n"
		[ -z "$(find "$G/members" -name "web$n")" ]
		kill -0 "${greedy[@]}"
		enough
		echo "resident: $(in_proc VmRSS) kB, at most $(in_proc VmHWM) kB; $(in_proc Threads) threads, $(descriptors) descriptors"
		[ "$(in_proc VmHWM)" -le $limit ]
		# what a stranger is refused makes few lines
		[ $(($(wc -l < "$M/log") - before)) -lt 400 ]
	done
	given_back() {
		[ "$(in_proc VmRSS)" -le $later ] && [ "$(in_proc Threads)" -le $((threads + 4)) ] &&
			[ "$(descriptors)" -le $((files + 16)) ]
	}
	wait_until given_back || wait_until given_back || wait_until given_back
	echo "then: $(in_proc VmRSS) kB; $(in_proc Threads) threads, $(descriptors) descriptors"
}

@test "who sends proofs that prove nothing is refused for a while, and nobody else" {
	echo max > "$K/max_uses"
	csr web1
	enroll_here web1.csr > web1.crt
	csr new web1
	openssl req -new -key web1.pem -subj "/CN=$(openssl req -in new.csr -outform DER | sha256sum | cut -d ' ' -f 1)" > proof
	cat new.csr proof > good
	csr other
	cat new.csr other.csr > bad
	cat > prove.py <<-'PY'
		import errno, os, sys
		os.setgroups([])
		os.setresuid(65534, 65534, 65534)
		bad = open('bad', 'rb').read()
		for n in range(1000000):
		    fd = os.open(sys.argv[1], os.O_RDWR)
		    try:
		        os.write(fd, bad)
		    except OSError as e:
		        if e.errno != errno.EKEYREJECTED:
		            print(errno.errorcode[e.errno], os.read(fd, 1000).decode(), n, sep='\n')
		            break
		    finally:
		        os.close(fd)
	PY
	chmod 644 ./*.csr good bad
	expect_log 'refused: (Key was rejected|Device or resource busy)'
	/usr/bin/python3 prove.py "$M/renew" > said
	cat said
	[ "$(head -n 1 said)" = EBUSY ]
	grep -q 'proved nothing' said
	[ "$(tail -n 1 said)" -gt 100 ]
	wait_until grep -q '"uid":65534.*"result":"EBUSY"' "$M/log"
	# a machine behind another user renews, and in a while this one's would
	as 7001 bash -c '{ cat good >&3 && cat <&3; } 3<> "$1"' - "$M/renew" > new.crt
	verifies new.crt
	renews() { as 65534 bash -c '{ cat good >&3 && cat <&3; } 3<> "$1"' - "$M/renew" > again.crt 2> /dev/null; }
	wait_until renews
	cmp new.crt again.crt
}

# hold FILE read|write FIRST_UID USERS: they have all they get until let_go; `said` has how many.
hold() {
	mkfifo keep
	: > said
	/usr/bin/python3 "$BATS_TEST_DIRNAME/hold.py" "$@" < keep > said 3>&- &
	holder=$!
	exec 5> keep
	wait_until grep -q . said
	cat said
}

let_go() {
	exec 5>&-
	wait "$holder"
	rm keep
}

# as UID COMMAND...: with the group of that number, and no other.
as() {
	local id=$1
	shift
	setpriv --reuid "$id" --regid "$id" --clear-groups "$@"
}

# enrolls_as UID KEYFILE CSR
enrolls_as() {
	as "$1" bash -c '{ cat "$1" "$2" >&3 && cat <&3; } 3<> "$3"' - "$2" "$3" "$M/enroll" > out.crt
	verifies out.crt
}

total() { tr ' ' '\n' < said | awk '/^[0-9]/ {n += $1} END {print n}'; }

resident() { sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$PID/status"; }

@test "however many users hold all they get, root and who runs a group still enroll and read" {
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	chmod 644 my.key
	for i in $(seq 8); do csr "web$i"; done
	chmod 644 ./*.csr
	# one who owns a group, and one whose group may write to one
	mkdir -m 770 "$M/app_connector/team" "$M/service_edge/ours"
	chown 7000 "$M/app_connector/team"
	chgrp 7001 "$M/service_edge/ours"
	chmod g+w "$M/service_edge/ours"
	mkdir "$M/app_connector/team/keys/k"
	chown -R 7000 "$M/app_connector/team"
	for file in "write $M/enroll" "read $M/certs/connector/chain.pem" "read $M/metrics"; do
		hold "${file#* }" "${file% *}" 20000 20
		grep -q ENOSPC said
		enrolls_as 0 my.key web1.csr
		enrolls_as 7000 my.key web2.csr
		enrolls_as 7001 my.key web3.csr
		as 7000 bash -c 'echo 5 > "$1" && cat "$1"' - "$M/app_connector/team/keys/k/max_uses"
		as 7000 cp web4.csr "$M/app_connector/team/keys/k/enroll"
		as 7001 cat "$M/service_edge/ours/enabled" "$M/domain"
		cat "$M/log.head" "$M/metrics" > /dev/null
		# and the others are told why
		sh_refused 'No space left' "setpriv --reuid 21000 --regid 21000 --clear-groups bash -c ': <> $M/enroll'"
		let_go
		rm -rf "$M/app_connector/team/members/web4"
		csr web4
		chmod 644 web4.csr
		wait_until as 21000 bash -c ': <> "$1"' - "$M/enroll"
	done
	wait_until grep -q '"uid":21000.*"result":"ENOSPC","reason":"too many .* are open, of all users together"' "$M/log"
}

@test "what many users can hold together is bounded, and given back" {
	limit=40000
	! nm -D "$ENROLLFS" | grep -qE '__[at]san' || limit=10000000
	before=$(resident)
	for file in "$M/certs/connector/chain.pem" "$M/log" "$K/max_uses"; do
		hold "$file" read 30000 12
		most=$(resident)
		let_go
		echo "$file: $before kB, with all of it $most kB, then $(resident) kB"
		[ $((most - before)) -lt $limit ]
	done
	# root has as many as there is memory, and that comes back
	hold "$M/certs/connector/chain.pem" read 0 3
	[ "$(total)" -gt 29000 ]
	most=$(resident)
	let_go
	echo "root: with all of it $most kB, then $(resident) kB"
	! [ $limit = 40000 ] || wait_until eval '[ "$(resident)" -lt $((most * 2 / 3)) ]'
	# one user is as free as before
	hold "$K/max_uses" read 30000 1
	[ "$(cat said)" = '4096 ENOSPC' ]
	let_go
	hold "$M/enroll" write 30000 12
	[ "$(total)" = 768 ]
	let_go
	# no two users share an account, whatever their numbers
	hold "$K/max_uses" read 1000 1
	as $((1000 + 256)) cat "$K/max_uses"
	let_go
}

@test "who is refused more than others have lets the trail grow by a few lines" {
	cat > hammer.py <<-'PY'
		import os, resource, sys, time
		resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
		os.setgroups([])
		os.setresuid(65534, 65534, 65534)
		began, refused = time.time(), 0
		keep = []
		while refused < 3000:
		    try:
		        keep.append(os.open(sys.argv[1], int(sys.argv[2])))
		    except OSError:
		        refused += 1
		print(int(time.time() - began))
	PY
	for open in "$M/enroll 2" "$M/domain 0"; do
		before=$(wc -l < "$M/log")
		seconds=$(/usr/bin/python3 hammer.py $open)
		after=$(wc -l < "$M/log")
		echo "$open: $((after - before)) lines in $seconds s"
		[ $((after - before)) -le $((2 * seconds + 5)) ]
	done
	# each of them is counted
	wait_until eval '[ "$(sed -n "s/^enrollfs_refusals_total{errno=\"ENOSPC\"} //p" "$M/metrics")" = 6000 ]'
}

@test "replies that nobody reads are bounded by the memory of open files" {
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	csr greedy
	csr web1
	cat my.key greedy.csr > request
	chmod 644 request
	cat > unread.py <<-'PY'
		import errno, os, resource, sys
		resource.setrlimit(resource.RLIMIT_NOFILE, (6000, 6000))
		request = open('request', 'rb').read()
		os.setgroups([])
		os.setresuid(65534, 65534, 65534)
		files = []
		try:
		    while len(files) < 5000:
		        files.append(os.open(sys.argv[1], os.O_RDWR))
		        os.write(files[-1], request)
		except OSError as e:
		    print(errno.errorcode[e.errno], len(files), flush=True)
		# each that was answered can still be read
		assert all(os.read(fd, 65536).startswith(b'-----BEGIN CERT') for fd in files[:-1])
		for fd in files[1:]:
		    os.close(fd)
		os.write(files[0], request)
		assert os.read(files[0], 65536).startswith(b'-----BEGIN CERT')
	PY
	before=$(resident)
	/usr/bin/python3 unread.py "$M/enroll" > said
	read -r error count < said
	echo "$error after $count, then $(($(resident) - before)) kB more than before"
	[ "$error" = ENOSPC ]
	[ "$count" -gt 64 ]
	[ "$count" -lt 4096 ]
	enroll my.key web1.csr > web1.crt
	verifies web1.crt
	is "$K/uses" 2
}
