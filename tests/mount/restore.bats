#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mkfs.enrollfs --from: a copy of export/ becomes the store that it was taken of.

load helper

csrs() {
	seq "$1" "$2" | xargs -P 4 -I{} openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout c{}.pem -subj /CN=c{} -out c{}.csr 2> /dev/null
}

# Something of everything, in both kinds.
fill() {
	expect_log "its revocation list lacks . that were revoked since"
	E=$M/service_edge/eu
	echo 7 > "$K/max_uses"
	mkdir "$G/keys/unlimited" "$G/keys/exhausted" "$G/keys/off" "$G/keys/old" "$G/keys/sealed" \
		"$G/keys/before" "$G/keys/gone" "$E" "$E/keys/k" "$M/app_connector/gone" "$M/service_edge/before" \
		"$M/certs/own" "$M/certs/waits" "$M/certs/gone" "$M/certs/below"
	echo self > "$M/certs/own/issuer"
	echo root > "$M/certs/gone/issuer"
	printf ec-p384 > "$M/certs/below/algorithm"
	echo own > "$M/certs/below/issuer"
	echo 'CN=Waits,O=Example' > "$M/certs/waits/subject"
	rmdir "$M/certs/gone" "$M/app_connector/gone"
	mv "$M/service_edge/before" "$M/service_edge/after"
	echo below > "$E/keys/k/signing_cert"
	echo max > "$G/keys/unlimited/max_uses"
	echo max > "$E/keys/k/max_uses"
	printf 3 > "$G/keys/gone/max_uses"
	for m in web1 web2 web3 web4; do
		csr $m
		enroll_here $m.csr > $m.crt
	done
	for k in exhausted old sealed gone off; do
		csr $k
		enroll_here $k.csr "$G/keys/$k/enroll" > $k.crt
	done
	for m in edge1 edge2; do
		csr $m
		enroll_here $m.csr "$E/keys/k/enroll" > $m.crt
	done
	for i in a b c; do
		csr renewed$i
		enroll_here renewed$i.csr "$G/members/web1/renew" > renewed$i.crt
	done
	cat "$K/key" > auto.key
	sh_refused "Disk quota exceeded" "cat $G/keys/sealed/key"
	echo 2 > "$G/keys/sealed/max_uses"
	cat "$G/keys/sealed/key" > sealed.key
	echo 0 > "$G/keys/sealed/exportable"
	echo 0 > "$G/keys/off/enabled"
	echo 1970-01-01T00:00:01Z > "$G/keys/old/expires"
	rmdir "$G/keys/gone"
	mv "$G/keys/before" "$G/keys/after"
	echo keyCompromise > "$G/members/web2/revocation"
	rmdir "$G/members/web3"
	mv "$G/members/web4" "$G/members/renamed"
	printf 'Ümläut "x" \\ y' > "$G/members/renamed/description"
	chown -R 65534 "$G/members/renamed"
	chmod 600 "$K/max_uses" "$M/log"
	chown 7:8 "$M/certs" "$M/certs/own" "$G/members/web1/description" "$M/domain"
	chmod 750 "$E"
	echo 1 > "$M/certs/own/managed"
	cat "$M"/certs/*/crl.der > /dev/null
	for c in root connector own; do
		openssl crl -inform DER -in "$M/certs/$c/crl.der" -noout -crlnumber > "$c.number"
	done
}

# back_up: what is on the mount goes to copy/, what it looks like to was, and the store is destroyed.
back_up() {
	rsync -a --delete "$M/export/" copy/
	stop
	start -o ro
	rsync -a --delete "$M/export/" copy/
	look > was
	stop
	destroy
}

destroy() {
	mkdir -p keep
	mv store.key keep/
	rm -f store store-shm store.lock
	# what a crash may leave beside a store that is lost
	head -c 70000 /dev/urandom > store-wal
}

# restore [OPTION...]: makes it again.
restore() {
	cp -p keep/store.key .
	tool mkfs --from copy "$@" store
}

@test "the restored store is the one that was lost" {
	fill
	back_up
	restore
	tool fsck store
	start -o ro
	look | diff was -
	diff -r copy "$M/export"
	# and the next backup goes on with the same copy
	[ "$(rsync -ai "$M/export/" copy/ | grep -c '^>f')" = 0 ]
	stop
	start
	# keys enrol, a retry is free, the exhausted one stays so
	csr new
	enroll auto.key new.csr > new.crt
	verifies new.crt
	is "$K/uses" 5
	enroll auto.key web4.csr | cmp - web4.crt
	enroll auto.key new.csr | cmp - new.crt
	is "$K/uses" 5
	csr new2
	enroll sealed.key new2.csr > /dev/null
	csr new3
	sh_refused 'Disk quota exceeded' "cat new3.csr > $G/keys/exhausted/enroll"
	sh_refused 'Key has expired' "cat new3.csr > $G/keys/old/enroll"
	sh_refused 'Key has been revoked' "cat new3.csr > $G/keys/off/enroll"
	sh_refused 'File exists' "cat web2.csr > $K/enroll"
	[ "$(cat "$K/key")" = "$(cat auto.key)" ]
	# what was issued before is renewed and revoked
	csr again
	enroll_here again.csr "$G/members/renamed/renew" > again.crt
	echo superseded > "$G/members/renamed/revocation"
	# the lists: later numbers, and all that was revoked is on them
	for c in root connector own; do
		openssl crl -inform DER -in "$M/certs/$c/crl.der" -noout -crlnumber > now
		[ $(($(sed 's/.*=//' now))) -gt $(($(sed 's/.*=//' $c.number))) ]
	done
	cat "$M/certs/connector/crl.pem" "$M/certs/root/cert.pem" > trust.pem
	for c in web1.crt web2.crt web3.crt reneweda.crt web4.crt again.crt; do
		[ -s $c ]
		not openssl verify -crl_check -CAfile trust.pem -untrusted $c $c
	done
	openssl verify -crl_check -CAfile trust.pem -untrusted new.crt new.crt
	# nothing gets an id that was given before
	mkdir "$G/keys/later"
	[ "$(cat "$G/keys/later/id")" -gt "$(cat "$G/keys/after/id")" ]
	stop
	tool fsck store
}

@test "a store that was restored is exported and restored again" {
	fill
	back_up
	restore
	start
	csr more
	enroll auto.key more.csr > more.crt
	mv "$G/members/more" "$G/members/most"
	rm -r copy
	back_up
	restore
	start -o ro
	look | diff was -
	diff -r copy "$M/export"
}

# spoil TEXT SCRIPT: after that change of the copy it is refused, and the message has the text.
spoil() {
	rm -rf copy
	cp -a whole copy
	bash -e -c "cd copy; $2"
	cp -p keep/store.key .
	run tool mkfs --from copy store
	if [ "$status" != 1 ] || [[ $output != *"$1"* ]]; then
		echo "after '$2' it ended with $status and said: $output" >&2
		return 1
	fi
	[ -z "$(ls | grep -E '^store($|\.r)')" ]
}

@test "what is damaged, edited, cut off, incomplete, mixed up or of another store is named" {
	fill
	for i in $(seq 500); do echo $i > "$G/keys/unlimited/description"; done
	back_up
	mv copy whole
	ls whole/trail > segments
	[ "$(wc -l < segments)" = 2 ]
	# another store, with a master key of its own
	tool mkfs --domain corp.example other
	mkdir o
	"$ENROLLFS" other o 3>&-
	wait_until mountpoint -q o
	rsync -a o/export/ foreign/
	umount o
	key=app_connector/berlin/keys/auto.json
	spoil "$key is damaged or was edited" "sed -i 's/\"max_uses\":7/\"max_uses\":9/' $key"
	spoil "$key is cut off" "truncate -s 100 $key"
	spoil "$key is cut off" "truncate -s -1 $key"
	spoil "$key is cut off" ": > $key"
	spoil "$key is missing" "rm $key"
	spoil 'certs/root.json is missing' 'rm certs/root.json'
	spoil 'app_connector/berlin/group.json is missing' 'rm app_connector/berlin/group.json'
	spoil 'app_connector/berlin/keys/auto.json is the copy of another file' "cp app_connector/berlin/keys/off.json $key"
	spoil 'certs/root.json is of another store' 'cp ../foreign/certs/root.json certs/'
	spoil 'trail/00000002.jsonl is wrong in line 1: the record is of another store' 'cp ../foreign/trail/00000001.jsonl trail/00000002.jsonl'
	spoil 'made with another master key' 'rm -r *; cp -a ../foreign/. .'
	spoil 'store.json is missing' 'rm store.json'
	spoil 'store.json is cut off' 'truncate -s 70 store.json'
	spoil 'store.json is damaged' "sed -i 's/corp.example/evil.example/' store.json"
	spoil 'made by a later version' "sed -i 's/format\":1/format\":2/' store.json"
	spoil 'trail/00000001.jsonl is missing' 'rm trail/00000001.jsonl'
	spoil 'trail/00000001.jsonl is missing' 'rm -r trail'
	spoil 'trail/00000001.jsonl is cut off' "sed -i '\$d' trail/00000001.jsonl"
	spoil 'trail/00000001.jsonl is cut off' 'truncate -s -9 trail/00000001.jsonl'
	spoil 'trail/00000001.jsonl is wrong in line 1: the record is the copy of another file' 'cp trail/00000002.jsonl trail/00000001.jsonl'
	spoil 'trail/00000001.jsonl is wrong in line 3: the record is not the one that belongs here' 'sed -i 3d trail/00000001.jsonl'
	spoil 'trail/00000001.jsonl is wrong in line 5: the record is not the one that belongs here' 'sed -i "4{p;}" trail/00000001.jsonl'
	spoil 'trail/00000002.jsonl is wrong in line 2: the record is damaged or was edited' "sed -i '2s/\"at\":1/\"at\":2/' trail/00000002.jsonl"
	spoil 'trail/00000002.jsonl is wrong in line 1: the record is cut off' 'echo >> trail/00000002.jsonl; sed -i 1s/.*/x/ trail/00000002.jsonl'
	spoil 'notes.txt is not of an export' 'echo hello > notes.txt'
	spoil 'certs/link.json is no regular file' 'ln -s root.json certs/link.json'
	spoil 'trail/00000002.jsonl is cut off' 'cp trail/00000002.jsonl trail/00000003.jsonl'
	# the master key: missing, another, open to others
	rm -rf copy
	cp -a whole copy
	rm store.key
	refused 'missing' tool mkfs --from copy store
	cp other.key store.key
	refused 'made with another master key' tool mkfs --from copy store
	cp keep/store.key store.key
	chmod 640 store.key
	refused 'chmod 600' tool mkfs --from copy store
	chmod 600 store.key
	refused 'its domain is corp.example and cannot be changed to other.example' tool mkfs --domain other.example --from copy store
	refused 'nowhere/store.json is missing' tool mkfs --from nowhere store
	refused 'Not a directory' tool mkfs --from store.key store
	not [ -e store ]
	echo mine > store
	refused 'File exists' tool mkfs --from copy store
	is store mine
	rm store
	# nothing was wrong but what was spoiled
	tool mkfs --from copy store
	tool fsck store
	run tool mkfs --skip-missing new
	[ "$status" = 2 ]
}

