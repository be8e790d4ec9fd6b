#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The main job from its beginning to its end, by hand as the README has it.

load helper

tour() {
	export NO_MOUNT=1
	is "$K/max_uses" 1
	echo 2 > "$K/max_uses"
	cat "$K/key" > auto.key
	grep -q -E '^1\|corp\.example\|[A-Za-z0-9+/]{107}=$' auto.key
	for i in 1 2 3; do csr web$i; done

	enroll auto.key web1.csr > web1.crt
	enroll auto.key web2.csr > web2.crt
	is "$K/uses" 2
	openssl verify -CAfile "$M/certs/root/cert.pem" -untrusted "$G/members/web1/chain.pem" \
		"$G/members/web1/cert.pem" | grep -q ': OK$'
	cmp web2.crt "$G/members/web2/fullchain.pem"
	verifies web1.crt
	[ "$(openssl x509 -in web1.crt -noout -pubkey)" = "$(openssl pkey -in web1.pem -pubout)" ]

	is "$K/state" exhausted
	is "$K/remaining" 0
	refused 'Disk quota exceeded' enroll auto.key web3.csr
	refused 'Disk quota exceeded' cat "$K/key"
	[ ! -e "$G/members/web3" ]
	is "$K/uses" 2

	echo 3 > "$K/max_uses"
	cat "$K/key" | cmp - auto.key
	enroll auto.key web3.csr > web3.crt
	verifies web3.crt
	is "$K/uses" 3

	# the first machine asks again
	enroll auto.key web1.csr | cmp - web1.crt
	is "$K/uses" 3

	# after unmounting and mounting all is as it was, but for what tells of just that
	find "$M" -type f ! -name enroll ! -name version ! -name 'log*' ! -name metrics ! -name why ! -path '*/trail/*' ! -name store.json -exec md5sum {} + | sort > before
	stop
	start
	find "$M" -type f ! -name enroll ! -name version ! -name 'log*' ! -name metrics ! -name why ! -path '*/trail/*' ! -name store.json -exec md5sum {} + | sort > after
	diff before after
	enroll auto.key web2.csr | cmp - web2.crt
	is "$K/uses" 3

	refused 'Directory not empty' rmdir "$G"
	rmdir "$K"
	[ ! -e "$K" ]
	refused 'Key was rejected by service' enroll auto.key web1.csr
	is "$G/members/web1/provisioning_key" auto
	rmdir "$G"/members/*
	rmdir "$G"
	[ -z "$(ls "${G%/*}")" ]
}

@test "the tour with an App Connector group" {
	tour
}

@test "the tour with a Private Service Edge group" {
	group service_edge
	is "$K/signing_cert" service_edge
	tour
}
