#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The store that version 0.1.0 left (tests/stores/0.1.0): each later version opens, migrates, checks,
# shows, exports and restores it.

export NO_MOUNT=1
load helper

OLD=$BATS_TEST_DIRNAME/../stores/0.1.0

# Its certificates are valid for a year: the clock says a minute after the last entry of its log.
setup() {
	set_up_mount
	use_clock
	set_clock $(($(date -d 2026-11-27T07:45:48Z +%s) - $(date +%s)))
	install -m 600 "$OLD/store.db" store
	install -m 600 "$OLD/store.db.key" store.key
}

sound() {
	run tool fsck "$1"
	[ "$status" = 0 ] && [[ $output = *sound ]] || { echo "fsck ended with $status: $output" >&2; return 1; }
}

# shows_the_old_tree: all files that are in files.sha256 and modes, as they were; others may be new.
# A later version differs in nothing that is listed there; version, metrics, the log, the tables, the
# export and the lists that are signed anew are not listed.
shows_the_old_tree() {
	(cd "$M" && sha256sum --quiet -c "$OLD/files.sha256")
	(cd "$M" && find . ! -type l -printf '%m %U:%G %p\n') > modes
	grep -vxFf modes "$OLD/modes" > changed || :
	diff /dev/null changed
	cut -f1-13 "$M/tables/keys.tsv" | diff "$OLD/keys.tsv" -
	cut -f1-9 "$M/tables/members.tsv" | diff "$OLD/members.tsv" -
	cmp -n "$(wc -c < "$OLD/log")" "$M/log" "$OLD/log"
	is "$M/domain" corp.example
}

@test "fsck changes nothing; what it needs is said, or the store is sound" {
	sha256sum store store.key > sums
	run tool fsck store
	case $status in
	0) [[ $output = *sound ]] ;;
	8) [[ $output = *'has to be mounted writable once'* ]] ;;
	*) return 1 ;;
	esac
	sha256sum -c sums
	not_restored 'it may have to be mounted writable first'
}

@test "it opens and shows what it showed, also when it is opened again and read-only" {
	start
	shows_the_old_tree
	stop
	sound store
	start -o ro
	shows_the_old_tree
}

@test "its key text enrols, its requests are answered again, its counts go on" {
	start
	K=$M/app_connector/berlin/keys/auto
	G=$M/app_connector/berlin
	is "$K/uses" 3
	[ "$(cat "$K/key")" = "$(cat "$OLD/k.txt")" ]
	# a retry costs nothing
	for m in m2 m5; do
		cp "$G/members/$m/csr.pem" $m.csr
	done
	cmp m5.csr "$OLD/m5.csr"
	enroll "$OLD/k.txt" m2.csr | cmp - "$G/members/m2/fullchain.pem"
	enroll_here m5.csr "$G/keys/manual/enroll" | cmp - "$G/members/m5/fullchain.pem"
	is "$K/uses" 3
	# one that was revoked stays so
	sh_refused 'File exists' "cat $OLD/k.txt $OLD/m1.csr > $M/enroll"
	csr new
	enroll "$OLD/k.txt" new.csr > new.crt
	cmp new.crt "$G/members/new/fullchain.pem"
	is "$K/uses" 4
	csr other
	sh_refused 'Disk quota exceeded' "cat other.csr > $G/keys/spent/enroll"
	sh_refused 'Key has expired' "cat other.csr > $G/keys/old/enroll"
	sh_refused 'Key has been revoked' "cat other.csr > $G/keys/off/enroll"
	# who enrolled then can renew, and be revoked
	csr renewed
	enroll_here renewed.csr "$G/members/m5/renew" > renewed.crt
	cmp renewed.crt "$G/members/m5/fullchain.pem"
	echo superseded > "$G/members/m5/revocation"
	is "$G/members/m5/state" revoked
	serial=$(cat "$G/members/m5/serial")
	openssl crl -in "$M/certs/connector/crl.pem" -noout -text | grep -qi "$serial"
	stop
	sound store
}

@test "its export is restored as it was then, and as the present version exports it" {
	cp -r "$OLD/export" ./then
	expect_log 'its revocation list lacks . that were revoked since'
	start
	rsync -a "$M/export/" now/
	stop
	for copy in "then" now; do
		rm -f store store-wal store-shm
		tool mkfs --from $copy store
		sound store
		start -o ro
		shows_the_old_tree
		stop
	done
}
