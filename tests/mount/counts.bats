#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What one operation costs: requests, system calls, pages of the write-ahead log. A machine's speed does
# not change these counts. `scripts/bench --counts` prints what they are made of.

load helper

# A figure above its limit fails; one that stays below it is a reason to lower the limit. System calls have
# up to 5 more than were counted: threads wait for each other now and then, and readers' caches differ.
limits() {
	sed 's/#.*//; /^$/d' <<- 'END'
		enroll, C client     | requests        | 9
		enroll, C client     | notifications   | 1
		enroll, C client     | system calls    | 106
		enroll, C client     | WAL pages       | 14
		enroll, C client     | WAL bytes       | 115024
		enroll, C client     | fdatasync       | 1
		enroll, shell line   | requests        | 17
		enroll, shell line   | notifications   | 1
		enroll, shell line   | system calls    | 130
		cat key              | requests        | 9
		cat key              | system calls    | 86
		cat key              | WAL pages       | 3
		cat key              | fdatasync       | 1
		cat max_uses         | requests        | 6
		cat max_uses         | system calls    | 18
		cat max_uses         | fdatasync       | 0
		echo n > max_uses    | requests        | 7
		echo n > max_uses    | system calls    | 68
		echo n > max_uses    | WAL pages       | 3
		echo n > max_uses    | fdatasync       | 1
		max_uses, C client   | requests        | 5
		max_uses, C client   | system calls    | 60
		ls of a key          | requests        | 5
		ls of a key          | system calls    | 24
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
