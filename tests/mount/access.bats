#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who may do what (access_rules.py has the rules), and what who may nothing learns of it.

load helper

export NO_MOUNT=1

# every_operation SUBJECT...: on every kind of node.
every_operation() {
	local rc=0
	start -o export_gid=3001
	timeout 250 /usr/bin/python3 "$BATS_TEST_DIRNAME/access.py" "$M" \
		"$BATS_TEST_DIRNAME/../../fs/tree.c" "$@" > cells || rc=$?
	tail -n 60 cells
	return $rc
}

@test "every operation on every kind of node: owner, group, others" {
	every_operation owner 'group member' stranger
}

@test "every operation on every kind of node: root of a user namespace" {
	needs user_namespaces
	every_operation 'root in a user namespace'
}

@test "a guessed key text is refused alike, whether or not there is such a key" {
	start
	timeout 120 /usr/bin/python3 "$BATS_TEST_DIRNAME/guess.py" answers "$M"
	# the messages too
	[ "$(grep -c 'not known here' log)" -ge 40 ]
	[ "$(sed -n 's/ (uid.*//; s/^.*\(enroll refused\)/\1/p' log | sort -u | wc -l)" = 1 ]
}
