#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Several daemons with one PostgreSQL database: what one acknowledges holds for all. RACES, TWINS and TRIES
# say how often.
load helper

setup() {
	[ -n "${STORE-}" ] || skip 'several hosts need a server (STORE)'
	if [[ $BATS_TEST_DESCRIPTION = 'the commands'* ]]; then
		STORE=
		NO_MOUNT=yes set_up_mount
		return
	fi
	set_up_mount
	M2=$T/m2
	mkdir "$M2"
	second
}

# A second daemon with the same store.
second() {
	env --default-signal=INT "$ENROLLFS" -f "${OF_STORE[@]}" "$S" "$M2" 2>> "$T/log" 3>&- &
	PID2=$!
	wait_until answers_there
}

answers_there() { mountpoint -q "$M2" && ls "$M2" > /dev/null 2>&1; }

teardown() {
	[ -n "${T-}" ] || return 0
	if [ -z "${PID2-}" ]; then
		take_down_mount
		return
	fi
	if mountpoint -q "$M2"; then umount "$M2"; fi
	wait "$PID2"
	take_down_mount
}

# On the other host by now, or within a second.
within_a_second() {
	local until=$((${EPOCHREALTIME/./} + 1000000))
	until "$@" 2> /dev/null; do
		[ "${EPOCHREALTIME/./}" -lt "$until" ] || { echo "not within a second: $*" >&2; return 1; }
		sleep 0.02
	done
}

has_mode() { [ "$(stat -c %a "$1")" = "$2" ]; }

K2() { echo "$M2/app_connector/berlin/keys/auto"; }

@test "what one host changes, the other shows within a second" {
	local n
	for n in $(seq 2 $((1 + ${TRIES:-10}))); do
		cat "$(K2)/max_uses" > /dev/null
		stat "$(K2)/max_uses" > /dev/null
		echo "$n" > "$K/max_uses"
		within_a_second is "$(K2)/max_uses" "$n"
	done
	mv "$K" "$G/keys/other"
	within_a_second test -d "$M2/app_connector/berlin/keys/other"
	within_a_second not test -d "$(K2)"
	chmod 700 "$G"
	within_a_second has_mode "$M2/app_connector/berlin" 700
}

# race KEY FIRST: one of 32 clients, which are on both hosts by turns.
race() {
	local i
	for ((i = $2; i <= 130; i += 32)); do
		if [ $((i % 2)) = 0 ]; then enroll "$1" "n$i.csr" > "n$i.crt" 2> "n$i.said"; else
			enroll "$1" "n$i.csr" "$M2/enroll" > "n$i.crt" 2> "n$i.said"
		fi || :
	done
}

@test "100 uses, 32 clients on two hosts: 100 certificates" {
	local i n pids key
	for n in $(seq "${RACES:-1}"); do
		key=$G/keys/race$n
		mkdir "$key"
		echo 100 > "$key/max_uses"
		cat "$key/key" > key
		for i in $(seq 130); do csr "n$i" "n$n-$i"; done
		pids=()
		for i in $(seq 32); do race key "$i" & pids+=($!); done
		wait "${pids[@]}"
		cat n*.said | sed "s/.*: //" | sort | uniq -c >&2
		[ "$(grep -l 'BEGIN CERT' n*.crt | wc -l)" = 100 ]
		[ "$(grep -l 'Disk quota exceeded' n*.said | wc -l)" = 30 ]
		is "$key/uses" 100
		within_a_second is "$M2/app_connector/berlin/keys/race$n/uses" 100
		[ "$(ls "$G/members" | wc -l)" = $((100 * n)) ]
	done
}

@test "one public key on two hosts at the same time: one certificate, one use" {
	local i a b
	echo max > "$K/max_uses"
	cat "$K/key" > key
	for i in $(seq "${TWINS:-20}"); do
		csr "k$i"
		enroll key "k$i.csr" > "a$i" & a=$!
		enroll key "k$i.csr" "$M2/enroll" > "b$i" & b=$!
		wait "$a" "$b"
		cmp "a$i" "b$i"
	done
	is "$K/uses" "${TWINS:-20}"
	[ "$(ls "$G/members" | wc -l)" = "${TWINS:-20}" ]
}

