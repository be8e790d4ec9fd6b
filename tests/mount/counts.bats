#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What one operation costs: requests, system calls, pages of the write-ahead log. A machine's speed does
# not change these counts. `scripts/bench --counts` prints what they are made of.

load helper

# A figure above its limit fails; one that stays below it is a reason to lower the limit. System calls have
# up to 5 more than were counted: threads wait for each other now and then, and readers' caches differ.
limits() {
	local lookup=0
	caches_names || lookup=1
	sed 's/#.*//; /^$/d' <<- END
		enroll, C client     | requests        | 5
		enroll, C client     | notifications   | 1
		enroll, C client     | system calls    | 33
		enroll, C client     | WAL pages       | 9
		enroll, C client     | WAL bytes       | 37080
		enroll, C client     | fdatasync       | 1
		enroll, shell line   | requests        | 8
		enroll, shell line   | notifications   | 1
		enroll, shell line   | system calls    | 40
		enroll, conversation | requests        | 2
		enroll, conversation | notifications   | 1
		enroll, conversation | system calls    | 24
		enroll, conversation | WAL pages       | 9
		enroll, conversation | fdatasync       | 1
		cat key              | requests        | 8
		cat key              | system calls    | 42
		cat key              | WAL pages       | 2
		cat key              | fdatasync       | 1
		cat max_uses         | requests        | 5
		cat max_uses         | system calls    | 12
		cat max_uses         | fdatasync       | 0
		echo n > max_uses    | requests        | $((4 + lookup))
		echo n > max_uses    | system calls    | $((34 + 2 * lookup))
		echo n > max_uses    | WAL pages       | 2
		echo n > max_uses    | fdatasync       | 1
		max_uses, C client   | requests        | $((3 + lookup))
		max_uses, C client   | system calls    | $((32 + 2 * lookup))
		ls of a key          | requests        | 5
		ls of a key          | system calls    | 12
	END
}

@test "no operation takes more requests, system calls or pages of the log than it may" {
	plain || skip 'a sanitizer makes system calls of its own'
	rc=0
	limits | /usr/bin/python3 "$BATS_TEST_DIRNAME/../bench/counts.py" --check "$PID" "$T/store" "$M" "$K" \
		"${ENROLLFS%/*}/bench" > said || rc=$?
	cat said
	[ $rc != 77 ] || skip "the daemon cannot be traced here: $(tail -n 1 said)"
	[ $rc = 0 ]
}
