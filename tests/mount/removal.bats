#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Recursive removal, from the leaves up, by whatever does it.

load helper

# A group with two keys and two members, as G.
full_group() {
	mkdir "$M/app_connector/$1"
	G=$M/app_connector/$1
	mkdir "$G/keys/a" "$G/keys/b"
	echo max > "$G/keys/a/max_uses"
	for n in m1 m2; do
		csr "$1-$n" $n
		enroll_here "$1-$n.csr" "$G/keys/a/enroll" > /dev/null
	done
}

@test "every way of removing a tree removes a key, and a group with keys and members" {
	ways=0
	while read -r how; do
		ways=$((ways + 1))
		full_group "g$ways"
		D=$G/keys/b bash -c "$how"
		[ ! -e "$G/keys/b" ]
		[ -d "$G/keys/a" ]
		D=$G bash -c "$how"
		[ ! -e "$G" ] || { echo "left by: $how"; return 1; }
		echo "removed by: $how"
	done <<'TXT'
rm -r "$D"
rm -rf "$D"
busybox rm -r "$D"
busybox rm -rf "$D"
find "$D" -delete
find "$D" -depth -exec rm -d {} +
python3 -c 'import os, shutil; shutil.rmtree(os.environ["D"])'
perl -e 'use File::Path "remove_tree"; remove_tree($ENV{D}, {error => \my $e}); exit @$e'
TXT
	[ "$ways" = 8 ]
	# the members' certificates are revoked, and stay in the store
	stop
	[ "$(sql 'SELECT count(*), count(revoked) FROM issued')" = "16|16" ]
	[ "$(sql "SELECT DISTINCT reason FROM issued")" = cessationOfOperation ]
}

@test "a certificate goes with rm -r, unless something depends on it" {
	refused 'Device or resource busy' rm -r "$M/certs/connector"
	ls "$M/certs/connector" | grep -x enabled
	is "$M/certs/connector/state" active
	refused 'Device or resource busy' rm "$M/certs/root/enabled"
	[ -e "$M/certs/root/enabled" ]
	rm -r "$M/certs/service_edge"
	[ ! -e "$M/certs/service_edge" ]
}

@test "what is unlinked alone comes back with its value" {
	echo 7 > "$K/max_uses"
	rm "$K/max_uses"
	[ ! -e "$K/max_uses" ]
	not grep -x max_uses <(ls "$K")
	back() { [ -e "$K/max_uses" ]; }
	wait_until back
	is "$K/max_uses" 7
	rm "$K/key" "$K/enroll"
	[ ! -L "$K/key" ]
	again() { [ -L "$K/key" ] && [ -e "$K/enroll" ]; }
	wait_until again
	cat "$K/key" > /dev/null
}

@test "what is made again is back at once" {
	echo 7 > "$K/max_uses"
	rm "$K/max_uses"
	echo 8 > "$K/max_uses"
	is "$K/max_uses" 8
	rm "$K/description"
	touch "$K/description"
	is "$K/description" ''
	rm "$K/max_uses"
	sh_refused 'Invalid argument' "echo eight > $K/max_uses"
	is "$K/max_uses" 8
	rmdir "$G/members"
	[ ! -e "$G/members" ]
	mkdir "$G/members"
	[ -z "$(ls "$G/members")" ]
	rmdir "$G/members"
	# what is hidden for the names is there for what goes on
	csr web1
	enroll_here web1.csr > /dev/null
	back() { [ -d "$G/members/web1" ]; }
	wait_until back
}

@test "fixed directories with something in them stay, and so does what is at the top" {
	refused 'Directory not empty' rmdir "$G/keys"
	refused 'Operation not permitted' rmdir "$M/app_connector"
	refused 'Operation not permitted' rmdir "$M/certs"
	refused 'Operation not permitted' rm "$M/domain"
	refused 'Operation not permitted' rm "$M/enroll"
	refused 'No such file or directory' python3 -c "import os; os.unlink('$K/nothing')"
	[ -e "$M/domain" ] && [ -d "$M/certs" ]
}

@test "a group that is removed while a machine enrols is gone or whole" {
	for i in 1 2 3 4 5 6; do
		mkdir "$M/app_connector/r$i" "$M/app_connector/r$i/keys/k"
		csr r$i
		bash -c "cat r$i.csr > $M/app_connector/r$i/keys/k/enroll" 2> /dev/null &
		rm -rf "$M/app_connector/r$i" 2> /dev/null || :
		wait $! || :
		if [ -e "$M/app_connector/r$i" ]; then
			whole() { [ -e "$M/app_connector/r$i/members/r$i/cert.pem" ]; }
			wait_until whole
		fi
	done
	stop
	[ "$(sql 'SELECT sum(uses) FROM prov_key')" = "$(sql 'SELECT count(*) FROM issued')" ]
}

@test "a fixed directory that is removed while somebody is in it comes back alive" {
	mkdir "$M/app_connector/x"
	X=$M/app_connector/x
	exec 7< "$X/keys" 8< "$X/members"
	(cd "$X/keys" && exec sleep 60) &
	holder=$!
	in_it() { [ "$(readlink /proc/$holder/cwd)" = "$X/keys" ]; }
	wait_until in_it
	rmdir "$X/keys" "$X/members"
	back() { [ -d "$X/keys" ] && [ -d "$X/members" ]; }
	wait_until back
	mkdir "$X/keys/new"
	[ "$(ls "$X/keys")" = new ]
	csr web1
	enroll_here web1.csr "$X/keys/new/enroll" > /dev/null
	[ "$(ls "$X/members")" = web1 ]
	kill $holder
	wait $holder || :
	exec 7<&- 8<&-
	[ "$(ls "$X/members")" = web1 ]
	mkdir "$X/keys/newer"
	rm -r "$X"
	[ ! -e "$X" ]
}

@test "directories that were hidden and came back keep nobody from removing others" {
	(cd "$G/keys" && seq -f 'k%04g' 1 1100 | xargs mkdir && printf '%s/enroll.d\n' k* | xargs rmdir)
	mkdir "$M/app_connector/other" "$M/app_connector/other/keys/k"
	rm -r "$M/app_connector/other/keys/k"
	[ ! -e "$M/app_connector/other/keys/k" ]
}
