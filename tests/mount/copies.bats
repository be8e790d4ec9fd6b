#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A copy of the store's file is the store, or is refused by name: never an empty one, never an older
# one or a mixture without a word.

load helper

fsck() { tool fsck "$@"; }
sanitizer() { ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}'; }

# copy FILE...: into d2, which is new.
copy() {
	rm -rf d2
	mkdir d2
	chmod 777 d2
	cp -a "$@" d2/
}

# The same for a daemon on d2 instead of on the store.
start_copy() {
	"$ENROLLFS" -f "$@" "$T/d2/store" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
}

# What the main file says for itself.
main() { sqlite3 "file:$T/store?immutable=1" "$1"; }
main_has_issued() { [ "$(main 'SELECT count(*) FROM issued')" = 1 ]; }
main_has() { [ "$(main "SELECT max_uses FROM prov_key WHERE name = 'auto'" 2> /dev/null)" = "$1" ]; }

named() {
	run fsck d2/store
	[ "$status" = 4 ] || { echo "fsck ended with $status: $output"; return 1; }
	[[ $output == *"$1"* ]] || { echo "$output"; return 1; }
}

@test "a store is whole in its one file as soon as it is made" {
	stop
	mkdir new
	tool mkfs --domain corp.example new/store
	[ "$(ls -A new | tr '\n' ' ')" = 'store store.key store.lock ' ]
	copy new/store new/store.key
	fsck d2/store
	# at first use, too
	rm -rf new/*
	"$ENROLLFS" -f -o domain=corp.example new/store "$M" 2>> log 3>&- &
	PID=$!
	wait_until answers
	root=$(cat "$M/certs/root/fingerprint")
	copy new/store new/store.key
	stop
	expect_log 'was copied while it was mounted'
	start_copy -o ro
	is "$M/certs/root/fingerprint" "$root"
}

@test "a copy that was made while it was mounted, without its log, is named and refused" {
	expect_log 'was copied while it was mounted'
	echo 5 > "$K/max_uses"
	wait_until main_has 5
	copy store store.key
	named 'without its write-ahead log'
	stop
	refused 'store-wal' "$ENROLLFS" d2/store m
	refused 'accept_older' "$ENROLLFS" d2/store m
	refused 'File exists' tool mkfs d2/store
	sha256sum d2/store > sum
	start_copy -o ro
	is "$M/domain" corp.example
	stop
	sha256sum -c sum
	# explicitly, and on record
	start_copy -o accept_older
	echo 6 > "$K/max_uses"
	grep -q '"action":"accept_older","object":"[^"]*/d2/store"' "$M/log"
	stop
	fsck d2/store
	start_copy
	is "$K/max_uses" 6
}

@test "what was answered is in the main file when nothing has come for a while" {
	echo 5 > "$K/max_uses"
	wait_until main_has 5
	csr web1
	enroll_here web1.csr > web1.crt
	wait_until main_has_issued
	# a reader is in the way: as soon as it has gone
	mkfifo lines
	sqlite3 store < lines > reading 3>&- &
	exec 7> lines
	echo 'BEGIN; SELECT count(*) FROM prov_key;' >&7
	wait_until [ -s reading ]
	echo 7 > "$K/max_uses"
	exec 7>&-
	wait_until main_has 7
}

@test "with its log, or made when it is not mounted, a copy is the store" {
	echo 5 > "$K/max_uses"
	wait_until main_has 5
	echo 6 > "$K/max_uses"
	copy store-wal store store.key
	fsck d2/store
	stop
	start_copy
	is "$K/max_uses" 6
	stop
	[ ! -e store-wal ]
	copy store store.key
	fsck d2/store
	start_copy
	is "$K/max_uses" 6
}

@test "after kill -9 it goes on, and a log that is missing then is named" {
	expect_log 'whose daemon has died'
	echo 5 > "$K/max_uses"
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait_until not mountpoint -q "$M"
	copy store store-wal store.key
	fsck d2/store
	copy store store.key
	named 'without its write-ahead log'
	start
	is "$K/max_uses" 5
	stop
	fsck store
}

