#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# rekey.enrollfs: another master key for a store.

load helper

rekey() { tool rekey "${TOOL_OPTIONS[@]}" "$S" "${1-$T/new.key}"; }
key_file() { readlink -f "$(master_key)"; }

# Something of everything that is sealed, and a copy of the export in was/.
fill() {
	echo max > "$K/max_uses"
	mkdir "$G/keys/once" "$M/certs/own" "$M/certs/waits" "$M/service_edge/eu"
	echo self > "$M/certs/own/issuer"
	echo 0 > "$G/keys/once/exportable"
	csr web1
	enroll_here web1.csr > web1.crt
	cat "$K/key" > auto.key
	cp -r "$M/export" was
	look > looked
	stop
}

# Every ciphertext, as hex, a line each.
ciphertexts() { grep -rhoE '"(sealed_[a-z]*|seal_check)":"[0-9A-F]+"' "$1" | cut -d'"' -f4 | sort; }

@test "everything is sealed with the new key, which is made, and the old one opens nothing" {
	fill
	cp -p "$(master_key)" old.key
	rekey
	cmp new.key "$(master_key)"
	not cmp -s old.key "$(master_key)"
	grep -qxE '[0-9a-f]{64}' new.key
	[ "$(stat -c '%a %U' "$(master_key)")" = "$(stat -c '%a %U' old.key)" ]
	[ "$(stat -c %a new.key)" = 600 ]
	check_store
	start
	[[ $(cat "$K/key") = "$(cat auto.key)" ]]
	csr web2
	enroll auto.key web2.csr > web2.crt
	verifies web2.crt
	cp -r "$M/export" now
	grep -q '"action":"rekey"' "$M/log"
	stop
	# nothing of before opens with the new key, and nothing is what it was
	[ "$(ciphertexts was | wc -l)" -ge 7 ]
	[ "$(ciphertexts was | wc -l)" = "$(ciphertexts now | wc -l)" ]
	[ -z "$(comm -12 <(ciphertexts was) <(ciphertexts now))" ]
	mkdir r
	cp old.key r/store.key
	tool mkfs --from was r/store
	rm r/store r/store.lock
	refused 'another master key' tool mkfs --from now r/store
	cp new.key r/store.key
	refused 'another master key' tool mkfs --from was r/store
	tool mkfs --from now r/store
}

@test "an old ciphertext is in no page of the new file" {
	sqlite_only 'a server removes dead rows by itself'
	fill
	ciphertexts was > old
	rekey
	xxd -p store | tr -d '\n' | tr a-f A-F > pages
	while read -r text; do not grep -qF "$text" pages; done < old
	[ "$(ls store*)" = "$(printf '%s\n' store store.key "$(ls store.key.old-*)" store.lock)" ]
}

@test "every exported file is a later one, and rsync sees it" {
	# the first segment of the trail is full
	for ((i = 0; i < 1100; i++)); do echo $i; done > "$T/numbers"
	while read -r i; do echo "$i" > "$K/description"; done < numbers
	fill
	start
	rsync -a "$M/export/" copy/
	[ -e copy/trail/00000002.jsonl ]
	cp -a copy before
	stop
	rekey
	start
	rsync -a --itemize-changes "$M/export/" copy/ > said
	for file in $(cd before && find . -type f); do
		grep -qF " ${file#./}" said
		[ "$(stat -c '%Y %s' "copy/$file")" != "$(stat -c '%Y %s' "before/$file")" ]
		not [ "copy/$file" -ot "before/$file" ]
	done
	for file in $(cd before && find app_connector service_edge certs -type f); do
		[ "$(jq .version "copy/$file")" -gt "$(jq .version "before/$file")" ]
	done
	[ -z "$(rsync -a --itemize-changes "$M/export/" copy/)" ]
	diff -r copy "$M/export"
}

@test "what the mount shows stays, but for times" {
	fill
	rekey
	start
	look > now
	diff <(grep -vE '^log|/log' looked) <(grep -vE '^log|/log' now)
}