@test "a torn last record is left out, and what rsync did not finish" {
	fill
	back_up
	truncate -s -9 copy/trail/00000001.jsonl
	cp copy/store.json copy/.store.json.Xy1234
	mkdir copy/.~tmp~
	restore > said 2>&1
	grep -q 'its last record is torn, and left out' said
	tool fsck store
	start -o ro
	# one record less, and the rest as it was
	[ "$(wc -l < "$M/export/trail/00000001.jsonl")" = "$(wc -l < copy/trail/00000001.jsonl)" ]
	head -n "$(wc -l < copy/trail/00000001.jsonl)" copy/trail/00000001.jsonl | cmp - "$M/export/trail/00000001.jsonl"
}

@test "a copy to which nothing was ever deleted restores the same" {
	rsync -a "$M/export/" kept/
	mkdir "$G/keys/k1" "$G/keys/k2"
	csr web1
	enroll_here web1.csr "$G/keys/k1/enroll" > /dev/null
	rsync -a "$M/export/" kept/
	mv "$G/keys/k1" "$G/keys/k3"
	mv "$G/keys/k2" "$G/keys/k1"
	rmdir "$G/keys/auto"
	mkdir "$M/certs/x"
	rsync -a "$M/export/" kept/
	rmdir "$M/certs/x"
	mv "$G" "$M/app_connector/hamburg"
	rsync -a "$M/export/" kept/
	mkdir "$M/app_connector/berlin" "$M/app_connector/berlin/keys/k2"
	echo 1 > "$M/app_connector/hamburg/keys/k3/max_uses"
	rsync -a "$M/export/" kept/
	back_up
	[ "$(find kept -name '*.json' | wc -l)" -gt "$(find copy -name '*.json' | wc -l)" ]
	cp keep/store.key .
	rsync -a copy/trail kept/
	tool mkfs --from kept store
	tool fsck store
	start -o ro
	look | diff was -
	diff -r copy "$M/export"
}

