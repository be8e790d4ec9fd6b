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

@test "each allocation fails in turn: ENOMEM, nothing half done, and it works again" {
	"${ENROLLFS%/*}/bench" requests 12000 requests
	cc -shared -fPIC -o memory.so "$BATS_TEST_DIRNAME/memory.c" -ldl
	outside_ca > bundle
	head -c 16 /dev/zero > control
	stop
	expect_log 'out of memory'
	start_without_memory
	# the first so many one by one, then some; with a sanitizer fewer, which takes as long
	local depth=${ALLOCATIONS:-200} least=1500
	plain || { depth=60 least=1000; }
	DEPTH=$depth timeout 550 /usr/bin/python3 "$BATS_TEST_DIRNAME/memory.py" "$M" control requests bundle > tried
	echo "# $(cat tried) faults ok" >&3
	[ "$(cat tried)" -gt $least ]
	# and the operator was told
	grep -q 'error: a request was refused: out of memory' log
	stop
	"${ENROLLFS%/*}/fsck.enrollfs" store 3>&-
}

# libfuse's loop ends then, and with it the mount: who waits is told, and the next one has everything.
@test "a thread that gets no memory for its buffer: the mount ends, and nothing is lost" {
	cc -shared -fPIC -o memory.so "$BATS_TEST_DIRNAME/memory.c" -ldl
	/usr/bin/python3 -c 'import struct; print(end=struct.pack("=iiii", 1, 0, 0, 1).decode())' > once
	head -c 16 /dev/zero > control
	stop
	expect_log 'serving .* has ended: Cannot allocate memory'
	start_without_memory
	echo 5 > "$K/max_uses"
	dd if=once of=control conv=notrunc status=none
	for i in $(seq 16); do
		(for _ in $(seq 200); do ls -l "$M/certs" "$K" > /dev/null 2>&1 || exit 0; done) 3>&- &
		jobs[i]=$!
	done
	wait "${jobs[@]}"
	wait_until gone "$PID"
	wait "$PID" && return 1
	PID=
	not mountpoint -q "$M"
	start
	is "$K/max_uses" 5
	stop
	"${ENROLLFS%/*}/fsck.enrollfs" store 3>&-
}
