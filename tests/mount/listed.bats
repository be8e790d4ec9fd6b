#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the kernel caches of members that were listed, and how that is invalidated.

load helper

@test "a change of a listed member is seen at once, beside others who list it and open its files" {
	local tries=100
	plain || tries=30
	"${ENROLLFS%/*}/bench" requests $((tries + 40)) requests
	timeout 500 /usr/bin/python3 "$BATS_TEST_DIRNAME/listed.py" "$G" "$K" requests "$tries"
}
