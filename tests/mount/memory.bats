#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Memory that runs out, at every allocation in turn.

load helper

# The daemon with tests/mount/memory.c before it; a sanitizer's malloc is behind that.
start_without_memory() {
	# the loader's own memory, which LeakSanitizer knows by who asks for it: here we do
	printf 'leak:%s\n' ld-linux _dl_map_object_deps dl_open_worker > suppressions
	LSAN_OPTIONS=suppressions=$T/suppressions:print_suppressions=0 FAULTS=$T/control ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$T/memory.so \
		"$ENROLLFS" -f -o domain=corp.example "$T/store" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
}

# How many the daemon has.
threads() { (set -- "/proc/$PID/task"/*; echo $#); }

@test "each allocation fails in turn: ENOMEM, nothing half done, and it works again" {
	"${ENROLLFS%/*}/bench" requests 12000 requests
	cc -shared -fPIC -o memory.so "$BATS_TEST_DIRNAME/memory.c" -ldl
	outside_ca > bundle
	head -c 16 /dev/zero > control
	stop
	expect_log 'out of memory'
	start_without_memory
	# the first so many one by one, then some; with a sanitizer fewer, which takes as long
	local depth=${ALLOCATIONS:-100} least=1500
	plain || { depth=60 least=1000; }
	DEPTH=$depth timeout 550 /usr/bin/python3 "$BATS_TEST_DIRNAME/memory.py" "$M" control requests bundle > tried
	echo "# $(cat tried) faults ok" >&3
	[ "$(cat tried)" -gt $least ]
	# and the operator was told
	grep -q 'error: a request was refused: out of memory' log
	stop
	"${ENROLLFS%/*}/fsck.enrollfs" store 3>&-
}

# hits: how often the daemon was refused memory.
hits() { od -An -t d4 -j 8 -N 4 control | tr -d ' '; }

# fault NUMBER...: armed, after, hits, threads (memory.c).
fault() { /usr/bin/python3 -c 'import struct, sys; open("control", "r+b").write(struct.pack("=4i", *map(int, sys.argv[1:])))' "$@"; }

@test "a thread that gets no memory for its buffer is not there; the others serve all" {
	cc -shared -fPIC -o memory.so "$BATS_TEST_DIRNAME/memory.c" -ldl
	head -c 16 /dev/zero > control
	stop
	start_without_memory
	fault 2 0 0 1
	echo 5 > "$K/max_uses"
	for i in $(seq 16); do
		(for _ in $(seq 50); do ls -l "$M/certs" "$K" > /dev/null || exit 1; done) 3>&- &
		jobs[i]=$!
	done
	for job in "${jobs[@]}"; do wait "$job"; done
	[ "$(hits)" -gt 0 ]
	# once there is memory, there are more
	fault 0 0 0 0
	local few
	few=$(threads)
	more_threads() { ls -lR "$G" > /dev/null 3>&- & ls -lR "$M/certs" > /dev/null && wait $! && [ "$(threads)" -gt "$few" ]; }
	wait_until more_threads
	is "$K/max_uses" 5
	stop
	"${ENROLLFS%/*}/fsck.enrollfs" store 3>&-
}

@test "threads that are not needed any more end, and serve again when they are" {
	local idle most=0 n
	fewer() { [ "$(threads)" -lt "$most" ] && [ "$(threads)" -le $((idle + 4)) ]; }
	idle=$(threads)
	echo max > "$K/max_uses"
	mkdir "$G"/keys/k{1..24}
	for name in one two; do
		csr $name
		# each write waits for its commit, which takes a thread
		for i in $(seq 24); do
			(for n in $(seq 40); do echo "$n" > "$G/keys/k$i/description" || exit 1; done) 3>&- &
			jobs[i]=$!
		done
		while jobs -rp | grep -qv "^$PID$"; do
			n=$(threads)
			most=$((n > most ? n : most))
		done
		for job in "${jobs[@]}"; do wait "$job"; done
		[ "$most" -gt $((idle + 4)) ]
		wait_until fewer
		enroll_here $name.csr | openssl x509 -noout
	done
}