@test "files that are older or newer than the trail: the newer says it" {
	csrs 1 6
	echo 10 > "$K/max_uses"
	mkdir "$G/keys/k2"
	cat c1.csr > "$K/enroll"
	rsync -a "$M/export/" old/
	cat c2.csr > "$K/enroll"
	cat c3.csr > "$K/enroll"
	echo 0 > "$G/keys/k2/enabled"
	cat "$G/keys/k2/key" > k2.key || :
	echo 0 > "$K/exportable"
	chown 5 "$K/max_uses"
	back_up
	mv copy new
	# old files, new trail
	cp -a old copy
	rm -r copy/trail
	cp -a new/trail copy/
	restore
	tool fsck store
	start -o ro
	look | diff was -
	stop
	# new files, old trail: two certificates are not there, and their uses stay counted
	rm -rf copy store store-*
	cp -a new copy
	rm -r copy/trail
	cp -a old/trail copy/
	cp keep/store.key .
	refused 'records that store.json names are missing' tool mkfs --from copy store
	restore --accept-older > said 2>&1
	grep -q 'app_connector/berlin/keys/auto.json has counted 2 certificates that .*/copy/trail has not' said
	tool fsck store
	start
	is "$K/uses" 3
	is "$G/keys/k2/enabled" 0
	[ "$(ls "$G/members")" = c1 ]
	cat c4.csr > "$K/enroll"
	is "$K/uses" 4
	rm -r copy
	back_up
	restore
	tool fsck store
	start -o ro
	look | diff was -
}