@test "the trail of both hosts is one chain" {
	local i
	for i in 1 2 3 4 5; do
		echo "$i" > "$K/description"
		echo "there $i" > "$(K2)/description"
	done
	within_a_second cmp "$M/log" "$M2/log"
	[ "$(grep -c '"action":"set"' "$M/log")" -ge 10 ]
	jq -r .seq "$M/log" | awk '$1 != NR {exit 1}'
}

@test "a key that was disabled on one host does not enroll on the other" {
	cat "$K/key" > key
	csr late
	echo 0 > "$K/enabled"
	refused 'Key has been revoked' enroll key late.csr "$M2/enroll"
	is "$K/uses" 0
}

@test "a job whose statement did not do what was assumed is not acknowledged, and the others of its batch are" {
	local i pids=()
	expect_log 'changed 0 rows instead of 1|the store failed, and nothing has changed'
	echo max > "$K/max_uses"
	cat "$K/key" > key
	for i in 1 2 3 4 5 6 7 8; do csr "bad$i" && csr "good$i"; done
	sql "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN IF NEW.object LIKE ''%bad%'' THEN RETURN NULL; END IF; RETURN NEW; END'"
	sql 'CREATE TRIGGER lose BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION lose()'
	for i in 1 2 3 4 5 6 7 8; do
		enroll key "bad$i.csr" > "bad$i.crt" 2> "bad$i.said" & pids+=($!)
		enroll key "good$i.csr" > "good$i.crt" 2> "good$i.said" & pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || :; done
	sql 'DROP TRIGGER lose ON event'
	sql 'DROP FUNCTION lose'
	cat bad*.said good*.said >&2
	[ "$(grep -l 'Input/output error' bad*.said | wc -l)" = 8 ]
	[ "$(grep -l 'BEGIN CERT' good*.crt | wc -l)" = 8 ]
	is "$K/uses" 8
	[ "$(ls "$G/members" | wc -l)" = 8 ]
	enroll key bad1.csr > bad1.crt
	is "$K/uses" 9
}

@test "a host that stops in the middle of a batch does not stop the other" {
	expect_log 'the server does not answer|\(25P03\)'
	kill -STOP "$PID2"
	local begun=$EPOCHREALTIME
	echo 9 > "$K/max_uses"
	[ $((${EPOCHREALTIME/./} - ${begun/./})) -lt 3000000 ]
	kill -CONT "$PID2"
	within_a_second is "$(K2)/max_uses" 9
}

# The page's commands, with the folders of this test in place of those that it names.
commands_of_page() {
	awk '/^\.Sh/ {skip = /TWO HOSTS/} skip {next} /^\.Bd -literal/ {on = 1; next} /^\.Ed/ {on = 0} on && !/^(postgresql:|[?&[A-Z])/' "$BATS_TEST_DIRNAME/../../fs/enrollfs-hosts.7" |
		sed "s|^# ||; s|^> ||; s|\\\\e$|\\\\|; s|/run/postgresql|$D|; s|/etc/enrollfs|$T/etc|; s|/srv/enrollfs|$M|
			s|/var/backups|$T/backups|; s|su postgres -c '\(.*\)'|PGHOST=$D PGUSER=postgres sh -c '\1'|"
}

