#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Approval: what waits in pending/, and what becomes of it.

load helper

setup() {
	set_up_mount
	P=$K/pending
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	echo 1 > "$K/approval"
}

as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# code NAME: the code of NAME.csr, as openssl has it.
code() {
	local hash
	hash=$(openssl req -in "$1.csr" -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r)
	echo "${hash:0:16}"
}

# fours CODE: for people.
fours() { sed 's/..../& /g; s/ $//' <<< "$1"; }

# waits NAME...: each NAME.csr is sent with the key's text, and waits.
waits() {
	local name
	for name; do
		refused 'Operation now in progress' enroll my.key "$name.csr" || return 1
	done
}

# reason CSR: what is read after the refusal.
reason() {
	bash -c '{ cat my.key "$1" >&3; cat <&3; } 3<> "$2"' - "$1" "$M/enroll" 2> /dev/null
}

# approve NAME: by its code.
approve() { code "$1" > "$P/$(code "$1")/approve"; }

lines() { grep -c "\"action\":\"$1\"" "$M/log" || :; }

@test "approval: off at first, a group's or a key's is enough" {
	is "$G/approval" 0
	is "$K/approval" 1
	echo no > "$K/approval"
	csr a
	enroll my.key a.csr > a.crt
	echo yes > "$G/approval"
	csr b
	waits b
	echo 0 > "$G/approval"
	echo 1 > "$K/approval"
	csr c
	waits c
	[ "$(ls "$P" | wc -l)" = 2 ]
	sh_refused 'Invalid argument' "echo 2 > $K/approval"
	is "$K/uses" 1
}

@test "a group's approval is the root owner's, a key's whoever may write the key" {
	owner=$(stat -c %u "$M")
	[ "$(stat -c %a:%u "$G/approval")" = "644:$owner" ]
	chown 65534:65534 "$G" "$K"
	[ "$(stat -c %a:%u "$G/approval")" = "644:$owner" ]
	sh_refused 'Permission denied' "setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'echo 1 > $G/approval'"
	as_nobody bash -c "echo 0 > $K/approval"
	is "$K/approval" 0
}

