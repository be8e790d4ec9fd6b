#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What an operator, or a machine, may do to it while it is mounted: the clock is set, the store's
# files go, descriptors run out, the master key is not what it should be.

load helper

fsck() { "${ENROLLFS%/*}/fsck.enrollfs" store 3>&-; }

# --- the clock ---

DAY=86400 YEAR=31557600

# start_with_clock: from now on set_clock says what time it is for the daemon.
start_with_clock() {
	stop
	use_clock
	start
}

# The log's lines are whole, in order and chained; log.head is the newest's.
log_is_chained() {
	/usr/bin/python3 - "$M" <<-'PY'
	import hashlib, json, sys
	prev = None
	for n, line in enumerate(open(sys.argv[1] + '/log', 'rb'), 1):
	    entry = json.loads(line)
	    assert entry['seq'] == n
	    assert prev is None or entry['prev'] == prev, line
	    prev = hashlib.sha256(line[:-1]).hexdigest()
	assert open(sys.argv[1] + '/log.head').read().strip() == prev
	PY
}

number() { openssl crl -in "$M/certs/connector/crl.pem" -noout -crlnumber | sed 's/.*=0x//'; }
updated() { date -d "$(openssl crl -in "$M/certs/connector/crl.pem" -noout -lastupdate | sed 's/.*=//')" +%s; }

