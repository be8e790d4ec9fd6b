# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Every mounted test owns a store and a mountpoint in a folder of its own, ends its own daemon, and
# fails if that logged an error or warning it did not expect, if a sanitizer spoke, or if its store
# is not what its own export restores.
#
# ENROLLFS is the program. A test that provokes an error says so with `expect_log PATTERN`, one whose
# store cannot be restored with `not_restored REASON`.

ENROLLFS=${ENROLLFS:-$BATS_TEST_DIRNAME/../../build/enrollfs}

# STORE, if set, is the URI of a PostgreSQL database: each test has a schema of its own there.

# sqlite_only REASON: skips what cannot apply to another engine.
sqlite_only() { [ -z "${STORE-}" ] || skip "not with PostgreSQL: $1"; }

# The test's store, where it is: S. OF_STORE has the options that every daemon needs with it, TOOL_OPTIONS
# those of mkfs and fsck.
place_store() {
	S=$T/store OF_STORE=() TOOL_OPTIONS=()
	[ -n "${STORE-}" ] || return 0
	SCHEMA=t_${T##*.}
	psql -qX "$STORE" -c "CREATE SCHEMA \"$SCHEMA\"" || return 1
	S="$STORE&options=-csearch_path%3D\"$SCHEMA\""
	install -d -o enrollfs "$T/.master"
	OF_STORE=(-o "master_key=$T/.master/store.key") TOOL_OPTIONS=(--master-key "$T/.master/store.key")
}

# The master key's file.
master_key() { if [ -n "${STORE-}" ]; then echo "$T/.master/store.key"; else echo "$T/store.key"; fi; }

# restore_store DIR [OPTION...]: what was in the test's store is gone; it is made from this copy of its export.
restore_store() {
	if [ -n "${STORE-}" ]; then
		remove_store && psql -qX "$STORE" -c "CREATE SCHEMA \"$SCHEMA\""
	else
		rm -f store store-wal store-shm
	fi && tool mkfs --from "$1" "${TOOL_OPTIONS[@]}" "${@:2}" "$S"
}

# dump_store FILE: all bytes that are stored.
dump_store() {
	if [ -n "${STORE-}" ]; then pg_dump -n "\"$SCHEMA\"" "$STORE" > "$1"; else cat store store-wal > "$1" 2> /dev/null || :; fi
}

check_store() { tool fsck "${TOOL_OPTIONS[@]}" "$S"; }

# sql STATEMENT: runs it in the test's store, and prints rows with | between columns.
sql() {
	if [ -n "${STORE-}" ]; then psql -qXAt "$S" -c "$1"; else sqlite3 "$T/store" "$1"; fi
}

remove_store() {
	[ -z "${STORE-}" ] || PGOPTIONS='-c client_min_messages=error' \
		psql -qX "$STORE" -c "DROP SCHEMA IF EXISTS \"$SCHEMA\" CASCADE; DROP SCHEMA IF EXISTS \"$SCHEMA.making\" CASCADE"
}

# The PostgreSQL servers that a test has made in its folder.
stop_servers() {
	local dir
	for dir in "$T"/pg*; do
		[ ! -e "$dir/data/postmaster.pid" ] || "$BATS_TEST_DIRNAME/postgres" stop "$dir" || return 1
	done
}

# set_up_server: the test's folder, unmounted, and a PostgreSQL server of its own in D, whose URI is STORE.
set_up_server() {
	[ -n "${STORE-}" ] || skip 'it is about servers (STORE)'
	STORE=
	NO_MOUNT=yes set_up_mount
	D=$T/pg
	STORE=$("$BATS_TEST_DIRNAME/postgres" start "$D")
}

# The test's folder: T/store, T/m (the mountpoint), T/log (what the daemon said).
set_up_mount() {
	T=$(mktemp -d)
	chmod 755 "$T"
	place_store || return 1
	M=$T/m
	mkdir "$M"
	: > "$T/log"
	: > "$T/expected"
	export ASAN_OPTIONS=log_path=$T/sanitizer:detect_leaks=1
	export UBSAN_OPTIONS=log_path=$T/sanitizer:print_stacktrace=1
	export TSAN_OPTIONS=log_path=$T/sanitizer:second_deadlock_stack=1
	cd "$T" || return 1
	needs fuse_mounts
	if [ -z "${NO_MOUNT-}" ]; then
		# shellcheck disable=SC2119 # the options that most tests want: none
		start
		# shellcheck disable=SC2119
		group
	fi
}

take_down_mount() {
	local rc=0
	[ -n "${BATS_TEST_COMPLETED-}" ] || tail -n 20 "$T/log" | sed 's/^/the daemon: /' >&2
	check_secrets || rc=1
	stop_if_running
	check_log || rc=1
	check_restored || rc=1
	remove_store || rc=1
	stop_servers || rc=1
	cd /
	rm -rf "$T"
	return $rc
}

setup() { set_up_mount; }
teardown() { take_down_mount; }

# Waits until a command succeeds, at most 20 seconds.
wait_until() {
	local tries=400
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "waited in vain for: $*" >&2; return 1; }
		sleep 0.05
	done
}

