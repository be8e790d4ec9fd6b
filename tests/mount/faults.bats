#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A disk that is full or fails, at every write in turn.

load helper

@test "each write fails in turn: a clear errno, nothing half done, and it works again" {
	"${ENROLLFS%/*}/bench" requests 4000 requests
	cc -shared -fPIC -o fault.so "$BATS_TEST_DIRNAME/fault.c" -ldl
	outside_ca > bundle
	head -c 16 /dev/zero > control
	chmod 666 control # the daemon is not root
	stop
	expect_log 'store: .*(disk full|disk I/O error)|refused: (Input/output error|No space left)'
	FAULTS=$T/control LD_PRELOAD=$(ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}')$T/fault.so \
		"$ENROLLFS" -f -o domain=corp.example "$T/store" "$M" 2>> "$T/log" 3>&- &
	# shellcheck disable=SC2034 # for helper.bash
	PID=$!
	wait_until answers
	timeout 300 /usr/bin/python3 "$BATS_TEST_DIRNAME/faults.py" "$M" control requests bundle > tried
	cat tried
	[ "$(cat tried)" -gt 200 ]
	# and the operator was told
	grep -q 'error: store: .*disk full' log
	grep -q 'error: store: .*disk I/O error' log
	stop
	"${ENROLLFS%/*}/fsck.enrollfs" store 3>&-
}