@test "the commands of enrollfs-hosts(7)" {
	D=$T/pg
	"$BATS_TEST_DIRNAME/postgres" start "$D"
	psql -qX "postgresql://postgres@/postgres?host=$D" -c 'DROP DATABASE enrollfs' -c 'DROP ROLE enrollfs'
	mkdir backups
	commands_of_page > commands
	[ "$(grep -c '^mkfs' commands)" = 2 ]
	# a store that is moved needs a place that is empty
	sed -i "/--from/i PGHOST=$D PGUSER=postgres psql -qX enrollfs -c 'DROP OWNED BY enrollfs CASCADE' -c 'GRANT ALL ON SCHEMA public TO enrollfs' -c 'GRANT ALL ON DATABASE enrollfs TO enrollfs'" commands
	PATH=${ENROLLFS%/*}:$PATH bash -ex commands 3>&-
}

@test "URIs that would show a password, or trust anybody, are refused" {
	local uri
	for uri in 'postgresql://enrollfs:hidden@/enrollfs' 'postgresql:///enrollfs?password=hidden&host=/tmp'; do
		run "$ENROLLFS" "$uri" "$M2" 3>&-
		[ "$status" = 1 ]
		[[ $output = *'a password in it is seen by all users of this host'* ]]
		[[ $output != *hidden* ]]
	done
	for uri in 'postgresql://pg1/enrollfs' 'postgresql://pg1/enrollfs?sslmode=require' \
		'postgresql:///enrollfs?host=/tmp,pg1' 'postgresql:///enrollfs?host=/tmp&hostaddr=127.0.0.1'; do
		refused 'has to be verified' "$ENROLLFS" "$uri" "$M2"
		refused 'has to be verified' tool fsck "$uri"
	done
	refused 'invalid' "$ENROLLFS" 'postgresql:///enrollfs?nonsense=1' "$M2"
	refused 'as many hosts as addresses' "$ENROLLFS" 'postgresql:///enrollfs?host=a,b&hostaddr=127.0.0.1&sslmode=verify-full' "$M2"
	refused 'one port, or as many as hosts' "$ENROLLFS" 'postgresql:///enrollfs?host=/a,/b,/c&port=5432,5433' "$M2"
	refused 'it is never on the server' "$ENROLLFS" -f "$S" "$M2"
	refused 'only a store on a server' "$ENROLLFS" -o timeout=5 "$T/file" "$M2"
	refused 'from 1 to 300' "$ENROLLFS" -o timeout=0 "$S" "$M2"
}

LIMITS=(allowed_names member_names validity key_types usages)
# drops COLUMN...: as ALTER TABLE wants it.
drops() { printf 'DROP %s, ' "$@" | sed 's/, $//'; }

@test "a store is made once, checked, and refused by an earlier or later version" {
	refused 'nothing is overwritten' tool mkfs "${TOOL_OPTIONS[@]}" "$S"
	umount "$M2"
	wait "$PID2"
	PID2=
	stop
	sql 'UPDATE batch SET schema = schema + 1'
	refused 'made by a later version' tool fsck "${TOOL_OPTIONS[@]}" "$S"
	refused 'made by a later version' tool fsck --upgrade "${TOOL_OPTIONS[@]}" "$S"
	sql 'UPDATE batch SET schema = schema - 1'
	tool fsck --upgrade "${TOOL_OPTIONS[@]}" "$S"
	# as the first version with this engine made it
	sql 'DROP TABLE alt_name, narrowed, pending, trimming, compromised; DROP INDEX member_of_key;
		CREATE INDEX member_key ON member (prov_key)'
	sql "ALTER TABLE cert $(drops crl_url issuer_url cross_by cross_der crossed stop_reason stop_since trimmed trimmed_revoked)"
	sql "ALTER TABLE grp $(drops stop_{reason,since,last,done,count,at} expire_after approval limits "${LIMITS[@]}")"
	sql "ALTER TABLE prov_key $(drops stop_{reason,since,last,done,count,at} old_secret_hash old_until secret_since \
		former_secrets trimmed approval limits "${LIMITS[@]}")"
	sql 'ALTER TABLE crl DROP since'
	sql 'ALTER TABLE batch DROP edited'
	sql 'UPDATE batch SET schema = 1'
	refused 'fsck.enrollfs --upgrade' tool fsck "${TOOL_OPTIONS[@]}" "$S"
	refused 'fsck.enrollfs --upgrade' "$ENROLLFS" -f "${OF_STORE[@]}" "$S" "$M"
	tool fsck --upgrade "${TOOL_OPTIONS[@]}" "$S"
	sql 'DROP INDEX issued_spki'
	refused 'the index issued_spki is missing' tool fsck "${TOOL_OPTIONS[@]}" "$S"
	sql 'CREATE INDEX issued_spki ON issued (spki_hash, id)'
	sql 'UPDATE prov_key SET uses = 1'
	refused '1 uses, but 0 certificates' tool fsck "${TOOL_OPTIONS[@]}" "$S"
	sql 'UPDATE prov_key SET uses = 0'
}
