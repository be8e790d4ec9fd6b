#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The audit trail: what is in it, that it is a chain, and reading it.

load helper

# chain FILE: every line is JSON with what it has to have, and has the hash of the one before.
chain() {
	python3 - "$1" <<-'PY'
		import hashlib, json, sys
		data = open(sys.argv[1], 'rb').read()
		assert data.endswith(b'\n')
		prev, seq = '0' * 64, 0
		for line in data[:-1].split(b'\n'):
		    o = json.loads(line)
		    assert list(o)[:8] == ['seq', 'time', 'uid', 'gid', 'pid', 'comm', 'action', 'object'], o
		    seq += 1
		    assert o['seq'] == seq and o['prev'] == prev, (o, prev)
		    assert ('reason' in o) == (o['result'] != 'ok'), o
		    prev = hashlib.sha256(line).hexdigest()
		print(prev)
	PY
}

# Refusals are written by and by.
said() { grep -q "$1" "$M/log"; }
says() { wait_until said "$1" || { tail -n 3 "$M/log"; return 1; }; }

@test "everything that is done or refused is there" {
	echo 2 > "$K/max_uses"
	id=$(cat "$K/id")
	cat "$K/key" > my.key
	csr web1
	enroll my.key web1.csr > web1.crt
	csr new
	enroll_here new.csr "$G/members/web1/renew" > /dev/null
	echo superseded > "$G/members/web1/revocation"
	mv "$K" "$G/keys/k2"
	K=$G/keys/k2
	mkdir "$M/certs/own"
	echo ed25519 > "$M/certs/own/algorithm"
	echo self > "$M/certs/own/issuer"
	chmod 700 "$K"
	rmdir "$G/members/web1"
	for line in \
		'"action":"mount","object":"'"$M"'","result":"ok"' \
		'"action":"mkdir","object":"app_connector/berlin","result":"ok"' \
		'"uid":0,.*"comm":"bash","action":"set","object":"app_connector/berlin/keys/auto/max_uses","value":"2","result":"ok"' \
		'"comm":"cat","action":"copy","object":"app_connector/berlin/keys/auto","result":"ok"' \
		'"action":"enroll","object":"app_connector/berlin/members/web1","provisioning_key":"auto","key_id":'"$id"',"result":"ok"' \
		'"action":"renew","object":"app_connector/berlin/members/web1","serial":"[0-9a-f]*","result":"ok"' \
		'"action":"set","object":"app_connector/berlin/members/web1/revocation","value":"superseded"' \
		'"action":"rename","object":"app_connector/berlin/keys/auto",' \
		'"action":"set","object":"certs/own/algorithm","value":"ed25519"' \
		'"action":"set","object":"certs/own/issuer","value":"self"' \
		'"action":"rmdir","object":"app_connector/berlin/members/web1","result":"ok"'; do
		said "$line" || { echo "not there: $line"; return 1; }
	done
	# refusals, with the reason
	sh_refused 'Invalid argument' "echo many > $K/max_uses"
	says '"action":"set","object":"app_connector/berlin/keys/k2/max_uses","result":"EINVAL","reason":"not a number'
	echo 0 > "$K/max_uses"
	refused 'Disk quota exceeded' cat "$K/key"
	says '"comm":"cat","action":"copy","object":"app_connector/berlin/keys/k2/.key","result":"EDQUOT","reason":"the key is used up'
	csr web2
	refused 'Disk quota exceeded' enroll my.key web2.csr
	says '"action":"enroll","object":"app_connector/berlin/keys/k2","result":"EDQUOT"'
	refused 'Device or resource busy' rmdir "$M/certs/root"
	says '"action":"rmdir","object":"certs/root","result":"EBUSY"'
	sh_refused 'Operation not permitted' "echo x > $K/max_use"
	says '"action":"create","object":"app_connector/berlin/keys/k2/max_use","result":"EPERM"'
	sed 's/A/B/' my.key > bad.key
	refused 'Bad message' setpriv --reuid 65534 --regid 65534 --clear-groups \
		bash -c '{ cat <<< "$2" >&3; } 3<> "$1"' - "$M/enroll" "$(cat bad.key)"
	says '"uid":65534,.*"action":"enroll","object":"","result":"EBADMSG","reason":"the provisioning key.s checksum is wrong'
	echo 1 > "$K/managed"
	refused 'Operation not permitted' chmod 640 "$K/enroll"
	says '"action":"chown","object":"app_connector/berlin/keys/k2/enroll","result":"EPERM"'
	echo 0 > "$K/managed"
	chmod 640 "$K/description"
	said '"action":"chown","object":"app_connector/berlin/keys/k2/description","owner":"0:0 0640","result":"ok"'
	refused 'Invalid argument' mkdir "$G/keys/-x"
	says '"action":"mkdir","object":"app_connector/berlin/-x","result":"EINVAL"'
	stop
	start -o ro
	said '"action":"unmount"'
	[ "$(chain "$M/log")" = "$(cat "$M/log.head")" ]
	stop
	start
	[ "$(chain "$M/log")" = "$(cat "$M/log.head")" ]
}