# Waits for all background jobs but the daemon; fails if the last of them did.
wait_for_jobs() {
	local pids
	pids=$(jobs -p | grep -v "^$PID$")
	# shellcheck disable=SC2086 # an argument each
	wait $pids
}

answers() { mountpoint -q "$M" && ls "$M" > /dev/null 2>&1; }
# Ended, whether or not somebody has collected it yet.
gone() { ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2> /dev/null; }

# Programs run by `env "${CLOCKED[@]}"` (and daemons that start runs) use the clock that set_clock sets.
CLOCKED=()
use_clock() {
	sqlite_only "the server's clock counts, which cannot be set here"
	cc -shared -fPIC -o clock.so "$BATS_TEST_DIRNAME/clock.c"
	head -c 8 /dev/zero > clock
	CLOCKED=("CLOCK=$T/clock"
		"LD_PRELOAD=$(ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}')$T/clock.so")
}

# set_clock SECONDS: the offset from this machine's clock.
set_clock() {
	/usr/bin/python3 -c 'import struct, sys; open("clock", "r+b").write(struct.pack("=q", int(sys.argv[1])))' "$1"
}

# later HOURS COMMAND...: by the client's clock; the server's stays.
later() {
	[ -e "$T/later.so" ] || cc -shared -fPIC -o "$T/later.so" "$BATS_TEST_DIRNAME/later.c" || return 1
	env LD_PRELOAD="$T/later.so" LATER="$1" "${@:2}"
}

# start [ARGUMENT...]: mounts T/store on T/m in the foreground of a background job.
# shellcheck disable=SC2120 # tests give arguments
start() {
	# Descriptor 3 is bats's own: a daemon that kept it would keep bats waiting.
	# A shell's background jobs ignore SIGINT unless it is set back.
	env --default-signal=INT "${CLOCKED[@]}" "$ENROLLFS" -f "${OF_STORE[@]}" "$@" -o domain=corp.example "$S" "$M" \
		2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
}

# stop: unmounts, and the daemon has to end well.
stop() {
	umount "$M"
	local rc=0
	wait "$PID" || rc=$?
	PID=
	return $rc
}

stop_if_running() {
	if mountpoint -q "$M" 2> /dev/null; then
		umount "$M" 2> /dev/null || umount -l "$M"
		# it ends by itself, and looks for leaks then, which a signal would spare it
		[ -z "${PID-}" ] || wait_until gone "$PID" || :
	fi
	[ -n "${PID-}" ] || return 0
	kill "$PID" 2> /dev/null || :
	wait "$PID" || :
	PID=
}

expect_log() { printf '%s\n' "$1" >> "$T/expected"; }

