#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who may do what: each operation on each node as each kind of user (access.py has the rules).

load helper

NO_MOUNT=1

@test "every operation on every kind of node, as owner, group member, stranger, root of a user namespace" {
	start -o export_gid=3001
	rc=0
	timeout 250 /usr/bin/python3 "$BATS_TEST_DIRNAME/access.py" "$M" "$BATS_TEST_DIRNAME/../../fs/tree.c" > cells || rc=$?
	tail -n 60 cells
	tail -n 1 cells | sed 's/^/# /' >&3
	[ $rc = 0 ]
}