# All that is stored; pg_dump makes up a word for each of its texts.
stored() { dump_store dump && sed '/^.\(un\)\{0,1\}restrict /d' dump > "$1"; }

@test "a key that exists is taken; one that is no fresh key is refused, and nothing changes" {
	fill
	stored before
	cp -p "$(master_key)" old.key
	printf 'not a key\n' > new.key && chmod 600 new.key
	refused '64 hex digits' rekey
	openssl rand -hex 32 > new.key && chmod 644 new.key
	refused 'group or others can use it' rekey
	chmod 600 new.key
	mkdir folder
	refused 'not a regular file' rekey "$T/folder"
	refused 'No such file' rekey "$T/none/new.key"
	cmp old.key "$(master_key)"
	stored after
	cmp before after
	cp new.key given.key
	rekey
	cmp given.key "$(master_key)"
	# again: it has it
	events=$(sql 'SELECT count(*) FROM event')
	run rekey
	[ "$status" = 0 ]
	[[ $output = *'has this master key already'* ]]
	[ "$(sql 'SELECT count(*) FROM event')" = "$events" ]
	# the one before is not fresh
	cp -p old.key other.key
	refused 'the one that this store had before' rekey "$T/other.key"
	rekey "$T/third.key"
	cmp third.key "$(master_key)"
	check_store
}

@test "the old key stays beside the new one" {
	fill
	cp -p "$(master_key)" old.key
	run rekey
	[ "$status" = 0 ]
	[[ $output = *'copies of export/ made before need it'* ]]
	cmp old.key "$(master_key)".old-*
	[ "$(stat -c '%a %U' "$(master_key)".old-*)" = "$(stat -c '%a %U' old.key)" ]
}

@test "a store that is mounted, missing or damaged, and other words" {
	sqlite_only 'hosts share a store on a server'
	refused 'has it mounted' rekey
	rm -f new.key
	stop
	start -o ro
	refused 'has it mounted' rekey
	stop
	refused 'No such file' tool rekey none new.key
	[ ! -e none.lock ]
	refused 'NEWKEY is missing' tool rekey store
	refused 'STORE is missing' tool rekey
	refused 'one argument too many' tool rekey store new.key more
	run tool rekey store
	[ "$status" = 2 ]
	[[ $(tool rekey --help) = 'usage: rekey.enrollfs '* ]]
	[[ $(tool rekey -V) = 'rekey.enrollfs '* ]]
	mv store.key elsewhere
	refused 'missing; the store cannot be opened without it' rekey
	openssl rand -hex 32 > store.key && chmod 600 store.key
	refused 'this is not the master key it was made with' rekey
	mv elsewhere store.key
	cp store whole
	cp -p store.key old.key
	sqlite3 store "UPDATE cert SET sealed_key = zeroblob(length(sealed_key)) WHERE name = 'connector'"
	refused 'certs/connector: its secret does not open' rekey
	cmp old.key store.key
	[ "$(ls store.*)" = "$(printf '%s\n' store.key store.lock)" ]
	cp whole store
	# another program would go on with the old file
	sqlite3 store '.timeout 1000' 'BEGIN' 'SELECT 1 FROM setting' '.system touch reading; while [ ! -e enough ]; do sleep 0.05; done' &
	wait_until test -e reading
	refused 'fuser names it' rekey
	touch enough
	wait $!
	cmp old.key store.key
	check_store
	rekey
}

