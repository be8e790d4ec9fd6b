#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Requests that mean no good (tests/corpus/hostile.py has the list): each has its refusal, or what it asks
# for is left out. None spends a use or takes long.

load helper

@test "each hostile request has its refusal" {
	echo max > "$K/max_uses"
	cat "$K/key" > auto.key
	mkdir hostile
	/usr/bin/python3 "$BATS_TEST_DIRNAME/../corpus/hostile.py" hostile > count
	cat count
	/usr/bin/python3 - hostile "$K/enroll" "$M/enroll" auto.key <<'PY'
import errno, os, sys, time
folder, of_key, of_all, key = sys.argv[1:]
text = open(key, 'rb').read()
wrong = []
for name in sorted(os.listdir(folder)):
    expected, what = name.split('.', 1)
    data = open(os.path.join(folder, name), 'rb').read()
    for path, head in ((of_key, b''), (of_all, text)):
        fd = os.open(path, os.O_RDWR)
        began, got, reply = time.monotonic(), 'ok', b''
        try:
            # what a pipe would send at once
            for at in range(0, len(head + data), 65536):
                os.write(fd, (head + data)[at:at + 65536])
            reply = os.read(fd, 65536)
        except OSError as e:
            got = errno.errorcode[e.errno]
            reply = b'' if got == 'EINVAL' else os.read(fd, 4096)
        os.close(fd)
        if got != expected:
            wrong.append(f'{name} ({path[-12:]}): {got} {reply[:100]}')
        if got != 'ok' and not (reply.endswith(b'\n') and reply.count(b'\n') == 1):
            wrong.append(f'{name}: no reason: {reply[:100]}')
        if time.monotonic() - began > 1:
            wrong.append(f'{name}: took {time.monotonic() - began:.1f} s')
        if got == 'ok':
            open(f'{what}.crt', 'wb').write(reply)
print('\n'.join(wrong))
sys.exit(len(wrong) > 0)
PY
	[ "$(ls hostile | wc -l)" -ge 90 ]
	# a use for each certificate, none for a refusal
	[ "$(cat "$K/uses")" = "$(ls hostile/ok.* | wc -l)" ]
	[ "$(ls "$G/members" | wc -l)" = "$(cat "$K/uses")" ]
	# nothing of what they asked for is in what they got
	for c in *.crt; do
		openssl x509 -in "$c" -noout -ext basicConstraints,keyUsage,subjectAltName > extensions
		grep -q 'CA:FALSE' extensions
		not grep -q -e 'Certificate Sign' -e 'CA:TRUE' -e bank.example -e /other/ extensions
		grep -A1 'Key Usage' extensions | grep -qx ' *Digital Signature'
		verifies "$c"
	done
	for m in "$G/members"/*; do
		[[ ${m##*/} =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]]
	done
	/usr/bin/python3 -c "
import json
for line in open('$M/log', 'rb'): json.loads(line)"
	not grep -q "$(printf '\033')" "$M/log" log
}
