#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The program: options, going behind, ending, what it refuses to serve.

export NO_MOUNT=1
load helper

@test "help and version" {
	run "$ENROLLFS" --help
	[ "$status" -eq 0 ]
	[[ $output == usage:* ]]
	run "$ENROLLFS" -h
	[ "$status" -eq 0 ]
	run "$ENROLLFS" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^enrollfs\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	run "$ENROLLFS"
	[ "$status" -eq 2 ]
	run "$ENROLLFS" store
	[ "$status" -eq 2 ]
	refused 'one argument too many' "$ENROLLFS" a b c
	refused 'unknown option' "$ENROLLFS" -o no_such_option store "$M"
}

# one_line STATUS TEXT COMMAND...: what it says of its options is one line, with the reason; on stderr.
one_line() {
	local want=$1 text=$2
	shift 2
	run "$@"
	echo "$output"
	[ "$status" -eq "$want" ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"$text"* ]]
	[ -z "$("$@" 2> /dev/null)" ]
}

@test "an option that is wrong: one line that names it and says why" {
	mkfs=${ENROLLFS%/*}/mkfs.enrollfs fsck=${ENROLLFS%/*}/fsck.enrollfs
	for option in -x --foo '-o nosuch' '-o nosuch=3' '-o nonempty'; do
		one_line 2 "unknown option(s): \`$option'" "$ENROLLFS" $option store m
	done
	one_line 2 "unknown option(s): \`--domain' (options are -o NAME)" "$ENROLLFS" --domain corp.example
	one_line 2 "missing argument after \`-o'" "$ENROLLFS" store m -o
	one_line 2 "invalid parameter in option \`max_read=abc'" "$ENROLLFS" -o max_read=abc store m
	for option in domain master_key export_gid audit_gid crl_delay timeout; do
		one_line 2 "option $option: lacks its value" "$ENROLLFS" -o $option store m
		one_line 2 "option $option=: lacks its value" "$ENROLLFS" -o $option= store m
	done
	one_line 2 'option user=: lacks its value' "$ENROLLFS" -o user= store m
	one_line 2 'option ro=yes: takes no value' "$ENROLLFS" -o ro=yes store m
	one_line 2 'option domain=Foo: has to be a lower-case DNS name' "$ENROLLFS" -o domain=Foo store m
	for value in -1 3601 10000000000000000000 5s 0x1 ' 1' 1.5; do
		one_line 2 "option crl_delay=$value: has to be a number of seconds from 0 to 3600" \
			"$ENROLLFS" -o "crl_delay=$value" store m
	done
	one_line 2 'there is no group nosuchgroup' "$ENROLLFS" -o export_gid=nosuchgroup store m
	one_line 2 'STORE is missing' "$ENROLLFS"
	one_line 2 'MOUNTPOINT is missing' "$ENROLLFS" store
	one_line 2 'one argument too many: c; --help' "$ENROLLFS" a b c
	for tool in "2 $mkfs" "16 $fsck"; do
		one_line ${tool% *} 'option --foo: unknown' ${tool#* } --foo store
		one_line ${tool% *} 'option -x: unknown' ${tool#* } -x store
		one_line ${tool% *} 'option --master-key: lacks its value; --help' ${tool#* } --master-key
		one_line ${tool% *} 'option --version=3: takes no value; --help' ${tool#* } --version=3 store
		one_line ${tool% *} 'STORE is missing; --help' ${tool#* }
		one_line ${tool% *} 'one argument too many: b; --help' ${tool#* } a b
		for option in -h --help -V --version; do ${tool#* } $option | grep -q enrollfs; done
	done
	one_line 2 'NEWKEY is missing; --help' "${ENROLLFS%/*}/rekey.enrollfs" a
	one_line 2 'one argument too many: c; --help' "${ENROLLFS%/*}/rekey.enrollfs" a b c
	one_line 1 'domain=Foo: has to be a lower-case DNS name' "$mkfs" --domain Foo store
	one_line 2 'skip-missing: only with --from' "$mkfs" --skip-missing store
	one_line 16 'log-head=zz: has to be 64 hex digits' "$fsck" --log-head zz store
	for option in -h --help -V --version; do "$ENROLLFS" $option | grep -q enrollfs; done
	[ "$(ls)" = "$(printf 'expected\nlog\nm')" ]
}

@test "the scripts: --help, and one line for what they do not take" {
	cd "$BATS_TEST_DIRNAME/../.."
	for script in scripts/*; do
		# the unit's own, and those that are sourced or read
		[ -f "$script" ] && [ -x "$script" ] && [ "$script" != scripts/enrollfs-serve ] || continue
		for option in -h --help; do
			"$script" $option > "$T/help"
			grep -q "$script" "$T/help" || grep -q 'usage: ' "$T/help"
		done
		run "$script" --no-such-option
		[ "$status" = 1 ] || [ "$status" = 2 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output = *no*such*'; --help says more' || $output = *'unrecognized arguments: --no-such-option; --help says more' ]]
	done
	one_line 2 'BUILD is missing; --help' scripts/test
	one_line 2 'PACKAGE is missing; --help' scripts/packages
	one_line 2 'one argument too many: b; --help' scripts/start a b
	one_line 2 'one argument too many: x; --help' scripts/check --full x
	one_line 2 'no tests/fuzz/nothing.c; --help' scripts/fuzz nothing
}

@test "a path that is too long is told as that" {
	mkfs=${ENROLLFS%/*}/mkfs.enrollfs fsck=${ENROLLFS%/*}/fsck.enrollfs
	part=$(printf 'd%.0s' {1..199})
	long=$T$(printf "/$part%.0s" {1..17})
	mkdir -p "$long"
	for store in "$long/store" "$T/$part/$part/$part"; do
		for command in "$ENROLLFS -o domain=corp.example" "$mkfs --domain corp.example" "$fsck"; do
			case $command in "$ENROLLFS"*) at=m ;; *) at= ;; esac
			refused 'File name too long' $command "$store" $at
			[[ $output == *"its path has ${#store} bytes"* ]]
		done
	done
	[ -z "$(ls "$long")" ]
	refused 'File name too long' "$ENROLLFS" "$long/$long" m
	refused 'File name too long' "$ENROLLFS" store "$long/$long"
	refused 'File name too long' "$ENROLLFS" -o "master_key=$long/$long" store m
	refused 'File name too long' "$mkfs" "$part$part"
	# a mountpoint may be as deep as the kernel allows
	"$ENROLLFS" -o domain=corp.example store "$long"
	is "$long/domain" corp.example
	umount "$long"
}

@test "it goes behind when the mount answers, and leaves when it is unmounted" {
	"$ENROLLFS" -o domain=corp.example store m
	is m/domain corp.example
	[ "$(stat -f -c %T m)" = fuseblk ] || grep -q " $M fuse.enrollfs .*default_permissions" /proc/mounts
	pid=$(pgrep -f "^$ENROLLFS -o domain=corp.example store m\$")
	group
	umount m
	wait_until gone "$pid"
	"$ENROLLFS" store m
	[ -d "$K" ]
	pid=$(pgrep -f "^$ENROLLFS store m\$")
	kill "$pid"
	wait_until gone "$pid"
	not mountpoint -q m
}

@test "as fstab and mount(8) call it" {
	# mount -t fuse.enrollfs looks in the system's folders only; this names the program
	mount -t fuse -o domain=corp.example,noauto,nofail,nodev \
		"$ENROLLFS#$T/store" "$M"
	is m/domain corp.example
	umount "$M"
	"$ENROLLFS" "$T/store" "$M" -o rw,nosuid,nodev,noatime,x-systemd.requires=network.target
	is m/domain corp.example
	grep -q " $M fuse.enrollfs .*noatime" /proc/mounts
	umount "$M"
}

@test "SIGTERM and SIGINT end it cleanly, with nothing lost" {
	for signal in TERM INT; do
		start
		[ -d "$M/app_connector/berlin" ] || group
		echo 5 > "$K/max_uses"
		mkdir "$M/app_connector/$signal"
		kill -$signal "$PID"
		wait "$PID"
		not mountpoint -q "$M"
		PID=
	done
	start
	is "$K/max_uses" 5
	[ -d "$M/app_connector/TERM" ] && [ -d "$M/app_connector/INT" ]
	stop
	[ ! -e store-wal ]
	grep -q 'notice: unmounted' log
}

@test "whatever descriptors it is started with" {
	mkdir other
	"$ENROLLFS" -o domain=corp.example store m <&-
	refused 'another enrollfs has it mounted' "$ENROLLFS" -f store other
	umount m
	"$ENROLLFS" store m <&- >&- 2>&-
	is m/domain corp.example
	umount m
}

@test "a mistyped option makes nothing" {
	refused 'unknown option' "$ENROLLFS" -o domian=corp.example store m
	refused 'there is no user nosuchuser' "$ENROLLFS" -o user=nosuchuser store m
	[ ! -e store ] && [ ! -e store.key ]
}

@test "files that are open at the end" {
	start
	group
	exec 4<> "$M/enroll" 5< "$K/key" 6> "$K/max_uses"
	printf '1|not.whole.' >&4
	echo 9 >&6
	kill -TERM "$PID"
	wait "$PID"
	PID=
	exec 4>&- 5<&- 6>&-
	grep -q 'closed with an incomplete request of 12 bytes' log
	start
	is "$K/max_uses" 9
}

@test "a relative master key is where it was said to be" {
	"$ENROLLFS" -o domain=corp.example,master_key=my.key store m
	umount m
	[ "$(stat -c %s my.key)" = 65 ]
	[ ! -e /my.key ]
	"$ENROLLFS" -o master_key=my.key store m
	umount m
	mv my.key store.key # for check_restored
}

@test "a second daemon is refused" {
	start
	mkdir other
	refused 'another enrollfs has it mounted' "$ENROLLFS" store other
	refused 'another enrollfs has it mounted' "$ENROLLFS" -f store other
	ln -s store alias
	refused 'another enrollfs has it mounted' "$ENROLLFS" -f alias other
	not mountpoint -q other
	is m/domain corp.example
}

@test "a store below its mountpoint is refused" {
	refused 'lies below the mountpoint' "$ENROLLFS" m/store m
	mkdir -p m/a/b
	refused 'lies below the mountpoint' "$ENROLLFS" m/a/b/store m
	ln -s m/a link
	refused 'lies below the mountpoint' "$ENROLLFS" link/b/store m
	refused 'lies below the mountpoint' "$ENROLLFS" -o master_key="$M/a/key" store m
	# a link that leads nowhere yet may lead there
	ln -s "$M/inner" nowhere
	refused 'No such file or directory' "$ENROLLFS" nowhere m
	refused 'No such file or directory' "$ENROLLFS" -o master_key=nowhere store m
	[ -z "$(ls m/a/b)" ]
	not mountpoint -q m
}

@test "a dead mount, that nobody could take away, is not in the way of the next" {
	start
	group
	pkill -9 -x -P "$PID" unmounter
	wait_until gone "$(pgrep -P "$PID" || echo 1000000000)"
	is "$M/domain" corp.example
	kill -9 "$PID"
	wait "$PID" || :
	refused 'Transport endpoint is not connected' ls "$M"
	start
	[ -d "$K" ]
	[ "$(grep -c " $M fuse.enrollfs" /proc/mounts)" = 1 ]
	grep -q 'whose daemon has died' log
}

@test "master keys" {
	start
	stop
	[ "$(stat -c %a store.key)" = 600 ]
	[ "$(stat -c %a store)" = 600 ]
	chmod 640 store.key
	refused 'group or others can use it' "$ENROLLFS" store m
	chmod 600 store.key
	mv store.key elsewhere
	refused 'missing' "$ENROLLFS" store m
	[ ! -e store.key ]
	head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > store.key
	chmod 600 store.key
	refused 'not the master key it was made with' "$ENROLLFS" store m
	echo rubbish > store.key
	refused 'not 64 hex digits' "$ENROLLFS" store m
	mkdir folder
	refused 'not a regular file' "$ENROLLFS" -o master_key=folder store m
	mkfifo -m 600 pipe
	refused 'not a regular file' timeout 10 "$ENROLLFS" -o master_key=pipe store m
	refused 'Not a directory' "$ENROLLFS" -o master_key=store.key/key store m
	start -o master_key="$T/elsewhere"
	is m/domain corp.example
	mv elsewhere store.key # for check_restored
}

@test "domains" {
	refused 'lower-case DNS name' "$ENROLLFS" -o domain=Corp.Example store m
	refused 'lower-case DNS name' "$ENROLLFS" -o domain=a..b store m
	refused 'lower-case DNS name' "$ENROLLFS" -o "domain=$(printf 'x%.0s' {1..60}).corp" store m
	start
	stop
	refused 'its domain is corp.example' "$ENROLLFS" -o domain=other.example store m
}

@test "without a domain it is the host's name, in lower case, if that can be one" {
	needs uts_namespaces
	no_label=$(printf 'x%.0s' {1..64})
	named() { unshare -u sh -c 'hostname "$1" && shift && exec "$@"' - "$@" 3>&-; }
	refused 'give -o domain=NAME' named "$no_label" "$ENROLLFS" other-store m
	refused 'give -o domain=NAME' named "$no_label" "${ENROLLFS%/*}/mkfs.enrollfs" new-store
	[ ! -e new-store ]
	named Some.Host "$ENROLLFS" other-store m
	is m/domain some.host
	umount m
}

@test "what is no store is refused and stays as it is" {
	sqlite3 theirs 'CREATE TABLE t (x); INSERT INTO t VALUES (1)'
	refused 'database of another program' "$ENROLLFS" theirs m
	[ "$(sqlite3 theirs 'SELECT x FROM t')" = 1 ]
	for _ in $(seq 100); do echo 'just a text file, not a database at all'; done > text
	refused 'not a database' "$ENROLLFS" text m
	refused 'No such file or directory' "$ENROLLFS" no/such/folder/store m
	refused 'No such file or directory' "$ENROLLFS" store no-such-mountpoint
	: > file
	refused 'not a directory' "$ENROLLFS" store file
	mkdir folder
	refused 'not a regular file' "$ENROLLFS" folder m
	mkfifo fifo
	refused 'not a regular file' "$ENROLLFS" fifo m
	not grep -e folder -e fifo <(ls ./*.lock)
	: > one
	ln one two
	refused 'another hard link' "$ENROLLFS" one m
}

@test "mounted read-only" {
	start
	group
	csr web1
	enroll_here web1.csr > web1.crt
	echo 5 > "$K/max_uses"
	stop
	start -o ro
	is "$K/uses" 1
	cmp web1.crt "$G/members/web1/fullchain.pem"
	refused 'Read-only file system' cat "$K/key"
	sh_refused 'Read-only file system' "echo 6 > $K/max_uses"
	refused 'Read-only file system' mkdir "$G/keys/new"
	refused 'Read-only file system' rmdir "$K"
	refused 'Read-only file system' enroll_here web1.csr
	is "$K/copies" 0
	stop
	refused 'No such file' "$ENROLLFS" -o ro missing m
	[ ! -e missing ]
	# of an earlier version
	sqlite3 store 'PRAGMA user_version = 1'
	refused 'has to be mounted writable once' "$ENROLLFS" -o ro store m
	not_restored 'its version has been changed'
}

@test "an ordinary user's own mount" {
	chown -R 65534:65534 "$T"
	namespace=()
	if ! setpriv --reuid=65534 --regid=65534 --clear-groups test -w /dev/fuse; then
		# one that everybody may open, as distributions have it
		needs mount_namespaces
		namespace=(unshare -m)
		mknod fuse c 10 229
		chmod 666 fuse
	fi
	cat > script <<'SH'
set -eu
[ ! -e fuse ] || mount --bind fuse /dev/fuse
user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
user "$ENROLLFS" -o domain=corp.example store m
user mkdir m/app_connector/a m/app_connector/a/keys/k
[ "$(user stat -c %u m/app_connector/a/keys/k)" = 65534 ]
user cat m/app_connector/a/keys/k/key > key
grep -q '^1|corp.example|' key
! ls m 2> /dev/null
user fusermount3 -u m
SH
	ENROLLFS=$ENROLLFS "${namespace[@]}" bash script
}

@test "noallow_other keeps other users out" {
	start -o noallow_other
	refused 'Permission denied' setpriv --reuid=65534 --regid=65534 --clear-groups ls "$M"
	is m/domain corp.example
	stop
	start -o allow_other
	setpriv --reuid=65534 --regid=65534 --clear-groups cat m/domain
}

@test "the real caller is recorded from inside a user namespace" {
	needs user_namespaces
	start
	group
	chown 65534:65534 "$K"
	setpriv --reuid=65534 --regid=65534 --clear-groups unshare --map-root-user \
		bash -c "[ \$(id -u) = 0 ] && echo 7 > $K/max_uses"
	is "$K/max_uses" 7
	is "$K/modified_by" 65534
}