@test "a request waits, is approved, and sent again gets its certificate" {
	csr web1
	code=$(code web1)
	before=$(date +%s)
	waits web1
	[ "$(reason web1.csr)" = "waits for approval, with the code $(fours "$code")" ]
	[ "$(ls "$P")" = "$code" ]
	E=$P/$code
	[ "$(ls "$E" | tr '\n' ' ')" = 'approve code csr.pem fingerprint from name requested requested_by ' ]
	is "$E/name" web1
	is "$E/code" "$code"
	[[ $(cat "$E/fingerprint") =~ ^${code}[0-9a-f]{48}$ ]]
	cmp web1.csr "$E/csr.pem"
	is "$E/requested_by" 0
	is "$E/from" local
	at=$(date -d "$(cat "$E/requested")" +%s)
	[ "$at" -ge $((before - 1)) ] && [ "$at" -le $((before + 60)) ]
	[ -z "$(cat "$E/approve")" ]
	for f in "$E"/*; do [ "$(stat -c %s "$f")" = "$(cat "$f" | wc -c)" ]; done
	grep -qx 'enrollfs_pending_requests 1' "$M/metrics"
	# nothing is spent, and nobody has the name
	is "$K/uses" 0
	[ -z "$(ls "$G/members")" ]

	sh_refused 'Invalid argument' "echo 0123456789abcdef > $E/approve"
	sh_refused 'Invalid argument' "echo > $E/approve"
	sh_refused 'Invalid argument' "echo $code$code > $E/approve"
	sh_refused 'Invalid argument' "echo ${code:0:15} > $E/approve"
	[ -d "$E" ]
	# as it is shown, and in capitals
	fours "${code^^}" > "$E/approve"
	[ -z "$(ls "$P")" ]
	is "$K/uses" 1
	is "$G/members/web1/provisioning_key" auto
	enroll my.key web1.csr > web1.crt
	verifies web1.crt
	cmp web1.crt "$G/members/web1/fullchain.pem"
	is "$K/uses" 1
	[ "$(lines request)" = 1 ]
	[ "$(lines approve)" = 1 ]
	[ "$(lines enroll)" = 0 ]
	grep '"action":"request"' "$M/log" | grep -q "\"object\":\"app_connector/berlin/keys/auto/pending/$code\",\"member\":\"web1\""
	grep '"action":"approve"' "$M/log" | grep -q '"object":"app_connector/berlin/members/web1","provisioning_key":"auto"'
}

@test "by the key's own file, by enroll.d, in DER and as another user" {
	csr own
	refused 'Operation now in progress' enroll_here own.csr
	csr drop 'some other name'
	refused 'Operation now in progress' cp drop.csr "$K/enroll.d/drop.csr"
	[ -z "$(ls "$K/enroll.d")" ]
	is "$P/$(code drop)/name" drop
	openssl req -in own.csr -outform DER -out own.der
	refused 'Operation now in progress' enroll_here own.der
	csr other
	chmod 644 my.key other.csr
	refused 'Operation now in progress' as_nobody bash -c '{ cat "$1" "$2" >&3; } 3<> "$3"' - "$T/my.key" "$T/other.csr" "$M/enroll"
	is "$P/$(code other)/requested_by" 65534
	approve own
	approve drop
	approve other
	enroll_here own.csr > own.crt
	cmp own.crt "$G/members/own/fullchain.pem"
	cp drop.csr "$K/enroll.d/drop.csr"
	cmp "$K/enroll.d/drop.crt" "$G/members/drop/fullchain.pem"
	is "$G/members/other/enrolled_by" 65534
	is "$K/uses" 3
}

@test "the same request waits in peace, also when approval is off; another one with its key does not" {
	csr web1
	waits web1
	openssl req -new -key web1.pem -subj /CN=web2 -out web2.csr
	at=$(wc -l < "$M/log")
	waits web1 web1
	[ "$(wc -l < "$M/log")" = "$at" ]
	[ "$(grep -c 'EINPROGRESS' "$M/log")" = 0 ]
	refused 'File exists' enroll my.key web2.csr
	refused 'File exists' cp web1.csr "$K/enroll.d/elsewhere.csr"
	mkdir "$G/keys/more"
	refused 'File exists' enroll_here web1.csr "$G/keys/more/enroll"
	# nothing is approved by that
	echo 0 > "$K/approval"
	waits web1
	refused 'File exists' enroll my.key web2.csr
	csr new
	enroll my.key new.csr > new.crt
	[ "$(ls "$P")" = "$(code web1)" ]
	is "$K/uses" 1
	approve web1
	enroll my.key web1.csr > web1.crt
	verifies web1.crt
	is "$K/uses" 2
}

@test "what is not a good request does not wait" {
	csr web1
	echo 0 > "$K/enabled"
	refused 'Key has been revoked' enroll my.key web1.csr
	echo 1 > "$K/enabled"
	openssl req -new -newkey rsa:1024 -nodes -keyout short.pem -subj /CN=short -out short.csr 2> /dev/null
	refused 'Bad message' enroll my.key short.csr
	sed 's/|.\{20\}/|AAAAAAAAAAAAAAAAAAAA/' my.key > bad.key
	refused 'Bad message' enroll bad.key web1.csr
	echo 2020-01-01 > "$K/expires"
	refused 'Key has expired' enroll my.key web1.csr
	[ -z "$(ls "$P")" ]
	is "$K/uses" 0
}

@test "rmdir rejects for that public key with that key" {
	csr web1
	waits web1
	rmdir "$P/$(code web1)"
	[ -z "$(ls "$P")" ]
	refused 'Key was rejected' enroll my.key web1.csr
	openssl req -new -key web1.pem -subj /CN=web2 -out web2.csr
	refused 'Key was rejected' enroll my.key web2.csr
	echo 0 > "$K/approval"
	refused 'Key was rejected' enroll my.key web1.csr
	[ "$(lines reject)" = 1 ]
	grep '"action":"reject"' "$M/log" | grep -q "\"object\":\"app_connector/berlin/keys/auto/pending/$(code web1)\""
	mkdir "$G/keys/more"
	enroll_here web1.csr "$G/keys/more/enroll" > web1.crt
	verifies web1.crt
	is "$K/uses" 0
}

@test "a rejection counts for 30 days, a request waits for 7" {
	stop
	use_clock
	start
	csr no
	csr yes
	csr late
	waits no yes
	rmdir "$P/$(code no)"
	set_clock $((7 * 86400 - 60))
	waits late
	[ "$(ls "$P" | wc -l)" = 2 ]
	set_clock $((7 * 86400 + 1))
	[ "$(ls "$P")" = "$(code late)" ]
	[ ! -e "$P/$(code yes)" ]
	grep -qx 'enrollfs_pending_requests 1' "$M/metrics"
	refused 'Key was rejected' enroll my.key no.csr
	# it may ask anew, under the same code
	waits yes
	[ "$(ls "$P" | wc -l)" = 2 ]
	approve yes
	set_clock $((30 * 86400 + 1))
	waits no
	[ "$(ls "$P")" = "$(code no)" ]
}

@test "one that has expired is not approved" {
	stop
	use_clock
	start
	csr web1
	waits web1
	E=$P/$(code web1)
	exec 5> "$E/approve"
	set_clock $((7 * 86400 + 1))
	refused 'Stale file handle' bash -c "code=$(code web1); echo \$code >&5"
	exec 5>&-
	is "$K/uses" 0
}

@test "as many wait as there are uses" {
	for i in 1 2 3; do csr w$i; done
	echo 2 > "$K/max_uses"
	waits w1 w2
	refused 'Disk quota exceeded' enroll my.key w3.csr
	[ "$(reason w3.csr)" = 'as many requests wait for approval as the provisioning key has uses left: 2; raise max_uses' ]
	approve w1
	refused 'Disk quota exceeded' enroll my.key w3.csr
	rmdir "$P/$(code w2)"
	waits w3
	# the use counts at approval
	echo 1 > "$K/max_uses"
	sh_refused 'Disk quota exceeded' "echo $(code w3) > $P/$(code w3)/approve"
	[ -d "$P/$(code w3)" ]
	echo 2 > "$K/max_uses"
	approve w3
	is "$K/uses" 2
	csr w4
	refused 'Disk quota exceeded' enroll my.key w4.csr
}

@test "8 wait of a user, 64 of a key" {
	for i in $(seq 1 9); do csr w$i; done
	waits w1 w2 w3 w4 w5 w6 w7 w8
	refused 'No space left' enroll my.key w9.csr
	[ "$(reason w9.csr)" = '8 requests of the uid 0 wait for approval' ]
	# also with another key
	mkdir "$G/keys/more"
	echo 1 > "$G/keys/more/approval"
	refused 'No space left' enroll_here w9.csr "$G/keys/more/enroll"
	waits w1
	chmod 644 ./*.csr my.key
	for i in $(seq 10 65); do csr w$i; done
	for i in $(seq 9 64); do
		run setpriv --reuid=$((20000 + i / 8)) --clear-groups bash -c '{ cat my.key "$1" >&3; } 3<> "$2"' - w$i.csr "$M/enroll"
		[[ $output = *'Operation now in progress'* ]]
	done
	[ "$(ls "$P" | wc -l)" = 64 ]
	refused 'No space left' setpriv --reuid=30000 --clear-groups bash -c '{ cat my.key "$1" >&3; } 3<> "$2"' - w65.csr "$M/enroll"
	rmdir "$P/$(code w1)"
	refused 'Operation now in progress' setpriv --reuid=30000 --clear-groups bash -c '{ cat my.key "$1" >&3; } 3<> "$2"' - w65.csr "$M/enroll"
}

@test "a name that is taken meanwhile: the request waits on" {
	csr web1
	csr two web1
	waits web1 two
	is "$P/$(code two)/name" web1
	approve web1
	sh_refused 'File exists' "echo $(code two) > $P/$(code two)/approve"
	[ -d "$P/$(code two)" ]
	is "$K/uses" 1
	mv "$G/members/web1" "$G/members/moved"
	sh_refused 'File exists' "echo $(code two) > $P/$(code two)/approve"
	rm -r "$G/members/moved"
	approve two
	enroll my.key two.csr > two.crt
	cmp two.crt "$G/members/web1/fullchain.pem"
}

@test "all checks are made again at approval" {
	csr web1
	waits web1
	A=$P/$(code web1)/approve
	echo 0 > "$K/enabled"
	sh_refused 'Key has been revoked' "echo $(code web1) > $A"
	echo 1 > "$K/enabled"
	echo 0 > "$G/enabled"
	sh_refused 'Key has been revoked' "echo $(code web1) > $A"
	echo 1 > "$G/enabled"
	echo 2020-01-01 > "$K/expires"
	sh_refused 'Key has expired' "echo $(code web1) > $A"
	echo never > "$K/expires"
	is "$K/uses" 0
	approve web1
	is "$K/uses" 1
}

@test "pending/ is the root owner's until it is given away" {
	owner=$(stat -c %u:%g "$M")
	[ "$(stat -c %a:%u:%g "$P")" = "750:$owner" ]
	chown -R nobody "$G"
	chmod -R o+rwX "$K"
	[ "$(stat -c %u "$K")" = 65534 ]
	csr web1
	csr web2
	waits web1 web2
	rmdir "$P/$(code web2)"
	chmod 750 "$P"
	chown "$owner" "$P"
	[ "$(stat -c %a:%u:%g "$P")" = "750:$owner" ]
	[ "$(stat -c %a:%u:%g "$P/$(code web1)")" = "750:$owner" ]
	[ "$(stat -c %a "$P/$(code web1)/approve")" = 640 ]
	[ "$(stat -c %a "$P/$(code web1)/name")" = 440 ]
	refused 'Permission denied' as_nobody ls "$P"
	sh_refused 'Permission denied' "setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'echo $(code web1) > $P/$(code web1)/approve'"
	refused 'Permission denied' as_nobody rmdir "$P/$(code web1)"
	chown 65534:65534 "$P"
	chmod 770 "$P"
	[ "$(stat -c %a:%u:%g "$P/$(code web1)")" = 770:65534:65534 ]
	[ "$(stat -c %a:%u "$P/$(code web1)/approve")" = 660:65534 ]
	stop
	start
	[ "$(stat -c %a:%u:%g "$P/$(code web1)")" = 770:65534:65534 ]
	setpriv --reuid=20000 --regid=65534 --clear-groups bash -c "echo $(code web1) > $P/$(code web1)/approve"
	is "$K/uses" 1
	csr web3
	waits web3
	as_nobody rmdir "$P/$(code web3)"
	refused 'Key was rejected' enroll my.key web3.csr
}

@test "an entry and its files can be given away one by one" {
	csr web1
	waits web1
	E=$P/$(code web1)
	chown 65534 "$E"
	chmod 700 "$E"
	chmod 400 "$E/name"
	[ "$(stat -c %a:%u "$E")" = 700:65534 ]
	[ "$(stat -c %a "$E/name")" = 400 ]
	stop
	start
	[ "$(stat -c %a:%u "$E")" = 700:65534 ]
	[ "$(stat -c %a "$E/name")" = 400 ]
	chown -R 65533:65533 "$P"
	[ "$(stat -c %u:%g "$E/name")" = 65533:65533 ]
	[ "$(stat -c %u:%g "$E")" = 65533:65533 ]
}

@test "pending/ takes nothing else" {
	csr web1
	waits web1
	E=$P/$(code web1)
	refused 'Operation not permitted' mkdir "$P/0123456789abcdef"
	sh_refused 'Operation not permitted' "echo > $P/file"
	refused 'Operation not permitted' mv "$E" "$P/0123456789abcdef"
	sh_refused 'Permission denied' "setpriv --reuid=65534 --regid=65534 --clear-groups bash -c 'echo > $E/name'"
	refused 'Operation not permitted' mv "$P" "$K/other"
	refused 'Directory not empty' rmdir "$P"
	[ -d "$E" ]
}

@test "rm -r rejects; a key goes with what waits" {
	csr web1
	csr web2
	csr web3
	waits web1 web2
	rm -r "${P:?}/$(code web1)"
	[ "$(lines reject)" = 1 ]
	refused 'Key was rejected' enroll my.key web1.csr
	rmdir "$K"
	mkdir "$K"
	echo 1 > "$K/approval"
	cat "$K/key" > my.key
	[ -z "$(ls "$P")" ]
	# the new key knows nothing of these
	waits web1
	rmdir "$P/$(code web1)"
	echo max > "$K/max_uses"
	waits web2 web3
	chmod 700 "$P/$(code web2)"
	rm -r "$K"
	[ ! -e "$K" ]
	[ -z "$(sql 'SELECT id FROM pending')" ]
	[ -z "$(sql 'SELECT ino FROM file_owner')" ]
	rmdir "$G"
}

@test "managed: approving goes on, rejecting does not" {
	csr web1
	csr web2
	waits web1
	echo 1 > "$K/managed"
	waits web2
	refused 'Operation not permitted' rmdir "$P/$(code web1)"
	refused 'Operation not permitted' chmod 700 "$P"
	refused 'Operation not permitted' chmod 700 "$P/$(code web1)"
	sh_refused 'Operation not permitted' "echo 0 > $K/approval"
	refused 'Operation not permitted' rm -rf "$K"
	[ "$(ls "$P" | wc -l)" = 2 ]
	approve web1
	is "$K/uses" 1
	echo 0 > "$K/managed"
	rmdir "$P/$(code web2)"
}

@test "-o ro: it shows what waits, and changes nothing" {
	csr web1
	waits web1
	stop
	start -o ro
	refused 'Read-only file system' enroll my.key web1.csr
	sh_refused 'Read-only file system' "echo $(code web1) > $P/$(code web1)/approve"
	refused 'Read-only file system' rmdir "$P/$(code web1)"
	is "$P/$(code web1)/name" web1
}

@test "kill -9 between: the request waits on, the certificate stays" {
	kill_9() {
		kill -9 "$PID"
		wait "$PID" || :
		wait_until not mountpoint -q "$M"
		start
	}
	csr web1
	csr web2
	waits web1 web2
	kill_9
	[ "$(ls "$P" | wc -l)" = 2 ]
	waits web1
	cmp web1.csr "$P/$(code web1)/csr.pem"
	approve web1
	rmdir "$P/$(code web2)"
	kill_9
	[ -z "$(ls "$P")" ]
	is "$K/uses" 1
	enroll my.key web1.csr > web1.crt
	verifies web1.crt
	refused 'Key was rejected' enroll my.key web2.csr
}

@test "kill -9 in the middle of approvals: each has its use, none has two" {
	for i in $(seq 1 8); do csr w$i; done
	waits w1 w2 w3 w4 w5 w6 w7 w8
	for i in $(seq 1 8); do
		code w$i > w$i.code
		bash -c "cat w$i.code > $P/$(code w$i)/approve" 2> /dev/null &
	done
	some() { [ "$(sql 'SELECT count(*) FROM issued')" -ge 1 ]; }
	wait_until some
	kill -9 "$PID"
	wait "$PID" || :
	wait_for_jobs || :
	wait_until not mountpoint -q "$M"
	start
	done=$(cat "$K/uses")
	[ "$(ls "$G/members" | wc -l)" = "$done" ]
	[ "$(ls "$P" | wc -l)" = $((8 - done)) ]
	for entry in "$P"/*; do
		[ ! -e "$entry" ] || basename "$entry" > "$entry/approve"
	done
	is "$K/uses" 8
	[ "$(ls "$G/members" | wc -l)" = 8 ]
}

@test "eight approve one request: one certificate" {
	for round in 1 2 3 4 5; do
		csr w$round
		waits w$round
		code w$round > code
		for i in 1 2 3 4 5 6 7 8; do
			bash -c "exec 5> $P/$(cat code)/approve || exit 0; cat code >&5 && echo > approved.$round.$i" 2> /dev/null &
		done
		wait_for_jobs || :
		[ "$(ls approved.$round.* | wc -l)" = 1 ]
		is "$K/uses" $round
		[ -z "$(ls "$P")" ]
	done
	[ "$(lines approve)" = 5 ]
}

@test "many ask at once: no more wait than uses are left" {
	echo 5 > "$K/max_uses"
	for i in $(seq 1 8); do csr w$i; done
	for i in $(seq 1 8); do
		enroll my.key w$i.csr > /dev/null 2>&1 &
	done
	wait_for_jobs || :
	[ "$(ls "$P" | wc -l)" = 5 ]
	[ "$(lines request)" = 5 ]
	# all at once the same request
	rmdir "$P"/*
	echo 0 > "$K/approval"
	echo max > "$K/max_uses"
	csr same
	echo 1 > "$K/approval"
	for i in $(seq 1 8); do
		enroll my.key same.csr > /dev/null 2>&1 &
	done
	wait_for_jobs || :
	[ "$(ls "$P")" = "$(code same)" ]
	[ "$(lines request)" = 6 ]
}

@test "the export restores what waits and what was rejected" {
	echo 1 > "$G/approval"
	for n in no yes late; do csr $n; done
	waits no yes late
	rmdir "$P/$(code no)"
	approve yes
	chown 65534:65534 "$P"
	chmod 600 "$P/$(code late)/name"
	mkdir "$G/keys/gone"
	echo 1 > "$G/keys/gone/approval"
	csr gone
	refused 'Operation now in progress' enroll_here gone.csr "$G/keys/gone/enroll"
	rmdir "$G/keys/gone"
	cp -r "$M/export" export
	stop
	check_store
	restore_store export
	start
	is "$G/approval" 1
	is "$K/approval" 1
	[ "$(ls "$P")" = "$(code late)" ]
	[ "$(stat -c %u:%g "$P/$(code late)")" = 65534:65534 ]
	[ "$(stat -c %a "$P/$(code late)/name")" = 600 ]
	refused 'Key was rejected' enroll my.key no.csr
	enroll my.key yes.csr > yes.crt
	verifies yes.crt
	waits late
	approve late
	enroll my.key late.csr > late.crt
	verifies late.crt
	is "$K/uses" 2
}

@test "fsck: an entry of another key, a name, a code that do not fit" {
	sqlite_only 'its rows are changed in the file'
	not_restored 'it is damaged'
	csr web1
	waits web1
	stop
	sql "UPDATE pending SET member = '../up'"
	run check_store
	[ "$status" = 4 ]
	[[ $output = *': asks for the name ../up'* ]]
	sql "UPDATE pending SET member = 'web1', name = '0123456789abcdef'"
	run check_store
	[[ $output = *"its code is $(code web1)"* ]]
	sql "UPDATE pending SET spki_hash = zeroblob(32)"
	run check_store
	[[ $output = *'is of another key'* ]]
}

@test "renewals keep their names, and do not wait" {
	csr web1
	waits web1
	approve web1
	csr next web1
	openssl req -new -key web1.pem -subj "/CN=$(openssl req -in next.csr -outform DER | openssl dgst -sha256 -r | cut -c1-64)" -out proof.csr
	bash -c '{ cat next.csr proof.csr >&3; cat <&3; } 3<> "$1"' - "$M/renew" > next.crt
	verifies next.crt
	[ -z "$(ls "$P")" ]
}

# machine: D is a machine's directory; ce runs its connector-enroll.
machine() {
	D=$T/d
	mkdir -p "$D"
	(umask 077 && cat my.key > "$D/provision_key")
}
ce() { "${SHELL_OF_MACHINE:-sh}" "$BATS_TEST_DIRNAME/../../scripts/connector-enroll" -d "$D" "$@" "$M/enroll" 3>&-; }

# waited [OPTION...]: it ends with the status 4, and the code.
waited() {
	local rc=0
	ce "$@" > said 2>&1 < /dev/null || rc=$?
	[ "$rc" = 4 ] || { cat said; return 1; }
	code=$(ls "$P")
	grep -qx "notice:Waiting for approval. Code: $(fours "$code")" said
}

@test "connector-enroll: the code, the status 4, and the same request again" {
	for SHELL_OF_MACHINE in dash bash mksh ksh93; do
		command -v $SHELL_OF_MACHINE > /dev/null || continue
		machine
		waited
		[ ! -e "$D/cert.pem" ]
		waited
		[ "$(ls "$P" | wc -l)" = 1 ]
		echo "$code" > "$P/$code/approve"
		ce 2> said < /dev/null
		grep -q '^notice:Enrolled as ' said
		verifies "$D/cert.pem" 2> /dev/null || cat "$D/cert.pem" "$D/chain.pem" > full.pem && verifies full.pem
		rm -r "$D" "$G"/members/*
	done
}

@test "connector-enroll --wait: until it is approved, rejected, or the time is over" {
	machine
	ce --wait > said 2>&1 < /dev/null &
	waiting=$!
	wait_until grep -q Waiting said
	code=$(ls "$P")
	echo "$code" > "$P/$code/approve"
	wait $waiting
	grep -q '^notice:Enrolled as ' said
	[ "$(grep -c Connecting said)" = 1 ]
	rm -r "$D"
	machine
	ce --wait=1h > said 2>&1 < /dev/null &
	waiting=$!
	wait_until grep -q Waiting said
	rmdir "$P"/*
	rc=0
	wait $waiting || rc=$?
	[ $rc = 1 ]
	grep -q '^error:Login request failed - status(401) a request with this public key has been rejected' said
	rm -r "$D"
	machine
	begun=$(date +%s)
	waited --wait=3
	[ $(($(date +%s) - begun)) -ge 3 ]
	[ $(($(date +%s) - begun)) -lt 20 ]
}

@test "connector-enroll --wait ends with a signal at once, and leaves no lock" {
	machine
	sh "$BATS_TEST_DIRNAME/../../scripts/connector-enroll" -d "$D" --wait "$M/enroll" > said 2>&1 < /dev/null 3>&- &
	waiting=$!
	wait_until grep -q Waiting said
	kill "$waiting"
	rc=0
	wait $waiting || rc=$?
	[ $rc = 143 ]
	[ ! -e "$D/new/tmp" ]
	waited
}

@test "connector-enroll --wait: times, and what is none" {
	machine
	for time in '' x 5x -1 1.5h 99999999999 h; do
		run ce --wait="$time"
		[ "$status" = 2 ]
		[[ $output = "connector-enroll: not a time: $time; --help says more" ]]
	done
	run ce --waits
	[ "$status" = 2 ]
	waited --wait=0
	waited --wait=0s
	waited --wait=00m
}
