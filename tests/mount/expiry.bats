#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# expire_after of a group: members go by themselves, so long after their last certificate has expired.

bats_require_minimum_version 1.5.0
load helper

DAY=86400

# at DAYS: mounted again, so many days from now.
at() {
	[ "${#CLOCKED[@]}" -gt 0 ] || use_clock
	stop_if_running
	set_clock $(($1 * DAY))
	start
}

enrolled() {
	csr "$1"
	enroll_here "$1.csr" > "$1.crt"
}

removed() { [ ! -e "$G/members/$1" ] && ! ls "$G/members" | grep -qx "$1"; }

# by USER SCRIPT: a line of sh as this uid, with its own group.
by() { setpriv --reuid="$1" --regid="$1" --clear-groups sh -c "$2"; }

@test "it is never, or a duration; whoever may write the group sets it" {
	is "$G/expire_after" never
	echo 30d > "$G/expire_after"
	is "$G/expire_after" 30d
	grep -q '"action":"set","object":"app_connector/berlin/expire_after","value":"30d"' "$M/log"
	for value in 4w:28d 12h:12h 90m:90m 7200s:2h; do
		echo "${value%:*}" > "$G/expire_after"
		is "$G/expire_after" "${value#*:}"
	done
	for value in soon 30 -1d +1d 1y '' '1d 2d'; do
		sh_refused 'Invalid argument' "echo '$value' > $G/expire_after"
	done
	for value in 0d 0s 9999999999999d; do
		sh_refused 'Numerical result out of range' "echo $value > $G/expire_after"
	done
	is "$G/expire_after" 2h
	echo never > "$G/expire_after"
	is "$G/expire_after" never
	# the group's owner is not root's
	chown 65534:65534 "$G"
	by 65534 "echo 1d > $G/expire_after"
	is "$G/expire_after" 1d
	refused 'Permission denied' by 65533 "echo 2d > $G/expire_after"
	# exported, and restored
	grep -q '"expire_after":86400[,}]' "$M/export/app_connector/berlin/group.json"
}

@test "members go so long after their last certificate has expired" {
	echo max > "$K/max_uses"
	echo 30d > "$G/expire_after"
	for m in web revoked renewed; do enrolled $m; done
	echo superseded > "$G/members/revoked/revocation"
	mkdir "$M/app_connector/munich" "$M/app_connector/munich/keys/k"
	csr other
	enroll_here other.csr "$M/app_connector/munich/keys/k/enroll" > other.crt
	at 300
	csr renewed2 renewed
	enroll_here renewed2.csr "$G/members/renewed/renew" > renewed2.crt
	at 394
	is "$G/members/web/state" expired
	at 396
	wait_until removed web
	wait_until removed revoked
	grep -q '"comm":"enrollfs","action":"rmdir","object":"app_connector/berlin/members/web","expire_after":"30d","result":"ok"' "$M/log"
	is "$G/members/renewed/state" active
	is "$M/app_connector/munich/members/other/state" expired
	is "$K/uses" 3
	is "$M/certs/connector/revoked" 1
	# the name is free
	csr web_again web
	enroll_here web_again.csr > web_again.crt
	[ -d "$G/members/web" ]
}

@test "a shorter time counts at once, and many members go in parts" {
	echo max > "$K/max_uses"
	seq 70 | xargs -P 2 -I{} openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout c{}.pem -subj /CN=c{} -out c{}.csr 2> /dev/null
	for i in $(seq 70); do enroll_here "c$i.csr" > /dev/null; done
	at 400
	[ "$(ls "$G/members" | wc -l)" = 70 ]
	stat "$G/members/c1/state" > /dev/null
	echo 40d > "$G/expire_after"
	[ "$(ls "$G/members" | wc -l)" = 70 ]
	echo 30d > "$G/expire_after"
	wait_until removed c70
	[ -z "$(ls "$G/members")" ]
	refused 'No such file' stat "$G/members/c1/state"
	[ "$(grep -c '"expire_after":"30d","result":"ok"' "$M/log")" = 70 ]
	is "$K/uses" 70
}

@test "nobody goes from a store that is mounted read-only, and a daemon that was killed goes on" {
	enrolled web
	echo 1d > "$G/expire_after"
	at 1
	stop
	set_clock $((400 * DAY))
	start -o ro
	[ -d "$G/members/web" ]
	is "$G/expire_after" 1d
	sh_refused 'Read-only file system' "echo 2d > $G/expire_after"
	stop
	[ "$(sql 'SELECT count(*) FROM member WHERE removed IS NULL')" = 1 ]
	start
	wait_until removed web
}
