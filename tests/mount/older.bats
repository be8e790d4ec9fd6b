#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# store.json names the newest record of the trail: a copy that has lost records since is known.

load helper

TRAIL=copy/trail/00000001.jsonl

# mark [FILE]: how many records it names.
mark() { sed 's/.*"records":\([0-9]*\),.*/\1/' "${1-copy/store.json}"; }

# take_away: stops, and leaves a copy of the store as `whole` and its master key in keep/.
take_away() {
	rsync -a "$M/export/" whole/
	stop
	mkdir -p keep
	mv store.key keep/
	rm -f store store-wal store-shm store.lock
}

# again [COMMAND]: copy/ is the whole one, changed by the command.
again() {
	rm -rf copy store store-*
	cp -a whole copy
	cp -p keep/store.key .
	bash -e -c "$1"
}

@test "store.json stands first, and names the newest record and its hash" {
	[ "$(ls -U "$M/export" | head -n 1)" = store.json ]
	[ "$(ls -U "$M/export/app_connector/berlin" | head -n 1)" = group.json ]
	[ "$(tar -C "$M/export" -c . | tar -t | grep -v '/$' | head -n 1)" = ./store.json ]
	for i in 1 2 3; do
		echo "$i" > "$K/max_uses"
		[ "$(mark "$M/export/store.json")" = "$(wc -l < "$M/export/trail/00000001.jsonl")" ]
		grep -q "\"log_head\":\"$(cat "$M/log.head")\"" "$M/export/store.json"
	done
	[ "$(stat -c %s "$M/export/store.json")" = "$(cat "$M/export/store.json" | wc -c)" ]
}

@test "a copy that ends at a record's boundary is refused, with how many are missing" {
	csr web1
	enroll_here web1.csr > /dev/null
	echo keyCompromise > "$G/members/web1/revocation"
	take_away
	for n in 1 2 3; do
		again "head -n -$n whole/trail/00000001.jsonl > $TRAIL"
		refused "$n of the $(mark) records that store.json names are missing" tool mkfs --from copy store
		[[ $output == *--accept-older* ]]
		not [ -e store ]
		tool mkfs --from copy --accept-older store 2> said
		grep -q "warning: .*$n of the $(mark) records that store.json names are missing" said
		tool fsck store
	done
	# the line that revoked it is among them
	again "head -n -3 whole/trail/00000001.jsonl > $TRAIL"
	tool mkfs --from copy --accept-older store
	start
	is "$G/members/web1/state" active
	stop
	# nothing is missing
	again :
	tool mkfs --from copy store
	start
	is "$G/members/web1/state" revoked
}

@test "a whole segment that is missing is missed, too" {
	for i in $(seq 520); do echo "$i" > "$K/description"; done
	take_away
	[ "$(ls whole/trail | wc -l)" = 2 ]
	again "rm copy/trail/00000002.jsonl"
	refused "$(($(mark) - 1000)) of the $(mark) records that store.json names are missing" tool mkfs --from copy store
}

@test "a trail that is longer than store.json says, also where its last record is torn" {
	rsync -a "$M/export/" first/
	csr web1
	enroll_here web1.csr > /dev/null
	take_away
	again 'cp -p first/store.json copy/'
	[ "$(mark)" -lt "$(wc -l < "$TRAIL")" ]
	tool mkfs --from copy store
	tool fsck store
	# the last record, torn: store.json is older than it
	again "cp -p first/store.json copy/; truncate -s -9 $TRAIL"
	tool mkfs --from copy store 2> said
	grep -q 'its last record is torn, and left out' said
	tool fsck store
}

@test "the record that store.json names has to be the one of its number" {
	echo 5 > "$K/max_uses"
	rsync -a "$M/export/" old/
	echo 6 > "$K/max_uses"
	echo 7 > "$K/max_uses"
	take_away
	# an older copy is restored, and the store goes another way
	cp -p keep/store.key .
	tool mkfs --from old store
	start
	for i in 1 2 3 4 5 6 7; do echo "$i" > "$K/description"; done
	rsync -a "$M/export/" other/
	stop
	again 'rm -r copy/trail; cp -a other/trail copy/'
	for option in '' --accept-older; do
		refused 'is not the one that store.json names' tool mkfs --from copy $option store
		not [ -e store ]
	done
	again 'cp -p other/store.json copy/'
	refused 'records that store.json names are missing' tool mkfs --from copy store
}

@test "mkfs --log-head wants a line of the copy's trail to have this hash" {
	echo 5 > "$K/max_uses"
	cat "$M/log.head" > known
	echo 6 > "$K/max_uses"
	cat "$M/log.head" > newest
	take_away
	again :
	tool mkfs --from copy --log-head "$(cat newest)" store
	again :
	tool mkfs --from copy --log-head "$(cat known)" store
	again :
	refused 'no line has the hash 0123' tool mkfs --from copy --log-head "$(printf '0123456789abcdef%.0s' 1 2 3 4)" store
	not [ -e store ]
	again "head -n -2 whole/trail/00000001.jsonl > $TRAIL"
	refused "no line has the hash $(cat newest)" tool mkfs --from copy --accept-older --log-head "$(cat newest)" store
	for options in '--log-head 12 --from copy' "--log-head $(cat known)" --accept-older; do
		run tool mkfs $options new
		[ "$status" = 2 ]
	done
}

@test "store.json changes with every commit, its size and second too, and rsync sees each" {
	rsync -a "$M/export/" copy/
	for i in $(seq 20); do
		echo "$i" > "$K/description"
		[ "$(rsync -ai "$M/export/" copy/ | grep -c 'store.json$')" = 1 ]
		cmp "$M/export/store.json" copy/store.json
		[ "$(rsync -ai "$M/export/" copy/ | wc -l)" = 0 ]
	done
	stop
	start -o ro
	[ "$(rsync -ai "$M/export/" copy/ | grep -c 'store.json$')" = 1 ]
	stop
	start -o ro
	[ "$(rsync -ai "$M/export/" copy/ | wc -l)" = 0 ]
}

@test "fstat tells the length that is read, whatever is committed between" {
	python3 - "$M/export/store.json" "$K/description" <<-'PY'
		import os, sys
		for i in range(40):
		    fd = os.open(sys.argv[1], os.O_RDONLY)
		    open(sys.argv[2], 'w').write(f'{i}\n')
		    size = os.fstat(fd).st_size
		    assert len(os.read(fd, 1 << 20)) == size, i
		    os.close(fd)
	PY
}

@test "copies taken by tar and cp while machines enroll restore" {
	echo max > "$K/max_uses"
	seq 1 40 | xargs -P 2 -I{} openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout c{}.pem -subj /CN=c{} -out c{}.csr 2> /dev/null
	(for i in $(seq 40); do cat c$i.csr > "$K/enroll"; done) 3>&- &
	pid=$!
	wait_until [ -e "$G/members/c1" ]
	n=0
	while kill -0 $pid 2> /dev/null; do
		n=$((n + 1))
		cp -a "$M/export" c$n
		tar -C "$M/export" -c . | (mkdir t$n && tar -C t$n -x)
	done
	wait $pid
	stop
	mkdir keep
	mv store.key keep/
	for d in c1 t1 "c$n" "t$n"; do
		rm -rf store store-*
		cp -p keep/store.key .
		tool mkfs --from $d store
		tool fsck store
	done
}
