#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# enroll.d: drop a CSR, find the certificate beside it.

load helper

@test "every way of dropping a request" {
	echo max > "$K/max_uses"
	D=$K/enroll.d
	for n in cp install mv rsync openssl python cat sed bybyte; do csr $n 'some other name'; done
	cp cp.csr "$D/cp.csr"
	install -m 644 install.csr "$D/install.csr"
	cp mv.csr moving.csr
	mv moving.csr "$D/mv.csr"
	rsync rsync.csr "$D/"
	openssl req -new -key openssl.pem -subj / -out "$D/openssl.csr"
	python3 -c "
import shutil
shutil.copyfile('python.csr', '$D/python.csr')"
	cat cat.csr > "$D/cat.csr"
	dd if=bybyte.csr of="$D/bybyte.csr" bs=1 status=none
	openssl req -in sed.csr -outform DER -out sed.der
	cp sed.der "$D/sed.csr"
	for n in cp install mv rsync openssl python cat sed bybyte; do
		verifies "$D/$n.crt"
		cmp "$D/$n.crt" "$G/members/$n/fullchain.pem"
		cmp "$D/$n.csr" "$G/members/$n/csr.pem"
		[ "$(openssl x509 -in "$D/$n.crt" -noout -pubkey)" = "$(openssl pkey -in $n.pem -pubout)" ]
	done
	is "$K/uses" 9
	[ "$(ls "$D" | wc -l)" = 18 ]
	# members of another key are not here
	mkdir "$G/keys/other"
	[ -z "$(ls "$G/keys/other/enroll.d")" ]
	[ ! -e "$G/keys/other/enroll.d/cp.crt" ]
	rm -rf copy
	cp -r "$D" copy
	[ "$(ls copy | wc -l)" = 18 ]
}

@test "a second drop changes nothing; another request under the name is refused" {
	D=$K/enroll.d
	echo max > "$K/max_uses"
	csr web1
	csr web2
	cp web1.csr "$D/"
	cp "$D/web1.crt" first.crt
	cp web1.csr "$D/"
	rsync -I web1.csr "$D/"
	mv web1.csr "$D/web1.csr"
	cmp first.crt "$D/web1.crt"
	is "$K/uses" 1
	refused 'File exists' cp web2.csr "$D/web1.csr"
	refused 'File exists' cp "$G/members/web1/csr.pem" "$D/web3.csr"
	[ ! -e "$D/web3.csr" ] && [ ! -e "$D/web3.crt" ]
	is "$K/uses" 1
}

@test "a refused request leaves nothing" {
	D=$K/enroll.d
	csr web1
	echo 0 > "$K/max_uses"
	refused 'Disk quota exceeded' cp web1.csr "$D/web1.csr"
	[ ! -e "$D/web1.csr" ]
	half=$(mktemp "$D/.half.XXXXXX")
	head -c 100 web1.csr > "$half"
	refused 'Bad message' mv "$half" "$D/half.csr"
	rm "$half"
	refused 'Disk quota exceeded' rsync web1.csr "$D/"
	[ -z "$(ls -A "$D")" ]
	echo 1 > "$K/max_uses"
	echo 0 > "$K/enabled"
	sh_refused 'Key has been revoked' "cat web1.csr > $D/web1.csr"
	echo 1 > "$K/enabled"
	echo garbage > garbage
	refused 'Bad message' cp garbage "$D/web1.csr"
	head -c 100 web1.csr > part
	refused 'Invalid argument' cp part "$D/web1.csr"
	refused 'Bad message' python3 -c "
import os
with open('$D/.draft', 'x') as f:
    f.write('nonsense')
os.rename('$D/.draft', '$D/web1.csr')"
	for name in web1 web1.crt 'a b.csr' -x.csr '#web1.csr' web1.txt; do
		refused 'Operation not permitted' cp web1.csr "$D/$name"
	done
	[ -z "$(ls "$D")" ]
	is "$K/uses" 0
	# a backup or temporary file never enrols
	cp web1.csr "$D/web1.csr.txt"
	# names with a leading dot do not either
	python3 -c "open('$D/.web1.csr', 'x').write(open('web1.csr').read())"
	is "$K/uses" 0
	[ -z "$(ls -A "$D")" ]
	cp web1.csr "$D/"
	is "$K/uses" 1
}

@test "permissions are those of the key's directory" {
	csr web1
	chmod 644 web1.csr
	refused 'Permission denied' setpriv --reuid=2001 --regid=2001 --groups=3001 cp web1.csr "$K/enroll.d/"
	chgrp -R 3001 "$G"
	chmod -R g+rwX "$G"
	setpriv --reuid=2001 --regid=2001 --groups=3001 cp web1.csr "$K/enroll.d/"
	is "$G/members/web1/enrolled_by" 2001
}

@test "unlinking hides, and the member stays; rm -r of the key goes through" {
	echo max > "$K/max_uses"
	for n in a b c; do
		csr $n
		cp $n.csr "$K/enroll.d/"
	done
	rm "$K/enroll.d/a.csr"
	[ ! -e "$K/enroll.d/a.csr" ]
	[ -e "$K/enroll.d/a.crt" ]
	is "$G/members/a/state" active
	back() { [ -e "$K/enroll.d/a.csr" ]; }
	wait_until back
	rm -r "$K"
	[ ! -e "$K" ]
	[ "$(ls "$G/members" | wc -l)" = 3 ]
}

@test "Ansible's copy enrols once" {
	csr web1
	cat > enroll.yml <<'YML'
- hosts: localhost
  gather_facts: false
  tasks:
    - copy: {src: "{{ t }}/web1.csr", dest: "{{ m }}/app_connector/berlin/keys/auto/enroll.d/web1.csr"}
    - fetch: {src: "{{ m }}/app_connector/berlin/keys/auto/enroll.d/web1.crt", dest: "{{ t }}/web1.crt", flat: true}
YML
	export ANSIBLE_HOME=$T/ansible ANSIBLE_LOCAL_TEMP=$T/ansible/tmp ANSIBLE_NOCOLOR=1
	run ansible-playbook -i localhost, -c local -e "m=$M" -e "t=$T" enroll.yml
	[ "$status" -eq 0 ] || { echo "$output"; return 1; }
	verifies web1.crt
	run ansible-playbook -i localhost, -c local -e "m=$M" -e "t=$T" enroll.yml
	[[ $output == *changed=0* ]] || { echo "$output"; return 1; }
	is "$K/uses" 1
}

@test "long lists of dropped requests are whole" {
	echo max > "$K/max_uses"
	seq 300 | xargs -P 4 -I{} openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout /dev/null -subj / -out n{}.csr 2> /dev/null
	cp n*.csr "$K/enroll.d/"
	[ "$(ls "$K/enroll.d" | sort -u | wc -l)" = 600 ]
	[ "$(ls -f "$K/enroll.d" | wc -l)" = 602 ]
	[ "$(ls -l "$K/enroll.d" | grep -c 'crt$')" = 300 ]
	rm -r "$K"
}
