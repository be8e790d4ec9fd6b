#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The times of files: what has changed shows a later second, so that what compares sizes and seconds
# sees it.

load helper

# sees FILE COMMAND: ten times in a row, as fast as it goes, rsync copies the file after the command
# has changed it ($i is its number), and nothing when it has not.
sees() {
	local i
	rsync -a "$1" copied
	for i in 0 1 2 3 4 5 6 7 8 9; do
		eval "$2"
		rsync -a "$1" copied
		if ! cmp "$1" copied; then
			echo "$1: change $i was missed" >&2
			return 1
		fi
	done
	[ -z "$(rsync -ai "$1" copied)" ]
}

# second FILE: of its time.
second() { stat -c %Y "$1"; }

@test "values: ten changes of equal length within a second" {
	echo max > "$K/max_uses"
	sees "$K/max_uses" 'echo "1$i" > "$K/max_uses"'
	sees "$K/remaining" 'echo "2$i" > "$K/max_uses"'
	sees "$K/description" 'echo "text $i" > "$K/description"'
	sees "$K/expires" 'echo "203$i-01-01T00:00:00Z" > "$K/expires"'
	sees "$K/enabled" 'echo $((i % 2)) > "$K/enabled"'
	echo 1 > "$K/enabled"
	sees "$K/copies" 'cat "$K/key" > /dev/null'
	sees "$G/description" 'echo "text $i" > "$G/description"'
	sees "$M/certs/root/crl_days" 'echo "1$i" > "$M/certs/root/crl_days"'
	for i in $(seq 0 21); do csr "m$i"; done
	sees "$K/uses" 'enroll_here m$i.csr > /dev/null'
	sees "$M/certs/connector/issued" 'enroll_here m$((10 + i)).csr > /dev/null'
}

