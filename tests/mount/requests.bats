#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How many requests of the kernel an operation takes: counted in the trace of libfuse.

load helper

setup() {
	NO_MOUNT=1 set_up_mount
	start -d
	group
	echo max > "$K/max_uses"
	cat "$K/key" > my.key
	expect_log 'error: (0|-2|-17|-22|-1|-38|-61)'
	cat > client.py <<-'PY'
		import os, sys
		for name in sys.argv[3:]:
		    fd = os.open(sys.argv[1], os.O_RDWR)
		    os.write(fd, open(sys.argv[2], 'rb').read() + open(name, 'rb').read())
		    assert os.read(fd, 65536).startswith(b'-----BEGIN CERT')
		    os.close(fd)
	PY
}

# since LINE: the requests in the trace from there on.
since() {
	tail -n +"$1" log | sed -nE 's/^unique: [0-9]+, opcode: ([A-Z_]+) .*/\1/p; s/^NOTIFY: .*/NOTIFY/p'
}

# The kernel releases a file some time after its close.
released() {
	since "$1" | awk '$1 == "OPEN" || $1 == "CREATE" {n++} $1 == "RELEASE" {n--} END {exit n != 0 || !NR}'
}

# takes REQUESTS COMMAND...: after a first run it takes these, notifications aside. On a busy machine,
# attributes that the kernel has cached can expire in between: one of five runs is enough.
takes() {
	local want=$1 at got
	shift
	"$@" > out
	for _ in 1 2 3 4 5; do
		wait_until released 1
		at=$(($(wc -l < log) + 1))
		"$@" > out
		wait_until released "$at"
		got=$(since "$at" | grep -v NOTIFY | tr '\n' ' ')
		[ "${got% }" != "$want" ] || return 0
		echo "$* took $got, not $want"
	done
	return 1
}

# next COMMAND...: with another request each time, $N.csr.
next() {
	N=$((${N-0} + 1))
	csr $N
	"$@"
}
client() { /usr/bin/python3 client.py "$M/enroll" my.key $N.csr; }
shell() { bash -c 'exec 3<> "$1"; cat my.key "$2" >&3; cat <&3' - "$M/enroll" $N.csr; }

@test "an enrollment" {
	takes 'LOOKUP OPEN WRITE READ RELEASE' next client
	# cat reads until the end of the file
	takes 'LOOKUP OPEN WRITE WRITE GETATTR READ READ RELEASE' next shell
	is "$K/uses" $N
}

@test "a conversation that goes on" {
	for i in 1 2 3; do csr c$i; done
	cat > going.py <<-'PY'
		import os, sys
		fd = os.open(sys.argv[1], os.O_RDWR)
		for i in '123':
		    os.write(fd, open('my.key', 'rb').read() + open(f'c{i}.csr', 'rb').read())
		    assert os.read(fd, 65536).startswith(b'-----BEGIN CERT')
	PY
	takes 'LOOKUP OPEN WRITE READ WRITE READ WRITE READ RELEASE' /usr/bin/python3 going.py "$M/enroll"
	is "$K/uses" 3
}

@test "a value" {
	set_it() { echo 5 > "$K/max_uses"; }
	if caches_names; then
		# a read changes the time of access, which fstat asks for
		takes 'OPEN GETATTR READ READ RELEASE' cat "$K/max_uses"
		takes 'OPEN WRITE RELEASE' set_it
		takes 'OPEN WRITE RELEASE' set_it
	else
		takes 'LOOKUP OPEN READ READ RELEASE' cat "$K/max_uses"
		takes 'LOOKUP OPEN WRITE RELEASE' set_it
	fi
}

@test "a look at the files of a member that was listed" {
	csr web
	enroll my.key web.csr > out
	cat > walk.py <<-'PY'
		import os, sys
		for entry in os.scandir(sys.argv[1]):
		    entry.stat(follow_symlinks=False)
	PY
	caches_names || skip 'the kernel asks for each name'
	# of its 16 files, state and revocation are asked for, and renew is looked up: each open has another inode
	takes 'OPENDIR GETATTR READDIRPLUS GETATTR GETATTR LOOKUP READDIRPLUS RELEASEDIR' /usr/bin/python3 walk.py "$G/members/web"
}

@test "32 clients at once" {
	for i in $(seq 32); do csr c$i; done
	at=$(($(wc -l < log) + 1))
	pids=()
	for i in $(seq 32); do
		/usr/bin/python3 client.py "$M/enroll" my.key c$i.csr c$i.csr c$i.csr c$i.csr c$i.csr &
		pids+=($!)
	done
	wait "${pids[@]}"
	wait_until released "$at"
	is "$K/uses" 32
	read -r opens lookups < <(since "$at" | awk '
		/^(LOOKUP|FORGET|BATCH_FORGET)$/ {n++} $1 == "OPEN" {opens++} END {print opens, n}')
	echo "$lookups lookups and forgets in $opens enrollments"
	[ "$opens" -ge 160 ]
	[ "$lookups" -le $((4 * opens)) ]
}