@test "its size is exact, and it can be read from anywhere" {
	for i in $(seq 200); do echo "$i" > "$K/max_uses"; done
	cat "$M/log" > whole
	[ "$(stat -c %s "$M/log")" = "$(stat -c %s whole)" ]
	size=$(stat -c %s whole)
	for at in 0 1 77 1000 $((size - 1)) "$size" $((size + 10)); do
		tail -c "+$((at + 1))" whole | cmp - <(tail -c "+$((at + 1))" "$M/log")
		cmp <(dd if=whole bs=1 skip="$at" count=300 2> /dev/null) <(dd if="$M/log" bs=1 skip="$at" count=300 2> /dev/null)
	done
	dd if="$M/log" bs=7 2> /dev/null | cmp - whole
	tac "$M/log" | tac | cmp - whole
	[ "$(tail -n 1 "$M/log")" = "$(tail -n 1 whole)" ]
	before=$(stat -c %.Y "$M/log" "$M/log.head")
	cmp whole "$M/log"
	[ "$(stat -c %.Y "$M/log" "$M/log.head")" = "$before" ]
	echo 7 > "$K/max_uses"
	[ "$(stat -c %.Y "$M/log" "$M/log.head")" != "$before" ]
	sh_refused 'Permission denied' "echo x > $M/log"
	refused 'Operation not permitted' rm "$M/log"
}

@test "tail -f follows it" {
	timeout 20 tail -n 1 -f -s 0.1 "$M/log" > followed 3>&- &
	tail=$!
	wait_until [ -s followed ]
	echo 41 > "$K/max_uses"
	wait_until grep -q '"value":"41"' followed
	echo 42 > "$K/max_uses"
	wait_until grep -q '"value":"42"' followed
	kill $tail
	wait $tail || :
	[ "$(wc -l < followed)" = 3 ]
}

@test "no secret is in it, in the messages or in any file" {
	mkdir "$G/keys/two"
	for k in auto two; do cat "$G/keys/$k/key" >> secrets; done
	csr web1
	enroll <(head -n 1 secrets) web1.csr > /dev/null
	refused 'Bad message' enroll <(head -c 60 secrets; echo) web1.csr
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -subj /CN=x -out ca.pem \
		-addext 'keyUsage=critical,keyCertSign,cRLSign' 2> /dev/null
	mkdir "$M/certs/imp"
	refused 'Bad message' bash -c "cat ca.key $M/certs/root/cert.pem > $M/certs/imp/import"
	cat ca.key ca.pem > "$M/certs/imp/import"
	{ cut -d'|' -f3 secrets | cut -c 12-50; sed -n 2p ca.key | cut -c 20-60; } > patterns
	[ "$(wc -l < patterns)" = 3 ]
	cat "$M/log" log > said
	not grep -F -f patterns said
	not grep -r -F -f patterns "$M"
	dump_store dump
	strings -n 8 dump > ./strings
	not grep -F -f patterns strings
}

@test "one who floods it does not fill it" {
	cat > flood.py <<-'PY'
		import os, sys, time
		end = time.time() + 2
		n = 0
		while time.time() < end:
		    fd = os.open(sys.argv[1], os.O_WRONLY)
		    try:
		        os.write(fd, b'hello\n')
		    except OSError:
		        n += 1
		    os.close(fd)
		print(n)
	PY
	before=$(wc -l < "$M/log")
	[ "$(setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/python3 flood.py "$M/enroll")" -gt 100 ]
	sh_refused 'Invalid argument' "echo x > $K/max_uses"
	says '"object":"app_connector/berlin/keys/auto/max_uses","result":"EINVAL"'
	[ $(($(wc -l < "$M/log") - before)) -lt 10 ]
	stop
	grep -q 'more refusals of uid 65534 were not logged' log
	start
	said '"uid":65534,.*"action":"left_out","object":"","result":"EBUSY","reason":"[0-9]* more refusals of uid 65534 were not logged"'
}

@test "what strangers send hides no other refusal, and what is left out is counted" {
	/usr/bin/python3 - "$M/enroll" <<-'PY'
		import os, sys
		for text in (b'1|', b'1|', b'1|', b'hello\n'):
		    fd = os.open(sys.argv[1], os.O_WRONLY)
		    try:
		        os.write(fd, text)
		    except OSError:
		        pass
		    try:
		        os.close(fd)
		    except OSError:
		        pass
	PY
	echo x > "$K/enabled" 2> /dev/null || :
	says '"object":"app_connector/berlin/keys/auto/enabled","result":"EINVAL"'
	stop
	start
	said '"action":"enroll","object":"","result":"E\(INVAL\|BADMSG\)"'
	left=$(sed -n 's/.*"action":"left_out".*"reason":"\([0-9]*\) more.*/\1/p' "$M/log" | awk '{n += $1} END {print n}')
	[ $((left + $(grep -c '"action":"enroll","object":"","result":"E' "$M/log"))) = 4 ]
}

@test "chmod of a table leaves enroll alone" {
	chmod 600 "$M/enroll"
	chmod 600 "$M/tables/keys.tsv"
	chmod 444 "$M/tables/keys.tsv"
	[ "$(stat -c %a "$M/enroll")" = 600 ]
}
