#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL server that is reached by TCP: verified, with a password, one of several hosts. A server
# of its own.
load helper

setup() {
	set_up_server
	PORT=$(free_port)
	"$BATS_TEST_DIRNAME/postgres" network "$D" "$PORT"
	install -d -o enrollfs etc
	echo '*:*:*:enrollfs:Open-sesame' > etc/pgpass
	chmod 600 etc/pgpass
	chown enrollfs etc/pgpass
	WITH="sslmode=verify-full&sslrootcert=$D/ca.pem&passfile=$T/etc/pgpass"
	at "localhost:$PORT"
}

teardown() {
	[ -n "${D-}" ] || return 0
	local rc=0
	take_down_mount || rc=1
	[ -z "${OTHER-}" ] || kill "$OTHER"
	return $rc
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# at HOSTS: the store is at this server, in a schema that is made by its socket.
at() {
	STORE="postgresql://enrollfs@/enrollfs?host=$D&port=$PORT"
	[ -n "${SCHEMA-}" ] || place_store
	S="postgresql://enrollfs@$1/enrollfs?$WITH&options=-csearch_path%3D\"$SCHEMA\""
}

# What each connection of the daemon's has.
connections() { psql -qXAt "$STORE" -c "SELECT DISTINCT $1 FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING (pid) WHERE usename = 'enrollfs' AND a.pid <> pg_backend_pid()"; }

works() {
	group
	cat "$K/key" > key
	csr one
	enroll key one.csr > one.crt
	verifies one.crt
	is "$K/uses" 1
}

# silent STREAM|DGRAM HOST PORT: something that never answers there; SILENT is its port.
silent() {
	mkfifo ready
	python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, getattr(socket, "SOCK_" + sys.argv[1]))
s.bind((sys.argv[2], int(sys.argv[3])))
if sys.argv[1] == "STREAM":
    s.listen(100)
print(s.getsockname()[1], flush=True)
time.sleep(600)' "$@" > ready 3>&- &
	OTHER=$!
	read -r SILENT < ready
}

@test "a server on the network is verified, and asks for a password" {
	start
	works
	[ "$(connections 'ssl, client_addr')" = 't|127.0.0.1' ]
	stop
	tool fsck "${TOOL_OPTIONS[@]}" "$S"
}

@test "a server that is not who it should be is refused" {
	at "127.0.0.1:$PORT"
	refused 'does not match host name' "$ENROLLFS" -f "${OF_STORE[@]}" -o domain=corp.example "$S" "$M"
	[[ $output != *Open-sesame* ]]
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=other -keyout other.pem -out "$D/ca.pem" 2> /dev/null
	at "localhost:$PORT"
	refused 'certificate verify failed' "$ENROLLFS" -f "${OF_STORE[@]}" -o domain=corp.example "$S" "$M"
}

@test "a wrong password is refused, and not shown" {
	echo '*:*:*:enrollfs:Sesame-wrong' > etc/pgpass
	refused 'password authentication failed' "$ENROLLFS" -f "${OF_STORE[@]}" -o domain=corp.example "$S" "$M"
	[[ $output != *Sesame-wrong* ]]
}

@test "a silent host, a name that is not known, then the server: it is found, and again when the connection is lost" {
	silent STREAM 127.0.0.1 0
	at "localhost:$SILENT,nosuch.invalid:$PORT,localhost:$PORT"
	expect_log 'the server does not answer|\(57P01\)'
	start -o timeout=4
	works
	psql -qXAt "$STORE" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'enrollfs' AND pid <> pg_backend_pid()" > /dev/null
	local begun=$SECONDS
	echo 5 > "$K/max_uses"
	is "$K/max_uses" 5
	# the host that answered last is the first to be tried
	[ $((SECONDS - begun)) -le 2 ]
}

@test "the daemon connects to the port of its server, and to no other" {
	silent STREAM 127.0.0.1 0
	cat > elsewhere.c <<-'END'
		#define _GNU_SOURCE
		#include <arpa/inet.h>
		#include <dlfcn.h>
		#include <errno.h>
		#include <netdb.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		/* before the daemon connects */
		int getaddrinfo_a(int mode, struct gaicb **list, int n, struct sigevent *event)
		{
			struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("ELSEWHERE"))),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
			int (*real)(int, struct gaicb **, int, struct sigevent *) = dlsym(RTLD_NEXT, "getaddrinfo_a");
			int fd = socket(AF_INET, SOCK_STREAM, 0);
			int rc = connect(fd, (struct sockaddr *)&to, sizeof(to));
			fprintf(stderr, "elsewhere: %s\n", rc ? strerror(errno) : "connected");
			close(fd);
			return real(mode, list, n, event);
		}
	END
	cc -shared -fPIC -o elsewhere.so elsewhere.c
	needs tcp_ports_in_landlock
	# shellcheck disable=SC2034 # start is helper.bash's
	CLOCKED=("ELSEWHERE=$SILENT" "LD_PRELOAD=$(ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}')$T/elsewhere.so")
	start
	works
	# also the threads that look up names, and those that they begin
	for thread in /proc/"$PID"/task/*; do
		grep -q 'Seccomp:	2' "$thread/status" || not test -e "$thread"
	done
	grep -q 'elsewhere: Permission denied' log
	not grep -q 'elsewhere: connected' log
	stop
}

@test "without any that answers, the log says why of each" {
	silent STREAM 127.0.0.1 0
	at "localhost:$SILENT,nosuch.invalid:$PORT,localhost:1"
	refused 'connecting' "$ENROLLFS" -f "${OF_STORE[@]}" -o domain=corp.example,timeout=3 "$S" "$M"
	[[ $output = *'localhost: Connection timed out'*'nosuch.invalid: its name cannot be looked up'*'Connection refused'* ]]
}

@test "silent name servers hold up nobody for longer than the timeout" {
	needs mount_namespaces
	expect_log 'the server does not answer'
	expect_log 'cannot be read|Input/output error'
	echo 'nameserver 127.0.0.77' > resolv.conf
	silent DGRAM 127.0.0.77 53
	at "pg.invalid:$PORT"
	run timeout 20 unshare -m sh -c 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' - "$T/resolv.conf" \
		"$ENROLLFS" -f "${OF_STORE[@]}" -o domain=corp.example,timeout=2 "$S" "$M"
	[ "$status" = 1 ]
	[[ $output = *'pg.invalid: its name cannot be looked up: name servers do not answer'* ]]
}
