#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Metrics: what promtool says of them, and that they count what happens.

load helper

# metric NAME-WITH-LABELS: its value.
metric() { awk -v name="$1" '$1 == name {print $2}' "$M/metrics"; }
# Lists are made anew by and by.
becomes() { wait_until counts "$1" "$2" || { grep "^${1%%\{*}" "$M/metrics"; return 1; }; }
counts() { [ "$(metric "$1")" = "$2" ]; }

@test "promtool finds nothing to say" {
	csr web1
	enroll_here web1.csr > /dev/null
	promtool check metrics < "$M/metrics"
	[ "$(stat -c %s "$M/metrics")" = "$(cat "$M/metrics" | wc -c)" ]
	ln -s "$M/metrics" enrollfs.prom
	promtool check metrics < enrollfs.prom
}

@test "it counts what there is and what happens" {
	mkdir "$G/keys/off" "$M/service_edge/eu"
	echo 0 > "$G/keys/off/enabled"
	echo 0 > "$M/service_edge/eu/enabled"
	cat "$K/key" > my.key
	csr web1
	enroll my.key web1.csr > /dev/null
	enroll my.key web1.csr > /dev/null
	csr new
	enroll_here new.csr "$G/members/web1/renew" > /dev/null
	csr web2
	refused 'Disk quota exceeded' enroll my.key web2.csr
	refused 'Disk quota exceeded' cat "$K/key"
	sh_refused 'Invalid argument' "echo x > $K/max_uses"
	becomes 'enrollfs_refusals_total{errno="EINVAL"}' 1
	becomes 'enrollfs_refusals_total{errno="EDQUOT"}' 2
	becomes 'enrollfs_events_total{event="enrolled"}' 1
	becomes 'enrollfs_events_total{event="again"}' 1
	becomes 'enrollfs_events_total{event="renewed"}' 1
	becomes 'enrollfs_events_total{event="copied"}' 1
	becomes 'enrollfs_groups{kind="service_edge",enabled="0"}' 1
	becomes 'enrollfs_groups{kind="app_connector",enabled="1"}' 1
	becomes 'enrollfs_keys{kind="app_connector",state="exhausted"}' 1
	becomes 'enrollfs_keys{kind="app_connector",state="disabled"}' 1
	becomes 'enrollfs_members{kind="app_connector",state="active"}' 1
	becomes 'enrollfs_certificates_issued_total{name="connector"}' 2
	becomes enrollfs_sign_duration_seconds_count 2
	[ "$(metric enrollfs_commit_duration_seconds_count)" -gt 5 ]
	[ -n "${STORE-}" ] || [ "$(metric 'enrollfs_store_size_bytes{file="store"}')" = "$(stat -c %s store)" ]
	[ "$(date -u -d "@$(metric 'enrollfs_certificate_expiry_timestamp_seconds{name="root"}')" +%FT%TZ)" = "$(cat "$M/certs/root/not_after")" ]
	echo superseded > "$G/members/web1/revocation"
	becomes 'enrollfs_members{kind="app_connector",state="revoked"}' 1
	becomes 'enrollfs_members{kind="app_connector",state="active"}' 0
	becomes 'enrollfs_certificates_revoked_total{name="connector"}' 2
}

@test "while nothing happens it stays the same" {
	wait_until counts 'enrollfs_keys{kind="app_connector",state="active"}' 1
	stat -c '%s %.Y' "$M/metrics" > before
	cat "$M/metrics" > first
	for _ in 1 2 3 4 5; do
		cmp first "$M/metrics"
		stat -c '%s %.Y' "$M/metrics" | cmp - before
	done
}
