#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Copying a provisioning key.

load helper

@test "whatever follows links gets the key" {
	[ "$(readlink "$K/key")" = .key ]
	cat "$K/key" > one
	cp "$K/key" two
	python3 -c "print(open('$K/key').read(), end='')" > three
	dd if="$K/key" of=four status=none
	cmp one two
	cmp one three
	cmp one four
	[ -f two ] && [ ! -L two ]
	is "$K/copies" 4
	is "$K/uses" 0
}

# manual_commands LINE: the commands that enrollfs(5) shows in the display behind that line.
manual_commands() {
	sed -n "/^$1/,/^\.Ed/p" "$BATS_TEST_DIRNAME/../../fs/enrollfs.5" | sed '1,/^\.Bd/d; /^\.Ed/d' |
		sed "s,\\\\-,-,g; s,\\\\(aq,',g; s,\\bDIR\\b,$T/out,; s,\\bFILE\\b,$T/out/file,"
}

# copies_made COMMAND: how many copies a command makes that is run in the key's directory.
copies_made() {
	local before
	before=$(cat "$K/copies")
	rm -rf "$T/out"
	mkdir "$T/out"
	(cd "$K" && bash -c "$1") > said 2>&1 < /dev/null || :
	echo $(($(cat "$K/copies") - before))
}

@test "what enrollfs(5) says copies a key does, and what it says does not does not" {
	mkdir "$G/keys/other"
	manual_commands 'In a key.s directory, these' > copying
	manual_commands 'These do not' > harmless
	[ "$(wc -l < copying)" = 15 ]
	[ "$(wc -l < harmless)" = 11 ]
	while IFS= read -r command; do
		[ "$(copies_made "$command")" = 1 ] || { echo "no copy: $command: $(cat said)"; return 1; }
	done < copying
	while IFS= read -r command; do
		n=$(copies_made "$command; echo ended with \$?")
		grep -x 'ended with 0' said > /dev/null || { echo "$command: $(cat said)"; return 1; }
		[ "$n" = 0 ] || { echo "copied: $command"; return 1; }
		case $command in *"$T/out"*) [ -n "$(ls out)" ] ;; esac
	done < harmless
	# what is read by those is read
	grep -rq active "$K"
	is "$K/copies" 15
}

@test "no listing shows .key" {
	not grep -x '\.key' <(ls -A "$K")
	[ -z "$(find "$M" -name .key)" ]
	[ -z "$(find "$M" -type f -name key)" ]
}

@test "a copy is on record before it is read" {
	is "$K/copies" 0
	is "$K/last_copied" never
	exec 4< "$K/key"
	is "$K/copies" 1
	[ "$(cat "$K/last_copied" | cut -c1-10)" = "$(date -u +%F)" ]
	# many reads of one open are one copy
	python3 -c "
import os
os.pread(4, 10, 0); os.pread(4, 200, 0); os.pread(4, 200, 0)"
	exec 4<&-
	is "$K/copies" 1
	stat "$K/.key" > /dev/null
	is "$K/copies" 1
	stop
	start
	grep '"action":"copy"' "$M/log" > copies
	[ "$(wc -l < copies)" = 1 ]
	grep -q '"uid":0,"gid":0,"pid":[0-9]*,"comm":"[^"]*","action":"copy","object":"app_connector/berlin/keys/auto","result":"ok"' copies
}

@test "refusals come from open, and are lifted at once" {
	echo 0 > "$K/max_uses"
	refused 'Disk quota exceeded' cat "$K/key"
	echo 1 > "$K/max_uses"
	cat "$K/key" > /dev/null
	echo 0 > "$K/enabled"
	refused 'Key has been revoked' cat "$K/key"
	echo 1 > "$K/enabled"
	echo 0 > "$G/enabled"
	refused 'Key has been revoked' cat "$K/key"
	echo 1 > "$G/enabled"
	echo 2020-01-01T00:00:00Z > "$K/expires"
	refused 'Key has expired' cat "$K/key"
	echo never > "$K/expires"
	cat "$K/key" > /dev/null
	is "$K/copies" 2
	grep -q 'copy app_connector/berlin/keys/auto/.key refused: Key has expired' log
}

@test "a copy never slips past an acknowledged switch" {
	# copies by several readers; after the switch is acknowledged, the counter stands still
	for _ in 1 2 3; do
		echo 1 > "$K/enabled"
		before=$(cat "$K/copies")
		for _ in 1 2 3 4; do
			bash -c "for n in \$(seq 60); do cat $K/key || exit 0; done" > /dev/null 2>&1 &
		done
		some() { [ "$(cat "$K/copies")" -ge $((before + 5)) ]; }
		wait_until some
		echo 0 > "$K/enabled"
		at=$(cat "$K/copies")
		wait_for_jobs
		is "$K/copies" "$at"
	done
}

@test "the readable copy is destroyed once and for all" {
	cat "$K/key" > my.key
	echo 0 > "$K/exportable"
	[ ! -e "$K/key" ] && [ ! -L "$K/key" ]
	refused 'No such file or directory' cat "$K/key"
	refused 'No such file or directory' cat "$K/.key"
	not grep -x key <(ls "$K")
	sh_refused 'Operation not permitted' "echo 1 > $K/exportable"
	echo 0 > "$K/exportable"
	csr web1
	enroll my.key web1.csr > web1.crt
	verifies web1.crt
}

@test "the key names the root it trusts, and no secret is in the store or the log" {
	cat "$K/key" > my.key
	cut -d'|' -f3 my.key | base64 -d > raw
	[ "$(stat -c %s raw)" = 80 ]
	[ "$(dd if=raw bs=1 skip=40 count=32 status=none | od -An -v -tx1 | tr -d ' \n')" = \
		"$(cat "$M/certs/root/fingerprint")" ]
	dd if=raw bs=1 skip=8 count=32 status=none of=secret
	stop
	dump_store dump
	cp "$(master_key)" master
	python3 -c "
secret = open('secret', 'rb').read()
import base64, sys
for name in ('dump', 'log', 'master'):
    data = open(name, 'rb').read()
    assert secret not in data and secret.hex().encode() not in data, name
    assert b'corp.example|' not in data, name"
}