@test "an older log, or another store's, beside the file is named; nothing is mixed" {
	for i in 1 2 3; do echo "$i" > "$K/max_uses"; done
	cp -p store-wal first-wal
	wait_until main_has 3
	stop
	start
	echo 9 > "$K/max_uses"
	cp -p store-wal second-wal
	stop
	for log in first-wal second-wal; do
		copy store store.key
		cp -p $log d2/store-wal
		sha256sum d2/store d2/store-wal > sum
		named 'of another store'
		refused 'of another store' "$ENROLLFS" d2/store m
		refused 'of another store' "$ENROLLFS" -o accept_older d2/store m
		sha256sum -c sum
		# as the message says
		rm d2/store-wal
		fsck d2/store
	done
	tool mkfs --domain corp.example --master-key store.key other
	"$ENROLLFS" -f other -o master_key="$T/store.key" "$M" 2>> log 3>&- &
	PID=$!
	wait_until answers
	copy store store.key
	cp -p other-wal d2/store-wal
	named 'of another store'
}

@test "a file that is empty or has no tables is no new store, and no key is made beside it" {
	stop
	rm store.key
	mkdir -m 700 keys
	chown --reference=store keys
	sqlite3 bare 'PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA application_id = 1701999212;' > out
	[ -s bare ]
	: > empty
	chown --reference=store bare empty
	for file in bare empty; do
		sha256sum $file > sum
		for option in rw ro "master_key=$T/keys/key" accept_older; do
			refused "$file-wal" "$ENROLLFS" -o $option $file m
		done
		run fsck $file
		[ "$status" = 8 ]
		[[ $output == *$file-wal* ]]
		refused 'File exists' tool mkfs --domain corp.example $file
		refused 'File exists' tool mkfs --domain corp.example --master-key keys/key $file
		sha256sum -c sum
	done
	[ -z "$(ls keys)" ] && [ ! -e bare.key ] && [ ! -e empty.key ]
	not_restored 'its master key is gone'
}

@test "a store whose file is gone and whose log is there is not made again" {
	expect_log 'whose daemon has died'
	echo 5 > "$K/max_uses"
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait_until not mountpoint -q "$M"
	mv store elsewhere
	mv store.key kept
	refused 'its write-ahead log' "$ENROLLFS" store m
	refused 'its write-ahead log' "$ENROLLFS" -o master_key="$T/new.key" store m
	refused 'its write-ahead log' tool mkfs --domain corp.example store
	[ ! -e store ] && [ ! -e store.key ] && [ ! -e new.key ] && [ -s store-wal ]
	mv elsewhere store
	mv kept store.key
	start
	is "$K/max_uses" 5
}

@test "killed while it is made, at each step: the next start makes it, or goes on" {
	stop
	expect_log 'whose daemon has died|fuse|unmount|session'
	cc -shared -fPIC -o kill_at.so "$BATS_TEST_DIRNAME/kill_at.c" -ldl
	for n in $(seq 12); do
		rm -f store store-wal store-shm store.key store.lock
		env KILL_AT="before-commit:$n" LD_PRELOAD="$(sanitizer)$T/kill_at.so" \
			"$ENROLLFS" -f -o domain=corp.example "$T/store" "$M" 2>> log 3>&- &
		PID=$!
		wait_until either_way
		[ ! -e store ] || [ -s store ]
		if answers; then umount "$M"; else kill -9 "$PID" 2> /dev/null || :; fi
		wait "$PID" || :
		PID=
		wait_until not mountpoint -q "$M"
		start
		[ -d "$M/certs/connector" ]
		stop
		fsck store
	done
	[ ! -e store.making ]
}
either_way() { answers || gone "$PID"; }

@test "the close that fails keeps the log, and the next mount goes on" {
	stop
	expect_log 'disk full|could not be closed cleanly'
	cc -shared -fPIC -o fault.so "$BATS_TEST_DIRNAME/fault.c" -ldl
	head -c 16 /dev/zero > control
	chmod 666 control
	FAULTS=$T/control LD_PRELOAD=$(sanitizer)$T/fault.so \
		"$ENROLLFS" -f "$T/store" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
	echo 7 > "$K/max_uses"
	/usr/bin/python3 -c 'import struct; open("control", "r+b").write(struct.pack("=iiii", 0, 100000, 28, 0))'
	umount "$M"
	wait "$PID" || :
	PID=
	grep -q 'could not be closed cleanly' log
	[ -s store-wal ]
	fsck store
	start
	is "$K/max_uses" 7
	stop
	fsck store
}

@test "a store without the mark, as 0.1.0 left it, mounts and gets one" {
	stop
	sqlite3 store "DELETE FROM setting WHERE name = 'mounted'"
	fsck store
	start
	echo 4 > "$K/max_uses"
	copy store store.key
	named 'without its write-ahead log'
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	expect_log 'whose daemon has died'
	wait_until not mountpoint -q "$M"
	start
	is "$K/max_uses" 4
}
