#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Plain file, copy, template, lineinfile, slurp, fetch and stat tasks: as on any filesystem.

load helper

# play FILE [ARGUMENT...]: runs it here, and leaves what it said in `out`.
play() {
	export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false
	export ANSIBLE_HOME=$T/ansible ANSIBLE_LOCAL_TEMP=$T/ansible/tmp ANSIBLE_NOCOLOR=1
	ansible-playbook -i localhost, -c local -e "m=$M" -e "t=$T" -e ansible_python_interpreter=/usr/bin/python3 "$@" \
		> out 2>&1 < /dev/null
}

# How many tasks of the last run changed something.
changed() { sed -n 's/.*changed=\([0-9]*\).*/\1/p' out; }

@test "a playbook of plain tasks builds, and its second run changes nothing" {
	echo '{{ limit }}' > limit.j2
	cat > site.yml <<'YML'
- hosts: localhost
  gather_facts: false
  vars: {limit: 25}
  tasks:
    - file: {path: "{{ m }}/app_connector/munich", state: directory, mode: "0750", group: "3001"}
    - file: {path: "{{ m }}/app_connector/munich/keys/auto", state: directory}
    - copy: {dest: "{{ m }}/app_connector/munich/keys/auto/max_uses", content: "5"}
    - copy: {dest: "{{ m }}/app_connector/munich/keys/auto/description", content: "by Ansible\n"}
    - template: {src: "{{ t }}/limit.j2", dest: "{{ m }}/app_connector/berlin/keys/auto/max_uses"}
    - lineinfile: {path: "{{ m }}/app_connector/berlin/description", regexp: "^", line: "Berlin, second floor"}
    - file: {path: "{{ m }}/app_connector/munich/keys/auto/state", state: file}
    - file: {path: "{{ m }}/service_edge/old", state: absent}
    - stat: {path: "{{ m }}/app_connector/munich/keys/auto/key"}
      register: key
    - assert: {that: [key.stat.exists, key.stat.islnk]}
YML
	mkdir "$M/service_edge/old" "$M/service_edge/old/keys/k"
	play site.yml --diff || { cat out; return 1; }
	[ "$(changed)" = 7 ] || { cat out; return 1; }
	N=$M/app_connector/munich
	[ "$(stat -c '%a %g' "$N")" = '750 3001' ]
	is "$N/keys/auto/max_uses" 5
	is "$N/keys/auto/description" 'by Ansible'
	is "$G/description" "Berlin, second floor"
	is "$K/max_uses" 25
	[ ! -e "$M/service_edge/old" ]
	play site.yml || { cat out; return 1; }
	[ "$(changed)" = 0 ] || { cat out; return 1; }
	# a dry run says what would change, and changes nothing
	play site.yml --check --diff -e limit=30 || { cat out; return 1; }
	[ "$(changed)" = 1 ]
	is "$K/max_uses" 25
	is "$N/keys/auto/copies" 0
	for c in file copy template lineinfile stat --check --diff; do printf 'ansible %-20s ok\n' $c; done
}

@test "a refused value fails the task, and the old one stays" {
	echo 5 > "$K/max_uses"
	cat > bad.yml <<'YML'
- hosts: localhost
  gather_facts: false
  tasks:
    - copy: {dest: "{{ m }}/app_connector/berlin/keys/auto/max_uses", content: "many\n"}
YML
	not play bad.yml
	grep -q 'Invalid argument' out
	is "$K/max_uses" 5
	[ "$(ls -A "$K" | wc -l)" = 29 ]
	printf 'ansible %-20s refused, value kept\n' copy
}

@test "slurp and fetch copy the key, and are told when they may not" {
	cat > copy.yml <<'YML'
- hosts: localhost
  gather_facts: false
  tasks:
    - slurp: {src: "{{ m }}/app_connector/berlin/keys/auto/key"}
      register: key
    - copy: {dest: "{{ t }}/slurped", content: "{{ key.content | b64decode }}"}
    - fetch: {src: "{{ m }}/app_connector/berlin/keys/auto/key", dest: "{{ t }}/fetched", flat: true}
    - file: {path: "{{ m }}/app_connector/berlin/keys/auto/description", state: touch}
YML
	play copy.yml || { cat out; return 1; }
	cat "$K/key" | cmp - slurped
	cmp slurped fetched
	[ "$(cat "$K/copies")" -ge 3 ]
	echo 0 > "$K/max_uses"
	not play copy.yml
	grep -q -i 'quota' out
	for c in slurp fetch 'file (touch)'; do printf 'ansible %-20s ok\n' "$c"; done
}

@test "state: absent removes groups with all that is in them" {
	csr web1
	enroll_here web1.csr > /dev/null
	cat > absent.yml <<'YML'
- hosts: localhost
  gather_facts: false
  tasks:
    - file: {path: "{{ m }}/app_connector/berlin", state: absent}
YML
	play absent.yml || { cat out; return 1; }
	[ "$(changed)" = 1 ]
	[ ! -e "$G" ]
	play absent.yml
	[ "$(changed)" = 0 ]
	printf 'ansible %-20s ok\n' 'file (absent)'
}

@test "the example playbook: its second run changes nothing" {
	mkdir "$M/app_connector/bonn" "$M/app_connector/bonn/keys/k"
	csr old
	enroll_here old.csr "$M/app_connector/bonn/keys/k/enroll" > /dev/null
	csr web1
	example=$BATS_TEST_DIRNAME/../../scripts/example-playbook.yml
	run_example() {
		play "$example" -e "mount=$M" -e "connector_csr=$T/web1.csr" -e "connector_crt=$T/web1.crt"
	}
	run_example || { cat out; return 1; }
	[ "$(changed)" = 7 ] || { cat out; return 1; }
	verifies web1.crt
	is "$M/app_connector/munich/keys/auto/max_uses" 10
	is "$M/app_connector/berlin/keys/auto/uses" 1
	[ ! -e "$M/app_connector/bonn" ]
	run_example || { cat out; return 1; }
	[ "$(changed)" = 0 ] || { cat out; return 1; }
	is "$M/app_connector/berlin/keys/auto/uses" 1
}

@test "a backup before a change, and booleans as YAML has them" {
	cat > backup.yml <<'YML'
- hosts: localhost
  gather_facts: false
  tasks:
    - copy: {dest: "{{ m }}/app_connector/berlin/keys/auto/max_uses", content: "6\n", backup: true}
    - copy: {dest: "{{ m }}/app_connector/berlin/keys/auto/enabled", content: "{{ false }}\n", backup: true}
    - lineinfile: {path: "{{ m }}/app_connector/berlin/description", regexp: "^", line: "Berlin", backup: true}
    - template: {src: "{{ t }}/limit.j2", dest: "{{ m }}/certs/connector/crl_days", backup: true}
YML
	echo 9 > limit.j2
	play backup.yml || { cat out; return 1; }
	[ "$(changed)" = 4 ] || { cat out; return 1; }
	is "$K/max_uses" 6
	is "$K/enabled" 0
	is "$G/description" Berlin
	is "$M/certs/connector/crl_days" 9
	[ "$(ls -A "$K" | wc -l)" = 29 ]
	for c in 'copy backup' 'lineinfile backup' 'template backup' False; do printf 'ansible %-20s ok\n' "$c"; done
}