@test "what was made while the copy was taken has no file: with --skip-missing it is deleted" {
	mkdir "$G/keys/late" "$M/certs/late"
	csr web1
	enroll_here web1.csr "$G/keys/late/enroll" > web1.crt
	back_up
	rm copy/app_connector/berlin/keys/late.json copy/certs/late.json
	cp keep/store.key .
	refused 'keys/late.json is missing: made or renamed while the copy was taken? --skip-missing' tool mkfs --from copy store
	refused 'certs/late.json is missing' tool mkfs --from copy store
	restore --skip-missing
	tool fsck store
	start
	[ "$(ls "$G/keys")" = auto ]
	not [ -e "$M/certs/late" ]
	is "$G/members/web1/state" active
	tail -n 20 "$M/log" | grep -q '"comm":"mkfs.enrollfs","action":"rmdir","object":"app_connector/berlin/keys/late"'
	# but not what others need
	stop
	rm -rf copy store store-*
	start
	rsync -a "$M/export/" copy/
	stop
	destroy
	rm copy/certs/root.json
	cp keep/store.key .
	refused 'certs/root cannot be left out' tool mkfs --from copy --skip-missing store
	not [ -e store ]
}

@test "what was changed while the copy was taken, in any order" {
	# certificates that were made on one another, a managed key, another key under a name
	mkdir "$G/keys/k" "$M/certs/w"
	csr web1
	rsync -a "$M/export/" copy/
	mkdir "$M/certs/n1" "$M/certs/n2" "$G/keys/n" "$G/keys/managed"
	echo root > "$M/certs/n1/issuer"
	echo n1 > "$M/certs/n2/issuer"
	echo n1 > "$G/keys/n/signing_cert"
	echo 1 > "$G/keys/managed/managed"
	rmdir "$G/keys/k"
	mkdir "$G/keys/k"
	enroll_here web1.csr "$G/keys/k/enroll" > /dev/null
	# it has another key pair than its file
	echo ec-p384 > "$M/certs/w/algorithm"
	rsync -a "$M/export/trail/" copy/trail/
	stop
	destroy
	cp keep/store.key .
	refused 'certs/w.json is missing' tool mkfs --from copy store
	refused 'keys/managed.json is missing' tool mkfs --from copy store
	restore --skip-missing
	tool fsck store
	start
	[ "$(ls "$M/certs" | tr '\n' ' ')" = 'connector root service_edge ' ]
	[ "$(ls "$G/keys")" = auto ]
	is "$G/members/web1/state" active
}