@test "names that others show: a renamed certificate or key" {
	mkdir "$M/certs/a0"
	echo root > "$M/certs/a0/issuer"
	echo a0 > "$G/signing_cert"
	echo a0 > "$K/signing_cert"
	csr web1
	enroll_here web1.csr > /dev/null
	for i in 1 2 3 4 5 6; do
		mv "$M/certs/a$((i - 1))" "$M/certs/a$i"
		for f in "$G/signing_cert" "$K/signing_cert" "$G/members/web1/signing_cert"; do
			rsync -a "$f" "copy-$(tr / _ <<< "${f#"$M"/}")"
			is "copy-$(tr / _ <<< "${f#"$M"/}")" "a$i"
		done
		# each of them may be ahead of the clock by itself
		[ $((i % 2)) = 0 ] || { echo connector > "$G/signing_cert"; echo "a$i" > "$G/signing_cert"; }
		rsync -a "$G/signing_cert" "copy-$(tr / _ <<< "${G#"$M"/}/signing_cert")"
	done
	mv "$K" "$G/keys/k0"
	for i in 1 2 3 4 5 6; do
		rsync -a "$G/members/web1/provisioning_key" copied
		mv "$G/keys/k$((i - 1))" "$G/keys/k$i"
		rsync -a "$G/members/web1/provisioning_key" copied
		is copied "k$i"
	done
}

@test "a key's state moves with its group, also where the key is ahead of the clock" {
	for i in 1 0 1 0 1 0; do
		echo "1$i" > "$K/max_uses"
		before=$(second "$K/state")
		echo $((1 - i)) > "$G/enabled"
		[ "$(second "$K/state")" -gt "$before" ]
		echo "2$i" > "$K/max_uses"
	done
}

@test "another object in the place of one that was deleted" {
	for i in $(seq 10); do
		rmdir "$K"
		mkdir "$K"
		rsync -a "$K/id" "$K/created" copied/
		cmp "$K/id" copied/id
		cmp "$K/created" copied/created
	done
}

@test "tables, the hash of the trail, metrics, lists and documents" {
	sees "$M/tables/keys.tsv" 'echo "1$i" > "$K/max_uses"; wait_until grep -q "	1$i	" "$M/tables/keys.tsv"'
	sees "$M/log.head" 'echo "1$i" > "$K/max_uses"'
	echo max > "$K/max_uses"
	csr web1
	enroll_here web1.csr > /dev/null
	sees "$M/tables/members.tsv" 'mv "$G/members/web$((i + 1))" "$G/members/web$((i + 2))"; wait_until grep -q "	web$((i + 2))	" "$M/tables/members.tsv"' || [ -e "$G/members/web10" ]
	for f in pem der; do
		sees "$M/certs/connector/crl.$f" 'echo "1$i" > "$M/certs/connector/crl_days"'
	done
	cat "$M/certs/connector/crl.pem" > one.pem
	for i in $(seq 0 9); do csr "r$i"; done
	member=$(ls -d "$G"/members/web*)
	sees "$member/cert.pem" 'enroll_here r$i.csr "$member/renew" > /dev/null'
	mkdir "$M/certs/w"
	sees "$M/certs/w/csr.pem" 'printf ec-p256 > "$M/certs/w/algorithm"'
}

@test "metrics: no two texts of one size and second, however often they are read" {
	python3 - "$M/metrics" "$K/description" <<-'PY'
		import os, sys
		seen = {}
		for i in range(200):
		    open(sys.argv[2], 'w').write(f'{i}\n')
		    fd = os.open(sys.argv[1], os.O_RDONLY)
		    st = os.fstat(fd)
		    text = os.read(fd, 1 << 20)
		    os.close(fd)
		    assert len(text) == st.st_size
		    assert seen.setdefault((len(text), int(st.st_mtime)), text) == text, i
		assert len(seen) > 20
	PY
}

@test "the index of what was issued: a line that another takes the place of within a second" {
	echo max > "$K/max_uses"
	for i in $(seq 0 9); do csr "x$i"; done
	sees "$M/certs/connector/index.txt" 'enroll_here x$i.csr > /dev/null'
	i=0
	sees "$M/certs/connector/index.txt" 'echo superseded > "$G/members/x$i/revocation"'
}

@test "seconds do not run ahead further than there were changes, and not with nobody looking" {
	echo max > "$K/max_uses"
	now=$(date +%s)
	for i in $(seq 30); do echo "$i" > "$K/description"; done
	[ "$(second "$K/description")" -ge "$now" ]
	[ "$(second "$K/description")" -le $(($(date +%s) + 31)) ]
	# what changes by itself
	cat "$K/copies" > /dev/null
	for i in $(seq 60); do cat "$K/key"; done > /dev/null
	[ "$(second "$M/log.head")" -le $(($(date +%s) + 2)) ]
	[ "$(second "$M/certs/root/issued")" -le "$(date +%s)" ]
	[ "$(second "$M/metrics")" -le $(($(date +%s) + 1)) ]
}

# times: of all files but those of what happens.
times() { (cd "$M" && find . -type f ! -path './export/*' ! -name version ! -name metrics ! -name log\* ! -path './tables/*' -printf '%P %T@\n' | sort); }

@test "nothing goes back or changes by a remount, and nothing is shown again after it" {
	for i in 1 2 3 4 5 6 7 8; do
		echo "1$i" > "$K/max_uses"
		stat "$K/max_uses" "$K/remaining" "$M/log.head" "$M/tables/keys.tsv" "$M/metrics" > /dev/null
	done
	times > before
	for f in "$M/log.head" "$M/tables/keys.tsv" "$M/metrics"; do second "$f"; done > lists
	stop
	start
	times | diff before -
	for f in "$M/log.head" "$M/tables/keys.tsv" "$M/metrics"; do second "$f"; done | paste lists - > both
	awk '$2 < $1 {exit 1}' both
	sees "$K/max_uses" 'echo "2$i" > "$K/max_uses"; rsync -a "$K/max_uses" copied; stop; start'
	# also where it was killed
	for i in 1 2 3; do
		echo "3$i" > "$K/max_uses"
		rsync -a "$K/max_uses" "$M/log.head" copies/
		times > before
		kill -9 "$PID"
		wait "$PID" || :
		PID=
		wait_until not mountpoint -q "$M"
		start
		times | diff before -
		echo "4$i" > "$K/max_uses"
		rsync -a "$K/max_uses" "$M/log.head" copies/
		cmp "$K/max_uses" copies/max_uses
		cmp "$M/log.head" copies/log.head
	done
}

@test "the clock is set back: no time goes back, and each change is seen" {
	sqlite_only "the server's clock counts, which cannot be set here"
	stop
	cc -shared -fPIC -o clock.so "$BATS_TEST_DIRNAME/clock.c"
	/usr/bin/python3 -c 'open("clock", "wb").write(bytes(8))'
	CLOCK=$T/clock LD_PRELOAD=$(ldd "$ENROLLFS" | awk '/lib[at]san/ {print $3 ":"; exit}')$T/clock.so \
		"$ENROLLFS" -f -o domain=corp.example "$T/store" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
	echo max > "$K/max_uses"
	echo 10 > "$K/description"
	cat "$K/key" > /dev/null
	for f in "$K/description" "$K/copies" "$M/log.head" "$M/tables/keys.tsv" "$M/metrics"; do second "$f"; done > before
	/usr/bin/python3 -c 'import struct; open("clock", "r+b").write(struct.pack("=q", -86400))'
	sees "$K/description" 'echo "1$i" > "$K/description"'
	sees "$K/copies" 'cat "$K/key" > /dev/null'
	sees "$M/log.head" 'echo "1$i" > "$K/description"'
	sees "$M/tables/keys.tsv" 'echo "1$i" > "$K/max_uses"; wait_until grep -q "	1$i	" "$M/tables/keys.tsv"'
	echo x > "$K/max_uses" 2> /dev/null || :
	for f in "$K/description" "$K/copies" "$M/log.head" "$M/tables/keys.tsv" "$M/metrics"; do second "$f"; done |
		paste before - | awk '$2 < $1 {exit 1}'
}

@test "a store that was restored shows nothing again" {
	for i in 1 2 3 4 5 6 7 8; do
		echo "1$i" > "$K/max_uses"
		stat "$K/max_uses" "$M/log.head" "$M/tables/keys.tsv" > /dev/null
	done
	rsync -a "$K/max_uses" "$M/log.head" "$M/tables/keys.tsv" copies/
	rsync -a "$M/export/" copy/
	for i in 1 2 3; do
		stop
		restore_store copy
		start
		for f in "$K/max_uses" "$M/tables/keys.tsv" "$M/log.head"; do
			[ "$(second "$f")" -gt "$(second "copies/${f##*/}")" ]
		done
		echo "2$i" > "$K/max_uses"
		rsync -a "$K/max_uses" "$M/log.head" "$M/tables/keys.tsv" copies/
		cmp "$K/max_uses" copies/max_uses
		cmp "$M/log.head" copies/log.head
		rsync -a "$M/export/" copy/
	done
}

@test "a web server's If-Modified-Since: each change is sent, and nothing is sent twice" {
	cat > serve.py <<-'PY'
		import http.server, sys, threading, urllib.request, urllib.error, os, time
		os.chdir(sys.argv[1])
		class quiet(http.server.SimpleHTTPRequestHandler):
		    def log_message(self, *args): pass
		server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), quiet)
		threading.Thread(target=server.serve_forever, daemon=True).start()
		cache = {}
		def get(path):
		    request = urllib.request.Request(f'http://127.0.0.1:{server.server_port}/{path}')
		    if path in cache:
		        request.add_header('If-Modified-Since', cache[path][0])
		    try:
		        with urllib.request.urlopen(request) as reply:
		            cache[path] = reply.headers['Last-Modified'], reply.read()
		            return True
		    except urllib.error.HTTPError as error:
		        assert error.code == 304, error
		        return False
		key = 'app_connector/berlin/keys/auto/'
		paths = [key + 'max_uses', key + 'remaining', 'tables/keys.tsv', 'log.head', 'certs/connector/crl.der']
		for path in paths:
		    get(path)
		for i in range(40):
		    open(key + 'max_uses', 'w').write(f'{10 + i}\n')
		    open('certs/connector/crl_days', 'w').write(f'{10 + i}\n')
		    for path in paths:
		        for tries in range(100):
		            get(path)
		            if path != 'tables/keys.tsv' or f'\t{10 + i}\t'.encode() in cache[path][1]:
		                break
		            time.sleep(0.05)
		        assert cache[path][1] == open(path, 'rb').read(), (i, path)
		        assert not get(path), (i, path)
	PY
	timeout 120 python3 serve.py "$M"
}

@test "what fstat says between open and read is not later than what is read" {
	python3 - "$K/max_uses" "$M/log.head" <<-'PY'
		import os, sys
		value, head = sys.argv[1:]
		open(value, 'w').write('99\n')
		for path in value, head:
		    for i in range(30):
		        fd = os.open(path, os.O_RDONLY)
		        open(value, 'w').write(f'{i + 10}\n')
		        st = os.fstat(fd)
		        text = os.read(fd, 100)
		        os.close(fd)
		        now = os.stat(path)
		        assert len(text) == st.st_size == now.st_size
		        assert text != open(path, 'rb').read() and int(st.st_mtime) < int(now.st_mtime), (path, i)
	PY
}
