#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A name is free once no valid certificate of another member is on it: names that members and groups
# had before are kept. The same store, as the schema of 11 steps left it (tests/stores/step11): what
# it shows, exports and refuses is what it did then.

export NO_MOUNT=1
load helper

OLD=$BATS_TEST_DIRNAME/../stores/step11

setup() {
	set_up_mount
	[ -n "${STORE-}" ] || use_clock
	A=$M/app_connector
}

# a_moment_later: the clock says a minute after the last line of the old log.
a_moment_later() {
	sqlite_only 'the store before is a file'
	set_clock $(($(date -d "$(sed -n '$s/.*"time":"\([^"]*\)".*/\1/p' "$OLD/log")" +%s) + 60 - $(date +%s)))
}

old_store() {
	gzip -dc "$OLD/store.db.gz" > store
	cp "$OLD/store.db.key" store.key
	chmod 600 store store.key
}

taken() {
	for name in "${@:2}"; do
		csr new
		sh_refused 'File exists' "cat new.csr > $A/$1/keys/k/enroll.d/$name.csr"
	done
}

free() {
	for name in "${@:2}"; do
		csr new
		cat new.csr > "$A/$1/keys/k/enroll.d/$name.csr" || { echo "$1/$name is taken" >&2; return 1; }
		[ -d "$A/$1/members/$name" ]
	done
}

group_and_key() {
	mkdir "$A/$1" "$A/$1/keys/k"
	echo max > "$A/$1/keys/k/max_uses"
}

enrolls() {
	for name in "${@:2}"; do
		csr "$name"
		cat "$name.csr" > "$A/$1/keys/k/enroll.d/$name.csr"
	done
}

renews() {
	for _ in $(seq "$2"); do
		csr again
		enroll_here again.csr "$A/$1/renew" > /dev/null
	done
}

# What the names below come from; whoever changes it makes tests/stores/step11 again.
fill() {
	group_and_key berlin
	enrolls berlin m1 m2 m3 m4 m5 m6 m7 m8 m9
	for name in m1 m2 m3 m4 m5 m7; do
		mv "$A/berlin/members/$name" "$A/berlin/members/${name}x"
	done
	mv "$A/berlin/members/m5x" "$A/berlin/members/m5"
	echo superseded > "$A/berlin/members/m2x/revocation"
	renews berlin/members/m3x 2
	renews berlin/members/m4x 1
	renews berlin/members/m9 3
	rmdir "$A/berlin/members/m6" "$A/berlin/members/m7x"
	mv "$A/berlin/members/m8" "$A/berlin/members/m4"
	# groups that have left their names, to others
	group_and_key oslo
	enrolls oslo a m
	mv "$A/oslo" "$A/bergen"
	mv "$A/bergen/members/m" "$A/bergen/members/mx"
	group_and_key oslo
	enrolls oslo z
	group_and_key first
	enrolls first r
	mv "$A/first" "$A/second"
	renews second/members/r 2
	group_and_key first
	group_and_key gone
	enrolls gone t
	rmdir "$A/gone/members/t" "$A/gone/keys/k" "$A/gone"
	group_and_key gone
}

names_are_kept() {
	taken berlin m1 m1x m2x m3x m4 m4x m5 m9
	# m3's certificate is superseded, m2's and m7's are revoked, on m5x there was none
	free berlin m2 m3 m5x m6 m7 m7x m8x
	# m8 is called m4 now, and a certificate of m4x is on that
	csr again
	sh_refused 'File exists' "cat again.csr > $A/berlin/members/m4/renew"
	taken berlin m8
	taken oslo a m z
	free oslo mx
	taken bergen a mx
	free bergen m z
	# all certificates on first/r and gone/t are revoked
	free first r
	free gone t
	taken second r
}

sound() {
	run check_store
	[ "$status" = 0 ] || { echo "fsck ended with $status: $output" >&2; return 1; }
}

@test "names that certificates are on are taken, in a new store and in one that was restored" {
	start
	fill
	rsync -a "$M/export/" copy/
	stop
	sound
	start
	names_are_kept
	stop
	sound
	restore_store copy
	sound
	start
	names_are_kept
	stop
	sound
}

@test "a name is free when the certificate on it has expired, also of members that are deleted" {
	sqlite_only "the server's clock counts, which cannot be set here"
	start
	group_and_key berlin
	echo 1 > "$M/certs/connector/validity_days"
	enrolls berlin m1 m2
	mv "$A/berlin/members/m1" "$A/berlin/members/m1x"
	mv "$A/berlin" "$A/other"
	group_and_key berlin
	taken berlin m1 m2
	taken other m2 m1x
	set_clock 90000
	free other m1
	# nothing is revoked any more: the clock decides alone
	rmdir "$A/other/members/m2"
	taken other m1 m1x
	set_clock 0
	taken berlin m1 m2
	taken other m1x
	rmdir "$A/other/members/"* "$A/other/keys/k" "$A/other"
	rsync -a "$M/export/" copy/
	group_and_key other
	taken berlin m2
	set_clock 90000
	free berlin m1 m2
	stop
	not_restored 'its export is restored below'
	sound
	restore_store copy
	set_clock 0
	start
	taken berlin m2
	set_clock 90000
	free berlin m2
}

# says_as_much NEW OLD: an exported file has what it had, beside what later versions add.
says_as_much() {
	/usr/bin/python3 - "$@" <<-'PY'
	import json, sys
	new, old = (json.load(open(path, encoding='utf-8')) for path in sys.argv[1:])
	for name, value in old.items():
	    assert name == 'mac' or new[name] == value, (name, value, new[name])
	PY
}

@test "a store of the schema before shows, exports and refuses what it did" {
	a_moment_later
	old_store
	start
	(cd "$M" && sha256sum --quiet -c "$OLD/files.sha256")
	diff "$M/tables/keys.tsv" "$OLD/keys.tsv"
	diff "$M/tables/members.tsv" "$OLD/members.tsv"
	cmp -n "$(wc -c < "$OLD/log")" "$M/log" "$OLD/log"
	# all files but the store's own, and the trail up to where it ended
	(cd "$OLD/export" && find . -type f -name '*.json' ! -name store.json) > objects
	[ "$(wc -l < objects)" -gt 10 ]
	while read -r file; do
		says_as_much "$M/export/$file" "$OLD/export/$file"
	done < objects
	for file in "$OLD/export/trail/"*; do
		cmp -n "$(wc -c < "$file")" "$file" "$M/export/trail/${file##*/}"
	done
	rsync -a "$M/export/" copy/
	names_are_kept
	stop
	sound
	cp -r "$OLD/export" earlier
	for from in copy earlier; do
		restore_store $from
		sound
		start
		(cd "$M" && sha256sum --quiet -c "$OLD/files.sha256")
		names_are_kept
		stop
		sound
	done
}