@test "a copy whose trail ends within what happened at once" {
	for m in web1 web2; do
		csr $m
		echo +1 > "$K/max_uses"
		enroll_here $m.csr > /dev/null
	done
	for i in a b c; do
		csr $i
		enroll_here $i.csr "$G/members/web1/renew" > /dev/null
	done
	echo superseded > "$G/members/web2/revocation"
	rmdir "$G/members/web2"
	mkdir "$M/service_edge/x" "$M/certs/y"
	stop
	start -o ro
	rsync -a "$M/export/" whole/
	stop
	destroy
	last=$(wc -l < whole/trail/00000001.jsonl)
	for n in $(seq $((last - 30)) "$last"); do
		rm -rf copy
		cp -a whole copy
		head -n "$n" whole/trail/00000001.jsonl > copy/trail/00000001.jsonl
		restore --accept-older
		tool fsck store
		rm store
	done
}

@test "the folder may end in a slash or be a link, and a name may have had two members" {
	csr web1
	csr again web1
	echo 2 > "$K/max_uses"
	enroll_here web1.csr > /dev/null
	rmdir "$G/members/web1"
	enroll_here again.csr > /dev/null
	back_up
	ln -s copy latest
	for d in copy/ ./copy// latest latest/ "$PWD/copy"; do
		cp -p keep/store.key .
		tool mkfs --from "$d" store
		tool fsck store
		rm store
	done
	rm copy/store.json
	mkfifo copy/store.json
	refused 'store.json is no regular file' timeout 10 "${ENROLLFS%/*}/mkfs.enrollfs" --from copy store
	# what comes to its place meanwhile stays
	mkdir store.restoring
	refused 'store.restoring: cannot be removed' tool mkfs --from copy store
}

@test "a bar is shown on a terminal, and nothing else" {
	needs terminals
	fill
	back_up
	cp keep/store.key .
	lent copy
	script -qec "'${ENROLLFS%/*}/mkfs.enrollfs' --from copy store" /dev/null < /dev/null > screen 3>&-
	grep -q '#####.* 100 %' screen
	rm store
	tool mkfs --from copy store > said 2>&1
	[ "$(grep -vc CAP_DAC_READ_SEARCH said)" = 1 ]
	grep -q "notice: restored what was recorded up to 20.*: $(wc -l < copy/trail/00000001.jsonl) records" said
}