check_log() {
	local bad
	bad=$(grep -E 'error:|warning:' "$T/log" | grep -v -E -f "$T/expected") || :
	[ -s "$T/expected" ] || bad=$(grep -E 'error:|warning:' "$T/log") || :
	if [ -n "$bad" ]; then
		echo "the daemon logged: $bad" >&2
		return 1
	fi
	# valgrind makes its file before it has something to say, and notes what it does not know
	bad=$(grep -hsvE '^--[0-9]+--' "$T"/sanitizer.* "$T"/*/sanitizer.*) || :
	if [ -n "$bad" ]; then
		echo "$bad" >&2
		return 1
	fi
}

# What the whole mount says, but for what a restore may change: the revocation lists, which are
# signed anew, the time of folders, and what happens in the running program.
look() {
	(cd "$M" && find . -mindepth 1 ! -path './export/*' ! -path ./why ! -name metrics ! -name 'crl.*' -type f \
		-printf '%P %m %U:%G %s\n' -o -printf '%P %m %U:%G %y %l\n' | sort
	find . -type f ! -path './export/*' ! -path ./why ! -name metrics ! -name 'crl.*' -exec sha256sum {} + | sort)
}

# The kernel caches names of files, which Linux 6.16 and later let the daemon invalidate.
caches_names() { [ "$(printf '%s\n' 6.16 "$(uname -r)" | sort -V | head -n 1)" = 6.16 ]; }

# The program is run as it is: without a sanitizer and not in valgrind.
plain() {
	local libraries
	libraries=$(ldd "$ENROLLFS" 2> /dev/null) && [[ $libraries != *lib[at]san* ]]
}

# not_restored REASON: why this test's store is not compared with what its export restores.
not_restored() { echo "$1" > "$T/.not_restored"; }

# Nothing is forgotten by the export: what it restores, into a file whatever the engine was, shows what
# the test's store shows. Sanitizers
# have seen it in restore.bats, and a test that has failed has said enough.
check_restored() {
	[ -n "${BATS_TEST_COMPLETED-}" ] && [ -e "$(master_key)" ] && [ ! -e "$T/.not_restored" ] || return 0
	[ -n "${STORE-}" ] || [ -e "$T/store" ] || return 0
	plain || return 0
	local R rc=0
	R=$(mktemp -d)
	mkdir "$R/m" "$R/new"
	chmod -R 755 "$R"
	restored_like_it > "$R/said" 2>&1 || rc=1
	[ $rc = 0 ] || { echo "what the export restores is not the store:"; cat "$R/said"; } >&2
	rm -rf "$R"
	return $rc
}

restored_like_it() {
	local M=$R/m
	check_store || return 1
	look_at "$S" was "${OF_STORE[@]}" || return 1
	cp -p "$(master_key)" "$R/new" || return 1
	tool mkfs --from "$R/was.export" "$R/new/store" || return 1
	look_at "$R/new/store" now || return 1
	diff "$R/was" "$R/now" && diff -r "$R/was.export" "$R/now.export"
}

# look_at STORE NAME [OPTION...]: mounted read-only, what it shows is in R/NAME, its export in R/NAME.export.
look_at() {
	env "${CLOCKED[@]}" "$ENROLLFS" -f -o ro "${@:3}" "$1" "$M" 3>&- &
	PID=$!
	wait_until answers || return 1
	look > "$R/$2"
	cp -r "$M/export" "$R/$2.export"
	stop
}

# What this test's secrets look like: of provisioning keys (the last of the mounted ones are copied
# for it), private keys, the master key; as text and as hex.
secrets() {
	local key
	if answers; then
		for key in $(printf '%s\n' "$M"/*/*/keys/*/key | tail -n 5); do
			timeout 5 cat "$key" 2> /dev/null
		done
	fi > "$T/.keys"
	find "$T" -xdev -maxdepth 2 -type f -size -100k -exec grep -ahsE '^1\|[^|]*\|[A-Za-z0-9+/=]{108}$' {} + |
		cat - "$T/.keys" | cut -d'|' -f3 | sort -u > "$T/.texts"
	cut -c 13-52 "$T/.texts"
	while read -r key; do
		base64 -d <<< "$key" | od -An -v -tx1 -j 9 -N 30 | tr -d ' \n'
		echo
	done < "$T/.texts"
	find "$T" -xdev -maxdepth 2 -type f -size -100k -exec awk '/PRIVATE KEY-----$/ {on = !on; next} on && length > 40' {} +
	head -qc 64 "$T"/*.key "$T"/.master/*.key 2> /dev/null | grep -aoE '[0-9a-f]{64}'
}

# None of them is in anything that the daemon has said or shows, but where it is asked for.
check_secrets() {
	secrets | sort -u | sed '/^.\{0,30\}$/d' > "$T/.secrets"
	[ -s "$T/.secrets" ] || return 0
	: > "$T/.said"
	if answers; then
		timeout 60 find "$M/log" "$M/log.head" "$M/metrics" "$M/tables" "$M/export" -type f -exec cat {} + > "$T/.said" 2> /dev/null
	fi
	if grep -qiF -f "$T/.secrets" "$T/.said" "$T/log"; then
		echo "a secret was shown: $(grep -ciF -f "$T/.secrets" "$T/.said" "$T/log" | tr '\n' ' ')" >&2
		return 1
	fi
}

# group [KIND]: a group berlin with a key auto; G and K are their directories.
# shellcheck disable=SC2120 # tests give a kind
group() {
	G=$M/${1:-app_connector}/berlin
	K=$G/keys/auto
	mkdir "$G" "$K"
}

# needs FACILITY...: skips the test, with the reason, where the environment forbids one of them. Each is
# tried as the test uses it: what is forbidden depends on more than can be asked about.
needs() {
	local facility said
	for facility; do
		said=$("can_$facility" 2>&1 3>&-) && continue
		said=${said%%$'\n'*}
		skip "no ${facility//_/ } here: ${said//"$T/m: "/}"
	done
}

can_user_namespaces() { setpriv --reuid=65534 --regid=65534 --clear-groups unshare --map-root-user true; }
can_tcp_ports_in_landlock() {
	python3 -c 'import ctypes, sys
abi = ctypes.CDLL(None, use_errno=True).syscall(444, None, 0, 1)
sys.exit(abi < 4 and "Landlock is of ABI %d" % abi)'
}
can_uts_namespaces() { unshare -u hostname some.host; }
# shellcheck disable=SC2016 # sh expands it
can_mount_namespaces() { unshare -m sh -c 'mount -t tmpfs none "$1" && umount "$1"' - "$T"; }
can_fuse_mounts() {
	[ -c /dev/fuse ] || { echo 'there is no /dev/fuse'; return 1; }
	mount -i -t fuse -o fd=5,rootmode=40000,user_id=0,group_id=0 none "$T/m" 5<> /dev/fuse && umount -l "$T/m"
}
# The memory of another user's process: CAP_SYS_PTRACE.
can_memory_of_others() {
	coproc setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'echo; read -r _'
	read -r _ <&"${COPROC[0]}"
	head -c 0 "/proc/$COPROC_PID/mem"
}
can_lent_reading() { setpriv --inh-caps +dac_read_search true; }
can_terminals() { script -qec true /dev/null < /dev/null; }

# lent COPY: mkfs.enrollfs can read this copy of root's, given to the user where root cannot lend reading.
lent() { can_lent_reading 2> /dev/null || chown -R enrollfs "$1/"; }

# tool mkfs|fsck|trim ARG...: that program, by the test's clock; what --from names is lent first.
tool() {
	local all="$*" from
	from=${all#*--from }
	from=${from%% *}
	[[ $all != *--from* ]] || [ ! -d "$from" ] || lent "$from"
	env "${CLOCKED[@]}" "${ENROLLFS%/*}/$1.enrollfs" "${@:2}" 3>&-
}

# not COMMAND...: it fails. (bats does not see that a line which begins with ! does not hold.)
not() { ! "$@"; }

# refused TEXT COMMAND...: the command fails, and what it says has the errno's text.
# shellcheck disable=SC2154 # bats's run sets status and output
refused() {
	local want=$1
	shift
	run "$@"
	if [ "$status" -eq 0 ]; then
		echo "not refused: $* (expected: $want)" >&2
		return 1
	fi
	case $output in
	*"$want"*) ;;
	*)
		echo "refused otherwise: $* said: $output (expected: $want)" >&2
		return 1
		;;
	esac
}

# sh_refused TEXT SCRIPT: the same for a line of bash.
sh_refused() { refused "$1" bash -c "$2"; }

# The text of a file is exactly this line.
is() {
	local got
	got=$(cat "$1") || return 1
	if [ "$got" != "$2" ]; then
		echo "$1 is '$got', not '$2'" >&2
		return 1
	fi
}

# csr NAME [CN]: a P-256 key and request, NAME.pem and NAME.csr.
csr() {
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.pem" \
		-subj "/CN=${2-$1}" -out "$1.csr" 2> /dev/null
}

# A signing certificate of somebody else's, with its private key.
outside_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout outside.pem -out outside.crt \
		-days 3000 -subj /CN=Outside -addext keyUsage=critical,keyCertSign,cRLSign 2> /dev/null
	cat outside.pem outside.crt
}

# enroll KEYFILE CSR [ENROLL]: what a machine does; the full chain goes to stdout.
enroll() {
	bash -c '{ cat "$1" "$2" >&3 && cat <&3; } 3<> "$3"' - "$1" "$2" "${3:-$M/enroll}"
}

# enroll_here CSR: the same through the key's own file.
enroll_here() {
	bash -c '{ cat "$1" >&3 && cat <&3; } 3<> "$2"' - "$1" "${2:-$K/enroll}"
}

verifies() {
	openssl verify -x509_strict -CAfile "$M/certs/root/cert.pem" \
		-untrusted "$1" "$1" > /dev/null
}