@test "the clock is set ten years forward, and back, and a day back" {
	start_with_clock
	for i in 1 2 3 4 5; do csr "web$i"; done
	echo max > "$K/max_uses"
	enroll_here web1.csr > web1.crt
	echo +100d > "$K/expires"
	rsync -a "$M/export/" copy/
	first=$(number)

	set_clock $((10 * YEAR))
	is "$K/state" expired
	refused 'Key has expired' cat "$K/key"
	refused 'Key has expired' enroll_here web2.csr
	is "$G/members/web1/state" expired
	grep -P '^app_connector\tberlin\tauto\texpired\t' "$M/tables/keys.tsv"
	# what is made meanwhile is of its time
	mkdir "$G/keys/later"
	echo max > "$G/keys/later/max_uses"
	enroll_here web3.csr "$G/keys/later/enroll" > web3.crt
	[[ $(cat "$G/members/web3/not_before") == 203* ]]
	later=$(number)
	[ $((16#$later)) -gt $((16#$first)) ]
	[ "$(updated)" -gt $(($(date +%s) + 9 * YEAR)) ]
	echo 7 > "$K/max_uses"
	# back: what the clock says counts, so what had expired is there again; numbers go on
	set_clock $((30 * DAY))
	is "$K/state" active
	is "$G/members/web1/state" active
	cat "$K/key" > key
	wait_until grep -P '^app_connector\tberlin\tauto\tactive\t' "$M/tables/keys.tsv"
	[ $((16#$(number))) -gt $((16#$later)) ]
	[ $(($(updated) - $(date +%s) - 30 * DAY)) -le 60 ]
	is "$K/max_uses" 7
	# of equal length, and in export/ with another time than before
	rsync -a "$M/export/" copy/
	echo 8 > "$K/max_uses"
	[[ $(rsync -ai "$M/export/" copy/) == *keys/auto.json* ]]
	grep -q '"max_uses": *8' "copy/app_connector/berlin/keys/auto.json"
	enroll_here web4.csr "$G/members/web1/renew" > web1.crt
	openssl verify -x509_strict -attime $(($(date +%s) + 30 * DAY)) -CAfile "$M/certs/root/cert.pem" \
		-untrusted web1.crt web1.crt

	set_clock $((29 * DAY))
	echo 9 > "$K/max_uses"
	enroll_here web5.csr > web5.crt
	is "$G/members/web5/state" active
	[[ $(rsync -ai "$M/export/" copy/) == *keys/auto.json* ]]
	grep -q '"max_uses": *9' "copy/app_connector/berlin/keys/auto.json"
	echo superseded > "$G/members/web5/revocation"
	serial=$(cat "$G/members/web5/serial")
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text | grep -qi "Serial Number: $serial"
	log_is_chained
	# before the signing certificate was made it is not valid
	set_clock -$DAY
	csr web6
	refused 'Key has expired' enroll_here web6.csr
	log_is_chained
	stop
	fsck
}

@test "the clock is set before 1970 and beyond 2038" {
	start_with_clock
	csr web1
	csr web2
	set_clock $((-60 * YEAR))
	refused 'Key has expired' enroll_here web1.csr # the signing certificate is not valid yet
	echo 5 > "$K/max_uses"
	is "$K/max_uses" 5
	cat "$K/key" > key
	ls -lR "$M/app_connector" > /dev/null
	cat "$M/tables/keys.tsv" "$M/metrics" > /dev/null

	set_clock $((13 * YEAR))
	echo max > "$K/max_uses"
	enroll_here web2.csr > web2.crt
	[[ $(cat "$G/members/web2/not_after") == 204* ]]
	log_is_chained

	set_clock 0
	is "$K/max_uses" max
	enroll_here web1.csr > web1.crt
	verifies web1.crt
	log_is_chained
	stop
	fsck
}

@test "a secret is destroyed at once whatever the clock says, drafts and refusals have their time" {
	start_with_clock
	set_clock $YEAR
	/usr/bin/python3 -c 'import os, sys; os.close(os.open(sys.argv[1] + "/.d", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))' "$K"
	# a reader is in the way of emptying the write-ahead log, and the clock goes back meanwhile
	mkfifo lines
	sqlite3 store < lines > reading 3>&- &
	reader=$!
	exec 7> lines
	echo 'BEGIN; SELECT count(*) FROM prov_key;' >&7
	wait_until [ -s reading ]
	echo 0 > "$K/exportable"
	[ -s store-wal ]
	set_clock -$YEAR
	exec 7>&-
	wait $reader
	wait_until [ ! -s store-wal ]
	[ -e "$K/.d" ]
	# refusals of a stranger: the second that is told apart by the clock, not by its order
	sh_refused 'Bad message' "echo rubbish > $M/enroll"
	before=$(grep -c 'enroll refused' log)
	set_clock $((-2 * YEAR))
	sh_refused 'Bad message' "echo rubbish > $M/enroll"
	[ "$(grep -c 'enroll refused' log)" -gt "$before" ]
}

# --- the store's files ---

@test "the store is removed or replaced while it is mounted: no change is answered, all are told" {
	expect_log 'is gone or another'
	expect_log 'refused: Input/output error'
	echo 4 > "$K/max_uses"
	mv store elsewhere
	sh_refused 'Input/output error' "echo 5 > $K/max_uses"
	refused 'Input/output error' mkdir "$G/keys/new"
	refused 'Input/output error' cat "$K/key"
	# reading goes on, in threads of the daemon's that have not read before, too
	for i in $(seq 100); do
		is "$K/max_uses" 4 3>&- &
		jobs[i]=$!
	done
	for i in $(seq 100); do wait "${jobs[i]}"; done
	grep -q 'error: store .*: the file is gone or another' log
	# another in its place
	echo another > store
	sh_refused 'Input/output error' "echo 5 > $K/max_uses"
	rm store
	# back again
	mv elsewhere store
	echo 5 > "$K/max_uses"
	is "$K/max_uses" 5
	cat "$K/key" > key
	# for good: it can still be unmounted
	rm store
	refused 'Input/output error' mkdir "$G/keys/new"
	umount m
	wait "$PID"
	PID=
}

@test "its write-ahead log is removed: nothing that was answered is lost, even if it is killed then" {
	expect_log 'is gone or another|refused: Input/output error|whose daemon has died'
	for i in $(seq 20); do echo "$i" > "$K/max_uses"; done
	rm store-wal
	sh_refused 'Input/output error' "echo 21 > $K/max_uses"
	grep -q 'error: store .*: its write-ahead log is gone or another' log
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	start
	is "$K/max_uses" 20
	echo 21 > "$K/max_uses"
	stop
	fsck
}

# start_in_directory: the test's store, in T/dir.
start_in_directory() {
	stop
	mkdir dir
	mv store store.key dir
	"$ENROLLFS" -f "$T/dir/store" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
}

@test "the directory of the store is renamed, and renamed back" {
	expect_log 'is gone or another|refused: Input/output error'
	start_in_directory
	mv dir other
	sh_refused 'Input/output error' "echo 5 > $K/max_uses"
	mv other dir
	echo 5 > "$K/max_uses"
	is "$K/max_uses" 5
	stop
	mv dir/* .
	fsck
}

@test "the directory of the store is renamed, and another one made in its place: that is not touched" {
	expect_log 'is gone or another|refused: Input/output error'
	csr web1
	csr web2
	start_in_directory
	enroll_here web1.csr > web1.crt
	echo 3 > "$K/max_uses"
	mv dir other
	# another store there is neither changed nor read, in threads of the daemon's that have not read before
	mkdir dir
	tool mkfs --domain corp.example dir/store
	sha256sum dir/* > another
	for i in $(seq 100); do
		is "$K/uses" 1 3>&- &
		jobs[i]=$!
	done
	for i in $(seq 100); do wait "${jobs[i]}"; done
	sh_refused 'Input/output error' "echo 2 > $K/max_uses"
	refused 'Input/output error' enroll_here web2.csr
	[ "$(grep -c '^enrollfs_store_size_bytes.* [1-9]' "$M/metrics")" = 2 ]
	sha256sum -c --quiet another
	[ "$(ls dir)" = "$(printf '%s\n' store store.key store.lock)" ]
	rm -r dir
	mv other dir
	echo 2 > "$K/max_uses"
	enroll_here web2.csr > web2.crt
	stop
	[ "$(ls dir)" = "$(printf '%s\n' store store.key store.lock)" ]
	mv dir/* .
	tool fsck store
	start
	cmp web1.crt "$G/members/web1/fullchain.pem"
	cmp web2.crt "$G/members/web2/fullchain.pem"
}

@test "the directory of the store is removed: no change is answered" {
	expect_log 'is gone or another|refused: Input/output error'
	start_in_directory
	rm -r dir
	sh_refused 'Input/output error' "echo 5 > $K/max_uses"
	is "$K/max_uses" 1
	umount "$M"
	wait "$PID"
	PID=
}

# Where it cannot reach its files through the directory that it has opened.
@test "without /proc the store is made, mounted and checked by path: its directory may be renamed, and renamed back" {
	needs mount_namespaces
	plain || skip 'sanitizers need /proc'
	stop
	mkdir dir
	cat > script <<-'SH'
		set -eu
		mount -t tmpfs none /proc
		"${ENROLLFS%/*}/mkfs.enrollfs" --domain corp.example dir/store
		"$ENROLLFS" -f dir/store m 2>> log &
		until [ -d m/certs ]; do sleep 0.05; done
		mkdir m/app_connector/before
		mv dir other
		meanwhile() { mkdir m/app_connector/meanwhile 2>&1 | grep -q 'Input/output error'; }
		meanwhile
		mkdir dir
		"${ENROLLFS%/*}/mkfs.enrollfs" --domain corp.example dir/store
		meanwhile
		rm -r dir
		mv other dir
		mkdir m/app_connector/after
		[ "$(echo m/app_connector/*)" = 'm/app_connector/after m/app_connector/before' ]
		kill $!
		wait $!
		"${ENROLLFS%/*}/fsck.enrollfs" dir/store
		[ "$(echo dir/*)" = 'dir/store dir/store.key dir/store.lock' ]
	SH
	expect_log 'is gone or another|refused: Input/output error'
	ENROLLFS=$ENROLLFS timeout 60 unshare -m bash script 3>&-
}

@test "the index of its log is cut: the end is explained, and nothing is lost" {
	expect_log 'SIGBUS|whose daemon has died|fuse|unmount|session'
	[ -s store-shm ] || skip "it is in memory here"
	echo 7 > "$K/max_uses"
	truncate -s 0 store-shm
	cat "$K/max_uses" 2> /dev/null || :
	wait_until gone "$PID"
	local rc=0
	wait "$PID" || rc=$?
	PID=
	[ "$rc" = $((128 + 7)) ]
	grep -q 'error: a mapped file of the store could not be used (SIGBUS)' log
	wait_until not mountpoint -q "$M"
	start
	is "$K/max_uses" 7
	stop
	fsck
}

@test "the lock file is removed: still no second daemon" {
	rm store.lock
	mkdir other
	refused 'another enrollfs has it mounted' "$ENROLLFS" -f store other
	echo 5 > "$K/max_uses"
	is "$K/max_uses" 5
	stop
	start
	is "$K/max_uses" 5
}

# --- the master key ---

@test "a master key that cannot be used is named, and nothing hangs" {
	stop
	mv store.key good
	unusable() {
		refused "$1" timeout 10 "$ENROLLFS" -f store m
		rm -rf store.key
	}
	mkdir store.key
	unusable 'not a regular file'
	: > store.key && chmod 600 store.key
	unusable 'not 64 hex digits'
	head -c 63 good > store.key && chmod 600 store.key
	unusable 'not 64 hex digits'
	{ cat good; echo; } > store.key && chmod 600 store.key
	unusable 'not 64 hex digits'
	ln -s nowhere store.key
	unusable 'No such file'
	install -m 604 good store.key
	unusable 'group or others can use it'
	mkfifo -m 600 store.key
	unusable 'not a regular file'
	# removed while it is mounted: it goes on, and the next start says what is missing
	cp -p good store.key
	start
	echo 5 > "$K/max_uses"
	rm store.key
	csr web1
	enroll_here web1.csr > web1.crt
	cat "$K/key" > key
	mkdir "$M/certs/another"
	stop
	refused 'missing' timeout 10 "$ENROLLFS" -f store m
	mv good store.key
	fsck
}

@test "a master key that a service manager was to load is not made: it would go with the service" {
	stop
	mkdir -m 755 new credentials
	ln -s credentials link
	credential() {
		CREDENTIALS_DIRECTORY=$T/credentials "$@" -o master_key="$T/credentials/key" new/store m
	}
	refused 'none is made' credential timeout 10 "$ENROLLFS" -f
	refused 'none is made' env CREDENTIALS_DIRECTORY="$T//link/" timeout 10 \
		"${ENROLLFS%/*}/mkfs.enrollfs" --domain corp.example --master-key "$T/credentials/key" new/another
	[ -z "$(ls credentials)" ]
	[ ! -e new/store ] && [ ! -e new/another ]
	openssl rand -hex 32 > credentials/key
	chmod 600 credentials/key
	credential "$ENROLLFS" -f 2>> log 3>&- &
	PID=$!
	wait_until answers
	[ -d m/certs/connector ]
}

# --- descriptors ---

# As the user it is: root may not everywhere.
prlimit_of_daemon() {
	local id gid
	id=$(stat -c %u "$T/store") gid=$(stat -c %g "$T/store")
	setpriv --reuid "$id" --regid "$gid" --clear-groups prlimit "$@"
}

descriptors() { find "/proc/$PID/fd" -mindepth 1 | wc -l; }

@test "descriptors: far from the usual limit with every thread busy" {
	for i in $(seq 100); do
		(for _ in $(seq 20); do cat "$K/uses" "$M/tables/keys.tsv" "$M/certs/connector/crl.pem"; done > /dev/null) 3>&- &
		jobs[i]=$!
	done
	wait "${jobs[@]}"
	[ "$(descriptors)" -lt 400 ]
}

@test "descriptors run out: refused and told, and it works again" {
	expect_log 'Too many open files|unable to open|Input/output error|fuse:'
	prlimit_of_daemon --pid "$PID" --nofile="$(descriptors)":20000
	for i in $(seq 40); do
		(timeout 60 bash -c "for _ in 1 2 3; do cat $K/uses $M/tables/keys.tsv $M/tables/members.tsv; ls -l $G/keys; done" > "out.$i" 2>&1) 3>&- &
		jobs[i]=$!
	done
	wait "${jobs[@]}" || :
	# what was refused was refused for that reason
	other=$(grep -h ': ' out.* | grep -v 'Input/output error') || :
	[ -z "$other" ] || { echo "refused otherwise: $other"; return 1; }
	prlimit_of_daemon --pid "$PID" --nofile=20000:20000
	for i in $(seq 40); do
		(timeout 60 cat "$K/uses" "$M/tables/keys.tsv" > /dev/null || echo "$i" >> failed) 3>&- &
		jobs[i]=$!
	done
	wait "${jobs[@]}" || :
	[ ! -e failed ]
	grep -q 'Too many open files' log
	echo 5 > "$K/max_uses"
	stop
	fsck
}

@test "descriptors: mkfs makes a store or leaves none, however few there are" {
	mkdir new
	for n in $(seq 4 40); do
		if (ulimit -n "$n" && timeout 20 "${ENROLLFS%/*}/mkfs.enrollfs" --domain corp.example new/store) 2>> said; then
			made=$n
			break
		fi
		[ ! -e new/store ] || { cat said; return 1; }
	done
	[ "$made" -gt 4 ]
	"${ENROLLFS%/*}/fsck.enrollfs" new/store
}