@test "a copy taken while 8 clients enrol, and of a daemon that was killed, restores to a sound store" {
	csrs 1 240
	echo max > "$K/max_uses"
	mkdir "$M/service_edge/eu" "$M/service_edge/eu/keys/k"
	echo max > "$M/service_edge/eu/keys/k/max_uses"
	cat "$K/key" > k1
	cat "$M/service_edge/eu/keys/k/key" > k2
	pids=()
	for c in 0 1 2 3 4 5 6 7; do
		(for i in $(seq 30); do
			n=$((c * 30 + i))
			bash -c '{ cat "$1" "$2" >&3 && cat <&3; } 3<> "$3"' - k$((n % 2 + 1)) c$n.csr "$M/enroll" > c$n.crt 2> /dev/null || exit 0
		done) 3>&- &
		pids+=($!)
	done
	wait_until [ -s c20.crt ]
	for i in 1 2 3; do
		rsync -a "$M/export/" copy/
		rm -rf copies/$i
		mkdir -p copies
		cp -a copy copies/$i
	done
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait "${pids[@]}" || :
	wait_until not mountpoint -q "$M"
	# what was answered before the kill is in the store, and in its export
	start
	rsync -a "$M/export/" copy/
	for f in c*.crt; do
		[ "$(grep -c 'END CERTIFICATE' $f)" = 3 ] || continue
		openssl x509 -in $f -noout -serial | sed 's/serial=//'
	done | sort > answered
	stop
	destroy
	for d in copies/1 copies/2 copies/3 copy; do
		cp -p keep/store.key .
		tool mkfs --from $d store
		tool fsck store
		rm -f store
	done
	restore
	start
	cut -f5 "$M/tables/members.tsv" | tail -n +2 | tr a-f A-F | sort > there
	[ "$(wc -l < answered)" -gt 0 ]
	[ -z "$(comm -23 answered there)" ]
	# who had no answer asks again; each machine has one certificate
	for i in $(seq 240); do enroll k$((i % 2 + 1)) c$i.csr > c$i.crt; done
	[ "$(($(cat "$K/uses") + $(cat "$M/service_edge/eu/keys/k/uses")))" = 240 ]
}

@test "1,000 members of both kinds, copied while machines enrol, destroyed and restored" {
	not_restored 'the test does it itself, and it takes long'
	local many=250 # for each client; sanitizers have seen all of it after fewer
	plain || many=50
	fill
	for k in "$G/keys/unlimited" "$E/keys/k"; do cat $k/key > ${k##*/}.key; done
	csrs 1 $((4 * many + 10))
	pids=()
	for c in 0 1 2 3; do
		(for i in $(seq $many); do
			n=$((c * many + i))
			bash -c '{ cat "$1" "$2" >&3 && cat <&3; } 3<> "$3"' - \
				"$([ $((n % 2)) = 0 ] && echo unlimited || echo k).key" c$n.csr "$M/enroll" > c$n.crt || exit 1
		done) 3>&- &
		pids+=($!)
	done
	wait_until [ -s c100.crt ]
	while kill -0 "${pids[@]}" 2> /dev/null; do rsync -a "$M/export/" copy/; done
	wait "${pids[@]}"
	[ "$(wc -l < "$M/tables/members.tsv")" -gt $((4 * many)) ]
	cat "$M/log.head" > ./head
	back_up
	restore
	tool fsck --log-head "$(cat head)" store
	start -o ro
	look | diff was -
	diff -r copy "$M/export"
	stop
	start
	for n in 1 $many $((2 * many + 1)) $((4 * many)); do
		openssl verify -CAfile <(cat "$M"/certs/{root,own}/cert.pem) -untrusted c$n.crt c$n.crt
		enroll "$([ $((n % 2)) = 0 ] && echo unlimited || echo k).key" c$n.csr | cmp - c$n.crt
	done
	before=$(cat "$E/keys/k/uses")
	enroll k.key "c$((4 * many + 1)).csr" > /dev/null
	is "$E/keys/k/uses" $((before + 1))
	# the next backup copies the key's file, the store's and the last segment, or, once it is full,
	# two
	rsync -ai "$M/export/" copy/ > moved
	enroll k.key "c$((4 * many + 3)).csr" > /dev/null
	rsync -ai "$M/export/" copy/ | sed -n 's/^>f[^ ]* //p' > moved
	grep -qx service_edge/eu/keys/k.json moved
	[ "$(grep -c '^trail/' moved)" -ge 1 ]
	[ "$(grep -c '^trail/' moved)" -le 2 ]
	not grep -v -e '^service_edge/eu/keys/k.json$' -e '^store.json$' -e '^trail/' moved
}