@test "a key elsewhere, behind a link, and owners stay" {
	sqlite_only 'its key is always elsewhere'
	fill
	mkdir keys
	mv store.key keys/master
	chown -R enrollfs: keys store
	chmod 640 store
	rekey_elsewhere() { tool rekey --master-key "$1" store "$T/$2"; }
	rekey_elsewhere keys/master new.key
	cmp new.key keys/master
	[ "$(stat -c '%a %U' keys/master)" = '600 enrollfs' ]
	[ "$(stat -c '%a %U' store)" = '640 enrollfs' ]
	[ "$(stat -c '%a %U' new.key)" = '600 root' ]
	ln -s keys/master store.key
	rekey "$T/second.key"
	[ -L store.key ]
	cmp second.key keys/master
	# of root's in the user's directory, the new one is the user's: root writes nothing there
	chown root keys/master
	rekey "$T/also.key"
	cmp also.key keys/master
	[ "$(stat -c '%a %U' keys/master)" = '600 enrollfs' ]
	[ "$(stat -c '%a %U' also.key)" = '600 root' ]
	# in root's own, as root
	mkdir safe
	cp keys/master safe/master
	chmod 600 safe/master
	rekey_elsewhere safe/master safe.key
	cmp safe.key safe/master
	[ "$(stat -c '%a %U' safe/master)" = '600 root' ]
	cat safe.key > keys/master
	# as the store's own user
	chmod 777 .
	setpriv --reuid enrollfs --regid "$(id -g enrollfs)" --clear-groups \
		"${ENROLLFS%/*}/rekey.enrollfs" store "$T/keys/third.key"
	cmp keys/third.key keys/master
	tool fsck store
	# a folder that the new key cannot be put into, before anything else
	chown root keys
	refused 'Permission denied' setpriv --reuid enrollfs --regid "$(id -g enrollfs)" --clear-groups \
		"${ENROLLFS%/*}/rekey.enrollfs" store "$T/fourth.key"
	tool fsck store
}

@test "the store has the new key, and its file the old one: everything says so, and another run finishes" {
	fill
	cp -p "$(master_key)" old.key
	rekey
	cp -p old.key "$(master_key)"
	expect_log 'has another master key since rekey.enrollfs ran'
	refused 'has another master key since rekey.enrollfs ran' check_store
	refused "This puts the new one in its place: rekey.enrollfs ${TOOL_OPTIONS[*]}" check_store
	refused "$S $T/new.key" check_store
	refused 'has another master key since rekey.enrollfs ran' "$ENROLLFS" -f "${OF_STORE[@]}" "$S" "$M"
	refused 'has another master key since rekey.enrollfs ran' rekey "$T/third.key"
	rekey
	cmp new.key "$(master_key)"
	check_store
	# and what is restored has only the new one
	start
	is "$K/uses" 1
}

# rekey_killed POINT: kills it at that point's first coming, its second, and so on, until it comes no more.
# The store opens with the old key or says that it wants the new one, and another run finishes.
rekey_killed() {
	local n rc
	for ((n = 1; ; n += ${2-1})); do
		rm -rf store* new.key
		cp -a whole/. .
		rc=0
		as_owner env KILL_AT="$1:$n" LD_PRELOAD="$T/kill_at.so" "${ENROLLFS%/*}/rekey.enrollfs" store new.key 2> said || rc=$?
		[ $rc = 0 ] || [ $rc = 137 ] || { cat said; return 1; }
		if [ $rc = 137 ] && ! cmp -s store.key new.key; then
			run check_store
			[[ $status,$output = 0,* || $output = *'has another master key since'* ]] || { echo "$1:$n: $output"; return 1; }
			echo "$status" >> states
		fi
		as_owner "${ENROLLFS%/*}/rekey.enrollfs" store new.key 2> said || { cat said; return 1; }
		cmp store.key new.key && check_store > /dev/null || return 1
		[ "$(echo store*)" = "store store.key $(echo store.key.old-*) store.lock" ] || { ls; return 1; }
		[ $rc = 137 ] || break
	done
	[ "$n" -gt 1 ]
}

as_owner() { setpriv --reuid enrollfs --regid "$(id -g enrollfs)" --clear-groups "$@"; }

@test "killed anywhere, it leaves the old store with the old key, or says what to do" {
	sqlite_only 'one transaction of a server'
	plain || skip 'the program is not as it is'
	fill
	cc -shared -fPIC -o kill_at.so "$BATS_TEST_DIRNAME/kill_at.c" -ldl
	mkdir whole
	cp -a store store.key store.lock whole/
	chown enrollfs: . whole
	rekey_killed before-commit 3
	rekey_killed after-commit 3
	rekey_killed before-name
	rekey_killed after-name
	rekey_killed within-write 40
	# both were seen
	grep -qx 0 states
	grep -qx 8 states
}
