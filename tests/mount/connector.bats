#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# connector-enroll, the machine's side: against a real mount, in every shell it is for, died anywhere,
# and over a real sshd.

load helper

FAILED='notice:Certificate enrollment failed.'
SHELLS=(dash bash 'busybox sh' mksh ksh93)

setup_file() {
	export LATER_LIBRARY=$BATS_FILE_TMPDIR/later.so
	cc -shared -fPIC -o "$LATER_LIBRARY" "$BATS_TEST_DIRNAME/later.c"
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/user" ] || userdel enrollfs-far
}

# The script is where every user can read it; an sshd that a test started ends with it.
setup() {
	set_up_mount || return 1
	CE=$T/connector-enroll
	cp "$BATS_TEST_DIRNAME/../../scripts/connector-enroll" "$CE"
	cp "$LATER_LIBRARY" "$T/later.so"
	CLOCK=()
}

teardown() {
	no_more_far
	for mount in "$T/small" "$T/other"; do
		! mountpoint -q "$mount" || umount "$mount"
	done
	[ -z "${OTHER-}" ] || wait "$OTHER" || :
	take_down_mount
}

# machine [DIR]: D is a machine's directory; it has the text of the key auto.
machine() {
	D=${1:-$T/d}
	mkdir -p "$D"
	echo max > "$K/max_uses"
	(umask 077 && cat "$K/key" > "$D/provision_key")
}

# ce [TARGET [OPTION...]]: the machine's run.
ce() {
	local target=${1:-$M/enroll}
	shift || :
	sh "$CE" -d "$D" "$@" "$target"
}

# told STATUS COMMAND...: the command ends with this status, and says what is on stdin and no more.
told() {
	local want=$1 rc=0
	shift
	cat > "$T/want"
	"$@" > "$T/stdout" 2> "$T/said" < /dev/null || rc=$?
	if [ "$rc" != "$want" ] || [ -s "$T/stdout" ]; then
		echo "$* ended with $rc, not $want, and said:" >&2
		cat "$T/said" "$T/stdout" >&2
		return 1
	fi
	diff "$T/want" "$T/said"
}

# nothing_to_do: what a run says then.
nothing_to_do() {
	echo 'notice:Checking Enrollment'
	echo "notice:Certificate valid until $(end_of "$D/cert.pem")"
}

public() {
	case $1 in
	*key.pem) openssl pkey -in "$1" -pubout ;;
	*) openssl x509 -in "$1" -noout -pubkey ;;
	esac
}

# Key, certificate and chain belong together, have their modes, and are all there is.
fits() {
	local d=$D
	diff <(public "$d/key.pem") <(public "$d/cert.pem") || return 1
	openssl verify -x509_strict -CAfile "$M/certs/root/cert.pem" -untrusted "$d/chain.pem" \
		"$d/cert.pem" > /dev/null || return 1
	cmp "$d/chain.pem" <(cat "$M/certs/connector/cert.pem" "$M/certs/connector/chain.pem") || return 1
	[ "$(stat --printf '%a ' "$d"/{key,cert,chain}.pem)" = '600 644 644 ' ] || return 1
	[ "$(cd "$d" && echo *)" = 'cert.pem chain.pem key.pem lock provision_key' ]
}

untouched() { [ ! -e "$D/cert.pem" ] && [ ! -e "$D/chain.pem" ] && [ ! -e "$D/ready" ]; }

# enrolled NAME: what is installed is what the mount says of this member.
enrolled() { cmp "$G/members/$1/fullchain.pem" <(cat "$D/cert.pem" "$D/chain.pem"); }

end_of() { openssl x509 -in "$1" -noout -enddate | cut -d= -f2; }
member() { openssl x509 -in "$D/cert.pem" -noout -subject -nameopt multiline | sed -n 's/.*commonName *= //p'; }

# applets: a folder of busybox's applets and openssl, to be all of a PATH.
applets() {
	mkdir -p "$T/applets"
	busybox --install -s "$T/applets"
	ln -sf "$(command -v openssl)" "$T/applets/openssl"
}

# loopback: an ssh that runs the command here. BEFORE, a line of shell, goes first.
loopback() {
	cat > "$T/ssh" <<'END'
#!/bin/bash
printf '%s\n' "$@" > "${0%/*}/ssh.arguments"
eval "${BEFORE-}"
exec sh -c "${!#}"
END
	chmod 755 "$T/ssh"
	export CONNECTOR_SSH=$T/ssh
}

# key_text ROOT: the text in $D/provision_key, naming another root, with its check made right.
key_text() {
	python3 - "$D/provision_key" "$1" <<'PY'
import base64, hashlib, sys
path, root = sys.argv[1:]
one, domain, text = open(path).read().strip().split('|')
body = base64.b64decode(text)[:40] + bytes.fromhex(root)
check = hashlib.sha256(f'1|{domain}|'.encode() + body).digest()[:8]
open(path, 'w').write(f'1|{domain}|{base64.b64encode(body + check).decode()}\n')
PY
}

@test "a first enrolment, and then nothing to do, in every shell" {
	applets
	name=$(uname -n)
	for shell in "${SHELLS[@]}"; do
		machine "$T/d-${shell%% *}"
		uses=$(cat "$K/uses")
		path=$PATH
		[ "$shell" != 'busybox sh' ] || path=$T/applets
		env -i PATH="$path" $shell "$CE" -d "$D" "$M/enroll" 2> said
		fits
		enrolled "$(member)"
		case $(member) in
		"$name" | "$name"-????????) ;;
		*) return 1 ;;
		esac
		diff - said <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			notice:Enroll: Connecting to corp.example via $M/enroll
			notice:Enrolled as $(member), certificate valid until $(end_of "$D/cert.pem")
		END
		openssl pkey -in "$D/key.pem" -noout -text | grep -q P-256
		head -n 1 "$D/key.pem" | grep -qx -- '-----BEGIN PRIVATE KEY-----'
		cp -r "$D" before
		nothing_to_do | told 0 env -i PATH="$path" $shell "$CE" -d "$D" "$M/enroll"
		diff -r before "$D"
		rm -r before
		is "$K/uses" $((uses + 1))
		echo "# $shell ok" >&3
	done
}

@test "the key may be elsewhere, may have come from Windows, and is not needed any more once enrolled" {
	machine
	sed 's/$/\r/' "$D/provision_key" > usb.key
	truncate -s -2 usb.key
	rm "$D/provision_key"
	told 2 ce <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		error:Cannot read the provisioning key $D/provision_key
	END
	(cd m && ce enroll -k "$T/usb.key") 2> said
	enrolled "$(member)"
	rm usb.key
	ce
	is "$K/uses" 1
}

@test "a mistyped key is not even sent" {
	machine
	cp "$D/provision_key" good
	for edit in 's/\(.*\)A/\1B/' 's/corp/korp/' 's/..$//' 's/|.\{10\}/|aaaaaaaaaa/2'; do
		sed "$edit" good > "$D/provision_key"
		not cmp -s good "$D/provision_key"
		told 1 ce <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			error:Login request failed - status(401) the provisioning key's checksum is wrong: it was mistyped or damaged
			$FAILED
		END
	done
	for text in hello '' '1|corp.example' '2|corp.example|AAAA'; do
		echo "$text" > "$D/provision_key"
		told 1 ce <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			error:Login request failed - status(401) not a provisioning key: it is one line 1|<domain>|<base64>
			$FAILED
		END
	done
	untouched
	is "$K/uses" 0
	not grep -qE 'enrolling|enroll: ' log
	# had it been sent, the log would say so
	csr web1
	refused 'Bad message' enroll "$D/provision_key" web1.csr
	grep -q 'enroll refused' log
}

# turned_down STATUS REASON: the run is refused with exactly this, and installs nothing.
turned_down() {
	told 1 ce <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via $M/enroll
		error:Login request failed - status($1) $2
		$FAILED
	END
	untouched
}

@test "refusals, in the consoles' words" {
	machine
	mkdir "$G/keys/other"
	cp "$D/provision_key" good
	cat "$G/keys/other/key" > "$D/provision_key"
	rmdir "$G/keys/other"
	turned_down 401 'this provisioning key is not known here'
	cp good "$D/provision_key"
	public "$D/key.pem" > first
	echo 0 > "$K/enabled"
	turned_down 403 'the provisioning key is disabled'
	echo 1 > "$K/enabled"
	echo 0 > "$G/enabled"
	turned_down 403 'the group is disabled'
	echo 1 > "$G/enabled"
	echo 1970-01-01T00:00:01Z > "$K/expires"
	turned_down 403 'the provisioning key has expired'
	echo never > "$K/expires"
	echo 0 > "$K/max_uses"
	turned_down 429 'the provisioning key is used up: 0 of 0 uses; raise max_uses'
	# every attempt was with the same key pair, and so is the one that succeeds
	echo 1 > "$K/max_uses"
	ce
	fits
	public "$D/cert.pem" | cmp - first
	is "$K/uses" 1
	# used up meanwhile, but known: it has lost its certificate and gets it again
	rm "$D/cert.pem"
	ce
	fits
	is "$K/uses" 1
	# enrolled with another key
	mkdir "$G/keys/other"
	cat "$G/keys/other/key" > "$D/provision_key"
	rm "$D/cert.pem" "$D/chain.pem"
	turned_down 409 'this public key has enrolled with another provisioning key'
}

@test "refusals in other words: no reason, musl, a key that comes back" {
	machine
	loopback
	for case in "429:Quota exceeded" "503:I/O error" "401:Key was rejected by service"; do
		export BEFORE="echo 'cat: write error: ${case#*:}' >&2; exit 1"
		told 1 ce "ssh:far:$M/enroll" <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			notice:Enroll: Connecting to corp.example via ssh:far:$M/enroll
			error:Login request failed - status(${case%%:*}) ${case#*:}
			$FAILED
		END
	done
	# the reason behind the errno, and nothing on stdout
	BEFORE="echo 'cat: write error: Key has been revoked' >&2; echo 'the group is off' >&2; exit 1"
	run ce "ssh:far:$M/enroll"
	[ "$status" = 1 ]
	[[ $output == *'status(403) the group is off'* ]]
	secret=$(cut -d'|' -f3 "$D/provision_key")
	for back in 'cat; exit' 'cat >&2; exit' 'exec sh'; do
		BEFORE=$back
		run ce "ssh:far:$M/enroll"
		[ "$status" -ne 0 ]
		[[ $output != *"$secret"* ]]
		[[ $output == *"$FAILED"* ]]
	done
	BEFORE='printf "\033[31mred\007\n"; exit 1'
	run ce "ssh:far:$M/enroll"
	[[ $output == *'status(400) [31mred'* ]]
	[[ $output != *$'\033'* ]]
	untouched
	is "$K/uses" 0
}

@test "what cannot be reached, and wrong usage" {
	machine
	told 3 ce "$T/no/enroll" <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via $T/no/enroll
		error:Cannot reach $T/no/enroll: $T/no/enroll: no such file: is it mounted?
		$FAILED
	END
	[ ! -e no ]
	loopback
	export BEFORE="echo 'u@far: Permission denied (publickey).' >&2; exit 255"
	run ce "ssh:far:$M/enroll"
	[ "$status" = 3 ]
	[[ $output == *"error:Cannot reach ssh:far:$M/enroll: u@far: Permission denied (publickey)."* ]]
	BEFORE=
	run ce "ssh:far:$T/no/enroll"
	[ "$status" = 3 ]
	[[ $output == *"$T/no/enroll: no such file: is it mounted?"* ]]
	unset CONNECTOR_SSH
	run ce "ssh:no-such-host.invalid:$M/enroll"
	[ "$status" = 3 ]
	for arguments in '' '-x y' 'a b' '-d' '-k' '--foo' 'ssh:host' 'ssh::/x' 'ssh:-oProxyCommand=x:/x' '--setup'; do
		run sh "$CE" -d "$D" $arguments
		[ "$status" = 2 ]
		[ "${#lines[@]}" = 1 ]
		[[ $output == 'connector-enroll: '*'; --help says more' ]]
	done
	run sh "$CE" --foo
	[[ $output == *'no such option: --foo;'* ]]
	run sh "$CE" --setup -d "$D" "$M/enroll"
	[ "$status" = 2 ]
	[[ $output == *'-d does not go with --setup'* ]]
	run sh "$CE" --gate
	[ "$status" = 2 ]
	[ "${#lines[@]}" = 1 ]
	is "$K/uses" 0
	for option in -h --help; do
		run sh "$CE" $option
		[ "$status" = 0 ]
		[[ $output == *CONNECTOR_SSH* ]]
	done
	for option in -V --version; do
		run sh "$CE" $option
		[ "$status" = 0 ]
		[ "$output" = "connector-$("$ENROLLFS" --version | sed -n 's/^enrollfs /enroll /p')" ]
	done
}

@test "paths and hosts with something to quote" {
	machine
	loopback
	ln -s m "it's \"a\" \$mount"
	ce "ssh:me@[fe80::1]:$T/it's \"a\" \$mount/enroll"
	fits
	grep -qx 'me@fe80::1' ssh.arguments
	grep -qx 'BatchMode=yes' ssh.arguments
	grep -qx 'ConnectTimeout=15' ssh.arguments
}

# other_ca: a certification authority of our own, ca.pem and ca.crt, and what it puts in certificates.
other_ca() {
	openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.pem \
		-subj /CN=ca -days 30 -addext keyUsage=critical,keyCertSign -out ca.crt 2> /dev/null
	printf '%s\n' basicConstraints=CA:FALSE subjectKeyIdentifier=hash authorityKeyIdentifier=keyid > ext
}

@test "an answer that does not fit is not installed" {
	machine
	unfit() {
		told 1 ce "$2" <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			notice:Enroll: Connecting to corp.example via $2
			error:The certificate does not fit: $1
			$FAILED
		END
		untouched
	}
	# another root: the key's own file asks for no key text, so the mount does not notice
	cp "$D/provision_key" good
	key_text "$(printf '5a%.0s' {1..32})"
	unfit 'its chain ends in a root that is not the one named in the provisioning key' "$K/enroll"
	# the server would have
	turned_down 401 'the key text names another root than the certificate would chain to; copy the key again'
	cp good "$D/provision_key"

	# another certification authority, with the true root behind its certificates
	loopback
	other_ca
	sign() {
		later "${2:-0}" openssl x509 -req -in "$1" -CA ca.crt -CAkey ca.pem -extfile ext -days 30 \
			-out signed.crt 2> /dev/null
	}
	sign "$D/new/request.csr"
	export BEFORE='cat > sent; cat signed.crt ca.crt; exit 0'
	unfit 'its chain ends in a root that is not the one named in the provisioning key' "ssh:far:/enroll"
	BEFORE="cat > sent; cat signed.crt ca.crt $M/certs/root/cert.pem; exit 0"
	unfit 'self-signed certificate in certificate chain' "ssh:far:/enroll"
	BEFORE="cat > sent; cat signed.crt; exit 0"
	unfit 'its chain ends in a root that is not the one named in the provisioning key' "ssh:far:/enroll"
	csr web1
	sign web1.csr
	BEFORE='cat > sent; cat signed.crt ca.crt; exit 0'
	unfit 'it is for another key pair' "ssh:far:/enroll"

	# the same with that root in the key: fits, unless it has expired
	key_text "$(openssl x509 -in ca.crt -outform DER | sha256sum | cut -c1-64)"
	sign "$D/new/request.csr" $((-31 * 24))
	unfit 'certificate has expired' "ssh:far:/enroll"
	sign "$D/new/request.csr"
	ce "ssh:far:/enroll"
	cmp signed.crt "$D/cert.pem"
	cmp ca.crt "$D/chain.pem"
	# cut off in the middle
	rm "$D/cert.pem"
	BEFORE="cat > sent; cat signed.crt ca.crt | head -c 700; exit 1"
	run ce "ssh:far:/enroll"
	[ "$status" = 1 ]
	[[ $output == *'error:The certificate does not fit'* ]]
	[ ! -e "$D/cert.pem" ]
}

@test "through the key's own file, with the CSR alone" {
	machine
	ce "$K/enroll"
	fits
	is "$K/uses" 1
	rm "$D/cert.pem"
	ce "$K/enroll"
	fits
	is "$K/uses" 1
	# not for everybody
	machine "$T/stranger"
	chown -R 65534 "$D"
	run setpriv --reuid=65534 --regid=65534 --clear-groups sh "$CE" -d "$D" "$K/enroll"
	[ "$status" = 1 ]
	[[ $output == *'status(403) Permission denied'* ]]
	setpriv --reuid=65534 --regid=65534 --clear-groups sh "$CE" -d "$D" "$M/enroll"
	fits
	is "$K/uses" 2
}

# run_out NAME: the machine's certificate has expired.
run_out() {
	later -216 openssl req -x509 -new -key "$D/key.pem" -subj "/CN=$1" -days 1 -out "$D/cert.pem"
}

@test "an expired certificate: a new key pair, and enrolled again" {
	machine
	ce
	was=$(member)
	public "$D/key.pem" > first
	# the same machine, much later: its certificate has run out
	run_out "$was"
	ce 2> said
	fits
	[ "$(member)" = "$(ls "$G/members" | grep "^$was-")" ]
	diff - said <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via $M/enroll
		notice:Enrolled as $(member), certificate valid until $(end_of "$D/cert.pem")
	END
	not cmp -s <(public "$D/key.pem") first
	is "$K/uses" 2
	# while that is refused, everything stays as it is, and each attempt is with the same new key pair
	cp "$D/key.pem" key.old
	run_out "$was"
	cp -r "$D" before
	echo 2 > "$K/max_uses"
	run ce
	[ "$status" = 1 ]
	for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem"; done
	public "$D/new/key.pem" > second
	echo 3 > "$K/max_uses"
	ce
	fits
	public "$D/key.pem" | cmp - second
}

@test "a key pair whose certificate expired before it arrived makes room for a new one" {
	machine
	loopback
	export BEFORE='[ -e once ] || { : > once; cat > sent; echo "cat: write error: Key has expired" >&2
		echo "this public key'\''s certificate has expired; make a new key pair"; exit 1; }'
	ce "ssh:far:$M/enroll"
	fits
	openssl req -in sent -noout -pubkey > first
	not cmp -s <(public "$D/key.pem") first
	is "$K/uses" 1
}

@test "an answer that was lost comes again, though the provisioning key has expired since" {
	machine
	loopback
	export BEFORE='sh -c "${!#}" > lost; exit 1'
	run ce "ssh:far:$M/enroll"
	[ "$status" = 3 ]
	openssl x509 -in lost -noout
	untouched
	public "$D/key.pem" > first
	echo 1 > "$K/max_uses"
	echo 2020-01-01 > "$K/expires"
	is "$K/state" expired
	BEFORE=
	ce "ssh:far:$M/enroll"
	fits
	public "$D/key.pem" | cmp - first
	is "$K/uses" 1
	# a machine that asks for the first time comes too late
	rm "$D"/*.pem
	turned_down 403 'the provisioning key has expired'
}

@test "two runs at once: one of them enrols" {
	machine
	pids=
	for i in 1 2 3 4 5; do
		ce 2> "said.$i" 3>&- &
		pids="$pids $!"
	done
	for pid in $pids; do wait "$pid"; done
	fits
	is "$K/uses" 1
	[ "$(cat said.* | grep -c 'notice:Enrolled as')" = 1 ]
}

@test "the provisioning key is in no argument and no environment; only scratch is written to" {
	machine
	loopback
	secret=$(cut -d'|' -f3 "$D/provision_key" | cut -c 12-60)
	raw=$(cut -d'|' -f3 "$D/provision_key" | base64 -d | od -An -v -tx1 -j 8 -N 32 | tr -d ' \n')
	for target in "$M/enroll" "ssh:far:$M/enroll"; do
		for shell in "${SHELLS[@]}"; do
			rm -f "$D"/*.pem
			strace -f -v -s 100000 -e trace=execve,openat -o trace $shell "$CE" -d "$D" "$target" 2> said
			grep -q 'execve.*openssl' trace
			not grep -q -e "$secret" -e "$raw" trace said
			# what was made or opened for writing
			grep -E 'O_(WRONLY|RDWR)' trace | grep -oE '"/[^"]*"' | tr -d '"' | sort -u > written
			grep -q "$D/new/tmp" written
			# the last is how the recognized file is opened
			not grep -vE "^($D/(lock|new/tmp/.*)|$T/ssh.arguments|/dev/.*|/proc/self/fd/4)$" written
		done
	done
	# the control: a wrapped openssl that is given the secret would be seen
	strace -f -v -s 100000 -e trace=execve -o trace sh -c "openssl version; : $secret" > /dev/null
	grep -q "$secret" trace
}

# --- what a key is written to ---

# GATED: for BEFORE; the far side runs the gate for the directory GATE.
GATED='export SSH_ORIGINAL_COMMAND="${!#}"; exec sh "$GATE_SCRIPT" --gate "$GATE"'

# other_mount DOMAIN: an enrollfs for this domain, on T/other.
other_mount() {
	mkdir -p other
	"$ENROLLFS" -f -o "domain=$1" "$T/store2" "$T/other" 2>> log 3>&- &
	OTHER=$!
	wait_until mountpoint -q "$T/other"
}

# state_of FILE: what a write would change.
state_of() {
	stat --printf '%F %s %i %Y %Z\n' "$1"
	[ ! -f "$1" ] || cat "$1"
}

# no_target FILE REASON: the machine writes nothing there, wherever from, and says why.
no_target() {
	local target
	state_of "$1" > state
	for target in "$1" "ssh:far:$1"; do
		told 3 ce "$target" <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			notice:Enroll: Connecting to corp.example via $target
			error:Cannot reach $target: $1: $2
			$FAILED
		END
	done
	untouched
	state_of "$1" | diff state -
}

@test "a key is written to an enroll file of a mounted enrollfs and to nothing else" {
	machine
	loopback
	fs=$(df --output=fstype . | tail -n 1)
	elsewhere="not a file of enrollfs, but of $fs: is it mounted?"
	mkdir -p plain/app_connector/g/keys/k empty link
	echo corp.example > plain/domain
	echo precious > plain/enroll
	echo precious > plain/app_connector/g/keys/k/enroll
	echo precious > plain/hostname
	: > empty/enroll
	ln -s ../plain/hostname link/enroll
	no_target "$T/plain/enroll" "$elsewhere"
	no_target "$T/plain/app_connector/g/keys/k/enroll" "$elsewhere"
	no_target "$T/plain/hostname" "$elsewhere"
	no_target "$T/empty/enroll" "$elsewhere"
	no_target "$T/link/enroll" "$elsewhere"
	is plain/hostname precious

	mkfifo fifo
	for file in "$T/plain" "$T/fifo" /dev/null "$M/app_connector"; do
		no_target "$file" 'not a file of enrollfs'
	done
	ln -s nowhere dangling
	for file in "$T/typo/enroll" "$T/dangling" "$M/enrol" "$K/enrol"; do
		run ce "$file"
		[ "$status" = 3 ]
		[[ $output == *"$file: no such file: is it mounted?"* ]]
	done
	[ ! -e typo ] && [ ! -e nowhere ]
	# an attribute would keep it, readable
	for file in "$K/description" "$M/domain" "$G/enabled"; do
		no_target "$file" 'not an enroll file'
	done
	mkdir small
	bindfs -o fsname=enrollfs plain small
	no_target "$T/small/enroll" 'not a file of enrollfs, but of fuse: is it mounted?'
	umount small
	is "$K/uses" 0

	# a link to the true one is as good
	ln -s "$M/enroll" "$T/here"
	ce "$T/here"
	fits
}

@test "a mount that has gone, and a plain file where it was" {
	machine
	loopback
	cp "$D/provision_key" good
	stop
	run ce "$M/enroll"
	[ "$status" = 3 ]
	[ ! -e "$M/enroll" ]
	echo corp.example > "$M/domain"
	echo precious > "$M/enroll"
	no_target "$M/enroll" "not a file of enrollfs, but of $(df --output=fstype . | tail -n 1): is it mounted?"
	rm "$M/enroll" "$M/domain"
}

@test "an enrollfs for another domain is not this key's" {
	machine
	loopback
	other_mount other.example
	no_target "$T/other/enroll" 'of an enrollfs for other.example, not for corp.example'
	# whatever lies beside a file that is bound to another place
	touch bound
	mount --bind "$T/other/enroll" bound
	no_target "$T/bound" 'not an enroll file'
	umount bound
	mkdir elsewhere
	touch elsewhere/enroll
	echo corp.example > elsewhere/domain
	mount --bind "$T/other/enroll" elsewhere/enroll
	no_target "$T/elsewhere/enroll" 'the domain of its enrollfs cannot be read'
	umount elsewhere/enroll
	not grep -q 'enroll refused' log
}

@test "the gate looks at what it writes to as well" {
	machine
	loopback
	export GATE_SCRIPT=$CE BEFORE=$GATED
	mkdir plain
	echo corp.example > plain/domain
	echo precious > plain/enroll
	export GATE=$T/plain
	run ce "ssh:far:$T/plain/enroll"
	[ "$status" = 3 ]
	[[ $output == *"$T/plain/enroll: not a file of enrollfs"* ]]
	is plain/enroll precious
	other_mount other.example
	GATE=$T/other
	run ce "ssh:far:$T/other/enroll"
	[ "$status" = 3 ]
	[[ $output == *'of an enrollfs for other.example, not for corp.example'* ]]
	not grep -q 'enroll refused' log
	# a connector of version 0.1.0 names no domain
	csr web1
	cat "$D/provision_key" web1.csr > request
	refused 'not a file of enrollfs' env SSH_ORIGINAL_COMMAND="exec sh -c 'x' sh '$T/plain/enroll'" \
		sh "$CE" --gate "$T/plain" < request
	is plain/enroll precious
	SSH_ORIGINAL_COMMAND="exec sh -c 'x' sh '$M/enroll'" sh "$CE" --gate "$M" < request > web1.crt
	verifies web1.crt
	GATE=$M
	ce "ssh:far:$M/enroll"
	fits
}

# --- this machine's disk ---

# small FREE: T/small/d is the machine's directory, on a file system with FREE KiB left.
small() {
	mountpoint -q "$T/small" || { mkdir -p "$T/small" && mount -t tmpfs -o size=1m small "$T/small"; }
	mkdir -p "$D"
	fill "$1"
}

# fill FREE: KiB.
fill() {
	rm -f small/filler
	cat /dev/zero > small/filler 2> /dev/null || :
	[ "$1" = 0 ] || truncate -s "-${1}K" small/filler
}

full() { printf 'error:No space left in %s: No space left on device; free 48 KiB there and run this again\n' "$D"; }

@test "a full disk is told in one line, and leaves nothing that is in the way" {
	D=$T/small/d
	small 0
	rm small/filler
	machine "$D"
	for free in 0 4 8 12 16 20 24 28 32 36; do
		fill $free
		{
			echo notice:Checking\ Enrollment
			echo 'notice:No valid certificate. Attempting to enroll'
			full
		} | told 2 ce
		rm small/filler
	done
	is "$K/uses" 0
	untouched
	# with room enough for a run, nothing else is needed
	fill 48
	ce
	fits
	is "$K/uses" 1
	# nothing to do needs no room
	fill 0
	nothing_to_do | told 0 ce
}

@test "a directory that cannot be made or written to" {
	machine
	: > file
	for d in "$T/file" /proc/nowhere; do
		run sh "$CE" -d "$d" "$M/enroll"
		[ "$status" = 2 ]
		[[ $output == "error:Cannot write to $d: "* ]]
	done
	mkdir small
	mount -t tmpfs -o size=1m,ro small small
	echo "error:Cannot write to $T/small: Read-only file system" | told 2 sh "$CE" -d "$T/small" "$M/enroll"
	umount small
	# no inode is left
	mount -t tmpfs -o nr_inodes=1 small small
	for d in "$T/small" "$T/small/d"; do
		echo "error:No space left in $d: No space left on device; free 48 KiB there and run this again" |
			told 2 sh "$CE" -d "$d" "$M/enroll"
	done
	is "$K/uses" 0
}

@test "a full disk while renewing" {
	echo 3 > "$M/certs/connector/validity_days"
	D=$T/small/d
	small 0
	rm small/filler
	machine "$D"
	ce 2> said
	cp -r "$D" before
	for free in 0 4 8 20 36; do
		fill $free
		{
			echo notice:Checking\ Enrollment
			echo "notice:Certificate valid until $(end_of "$D/cert.pem"). Attempting to renew"
			full
		} | told 2 later 49 sh "$CE" -d "$D" "$M/enroll"
		rm small/filler
		diff -r before "$D"
	done
	fill 48
	later 49 sh "$CE" -d "$D" "$M/enroll"
	fits
	not cmp -s before/key.pem "$D/key.pem"
	is "$K/uses" 1
}

@test "the disk fills up during a conversation" {
	D=$T/small/d
	small 0
	rm small/filler
	machine "$D"
	loopback
	export BEFORE="cat /dev/zero > $T/small/filler"
	run ce "ssh:far:$M/enroll"
	[ "$status" = 2 ]
	[[ $output == *"$(full)" ]]
	rm small/filler
	untouched
	public "$D/key.pem" > first
	BEFORE=
	ce "ssh:far:$M/enroll"
	fits
	public "$D/key.pem" | cmp - first
	is "$K/uses" 1
}

@test "what a full disk or a crash has left behind is replaced" {
	machine
	ce
	cp -r "$D" good
	for damage in 'truncate -s 0 key.pem' 'truncate -s 100 key.pem' 'rm key.pem' 'echo hello > key.pem'; do
		# no certificate yet: another key pair is as good
		rm -rf "$D"/*.pem
		cp good/key.pem "$D"
		(cd "$D" && eval "$damage")
		ce
		fits
	done
	for damage in ': > new/request.csr' 'echo hello > new/request.csr' 'head -c 200 ../good.csr > new/request.csr' \
		"sed '3s/A/B/; 4s/A/B/; 5s/A/B/; 6s/a/b/' ../good.csr > new/request.csr" \
		': > chain.pem' 'head -c 300 ../good/chain.pem > chain.pem' 'truncate -s -99 chain.pem' ': > cert.pem' 'rm chain.pem'; do
		rm -rf "$D"/*.pem
		cp good/*.pem "$D"
		mkdir "$D/new"
		openssl req -new -key good/key.pem -subj /CN=x -out good.csr
		case $damage in
		*new/*) rm "$D/cert.pem" ;;
		esac
		(cd "$D" && eval "$damage")
		ce
		fits
		cmp good/key.pem "$D/key.pem"
		cmp good/cert.pem "$D/cert.pem"
	done
	is "$K/uses" 5
	# a key pair with a passphrase is somebody's
	rm "$D"/*.pem
	openssl pkey -in good/key.pem -aes128 -passout pass:secret -out "$D/key.pem"
	cp "$D/key.pem" locked
	run ce
	[ "$status" = 2 ]
	[[ $output == *"error:Cannot make a request with the key pair $D/key.pem" ]]
	cmp locked "$D/key.pem"
}

@test "a staged key pair that is damaged is replaced when renewing" {
	short_lived
	for damage in ': > key.pem' 'head -c 50 ../key.pem > key.pem' ': > request.csr; : > key.pem'; do
		mkdir "$D/new"
		(cd "$D/new" && eval "$damage")
		later 49 sh "$CE" -d "$D" "$M/enroll"
		fits
		enrolled "$NAME"
	done
	is "$K/uses" 1
}

# --- what comes back ---

@test "an endless answer is refused" {
	machine
	loopback
	csr web1
	openssl req -x509 -key web1.pem -subj /CN=x -out web1.crt
	for before in 'head -c 400000000 /dev/zero' 'yes | head -c 400000000' \
		'yes -- "-----BEGIN CERTIFICATE-----" | head -c 400000000' \
		"cat $T/web1.crt; yes '' | head -c 400000000" "while cat $T/web1.crt; do :; done"; do
		export BEFORE="$before; exit 0"
		told 1 ce "ssh:far:$M/enroll" <<-END
			notice:Checking Enrollment
			notice:No valid certificate. Attempting to enroll
			notice:Enroll: Connecting to corp.example via ssh:far:$M/enroll
			error:Login request failed - status(400) the answer is longer than 256 KiB: is that enrollfs?
			$FAILED
		END
		untouched
	done
	# as messages
	BEFORE='yes not | head -c 400000000 >&2; exit 3'
	run ce "ssh:far:$M/enroll"
	[ "$status" = 3 ]
	[[ $output == *"error:Cannot reach ssh:far:$M/enroll: not"* ]]
	[ "$(du -sk "$D" | cut -f1)" -lt 100 ]
	BEFORE=
	ce "ssh:far:$M/enroll"
	fits
}

@test "a certificate that came by a system of other customs" {
	machine
	loopback
	for edit in 's/$/\r/' '1s/^/\xef\xbb\xbf/' 's/$/  \t/' 's/^/  /' '/BEGIN/i subject=CN = x\nissuer=y\n' '/END/a \\'; do
		rm -f "$D"/*.pem
		export BEFORE="exec > >(sed '$edit')"
		ce "ssh:far:$M/enroll"
		fits
	done
}

# --- the provisioning key's file ---

@test "a key's text may be folded, quoted, marked or wide, and is sent as it was" {
	machine
	cp "$D/provision_key" good
	key=$(cat good)
	for edit in '1s/^/\xef\xbb\xbf/' 's/$/\r/' 's/.\{64\}/&\n/g' 's/.\{30\}/&\r\n/g' 's/.*/"&"/' "s/.*/'&'/" \
		's/^/ \t/; s/$/ \t /' 's/|/ | /g' '1i\\' '$a # of the group berlin' 's/^/\xe2\x80\x9c/; s/$/\xe2\x80\x9d/'; do
		sed "$edit" good > "$D/provision_key"
		rm -f "$D"/*.pem
		ce
		fits
	done
	iconv -t UTF-16 good > "$D/provision_key"
	rm -f "$D"/*.pem
	ce
	fits
	printf '%s' "$key" > "$D/provision_key"
	rm -f "$D"/*.pem
	ce
	fits
	is "$K/uses" 13
}

@test "a key on standard input" {
	machine
	cp "$D/provision_key" good
	rm "$D/provision_key"
	for shell in "${SHELLS[@]}"; do
		cat good | $shell "$CE" -d "$D" -k - "$M/enroll"
		openssl x509 -in "$D/cert.pem" -noout
		rm "$D"/*.pem
	done
	[ -z "$(find "$D" -type f ! -name lock)" ]
	run sh "$CE" -d "$D" -k - "$M/enroll" < /dev/null
	[ "$status" = 1 ]
	[[ $output == *'status(401) not a provisioning key'* ]]
	not grep -rqF "$(cut -d'|' -f3 good)" "$D"
}

@test "without a key's file, the key is asked for on a terminal, without echo" {
	needs terminals
	machine
	rm "$D/provision_key"
	for shell in "${SHELLS[@]}"; do
		for fold in 200 64; do
			rm -f "$D"/*.pem
			fold -w $fold "$K/key" | python3 "$BATS_TEST_DIRNAME/terminal.py" $shell "$CE" -d "$D" "$M/enroll" > screen
			grep -q '^Provisioning key: ' screen
			grep -q 'notice:Enrolled as' screen
			openssl x509 -in "$D/cert.pem" -noout
		done
	done
	# nobody is asked when there is nothing to do, or by a timer
	echo | python3 "$BATS_TEST_DIRNAME/terminal.py" sh "$CE" -d "$D" "$M/enroll" > screen
	not grep -q 'Provisioning key' screen
	rm "$D"/*.pem
	run ce
	[ "$status" = 2 ]
	# given up
	python3 "$BATS_TEST_DIRNAME/terminal.py" --interrupt sh "$CE" -d "$D" "$M/enroll" > screen
	grep -q '^Provisioning key: ' screen
}

@test "a key that other users can read is told" {
	machine
	chmod 644 "$D/provision_key"
	echo 0 > "$K/max_uses"
	told 1 ce <<-END
		notice:Checking Enrollment
		notice:Other users can read the provisioning key $D/provision_key: chmod 600 it
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via $M/enroll
		error:Login request failed - status(429) the provisioning key is used up: 0 of 0 uses; raise max_uses
		$FAILED
	END
	echo max > "$K/max_uses"
	mv "$D/provision_key" usb
	applets
	env PATH="$T/applets" busybox sh "$CE" -d "$D" -k usb "$M/enroll" 2> said
	grep -q 'Other users can read the provisioning key usb' said
	chmod 640 usb
	ce "$M/enroll" -k usb 2> said
	not grep -q 'Other users' said
}

@test "a run waits for another one, in every shell" {
	machine
	sed -i 's/^LIMIT=120 /LIMIT=1 /' "$CE"
	exec 7> "$D/lock"
	flock 7
	for shell in "${SHELLS[@]}"; do
		echo "error:Another run is at work in $D" | told 1 $shell "$CE" -d "$D" "$M/enroll" 7>&-
	done
	exec 7>&-
	for shell in "${SHELLS[@]}"; do
		rm -f "$D"/*.pem
		$shell "$CE" -d "$D" "$M/enroll"
		fits
	done
}

# --- died ---

# Every sixth command, from another one each time; with CRASH_ROUNDS every one.
EVERY=${CRASH_ROUNDS:+1}
EVERY=${EVERY:-6}

# mortal N: a run of the machine that is killed, with whatever else of it can be reached, before its
# N-th command. Sets lived if it came to its end before that.
mortal() {
	local rc=0
	[ -e mortal ] || make_mortal
	: > count
	"${CLOCK[@]}" env PATH="$T/mortal" COUNT="$T/count" DIE_AT="$1" /usr/bin/setsid -w \
		/usr/bin/dash -c 'export MAIN=$$; exec "$@"' - /usr/bin/dash "$CE" -d "$D" "$M/enroll" \
		2> said || rc=$?
	case $rc in
	0) lived=1 ;;
	137) lived= ;;
	*) echo "neither killed nor done: $rc" >&2; cat said >&2; return 1 ;;
	esac
}

# A folder that is all of a PATH: every command counts itself.
make_mortal() {
	mkdir mortal
	cat > count.sh <<-'END'
		#!/bin/dash
		printf . >> "$COUNT"
		read -r dots < "$COUNT"
		[ ${#dots} -lt "$DIE_AT" ] || kill -9 "$MAIN" 0
		exec "/usr/bin/${0##*/}" "$@"
	END
	chmod 755 count.sh
	for name in $(busybox --list) flock openssl; do
		[ ! -x "/usr/bin/$name" ] || ln -s ../count.sh "mortal/$name"
	done
}

# whole: no file of the machine's is partly written, open to others, or has the provisioning key in it.
whole() {
	[ ! -e "$D/key.pem" ] || openssl pkey -in "$D/key.pem" -noout || return 1
	for file in cert chain; do
		[ ! -e "$D/$file.pem" ] || openssl x509 -in "$D/$file.pem" -noout || return 1
	done
	[ -z "$(find "$D" \( -name key.pem -o -name new -o -name ready \) -perm /077)" ] || return 1
	! grep -rqF "$(cut -d'|' -f3 "$D/provision_key")" "$D" --exclude=provision_key
}

@test "died anywhere while enrolling: the next run finishes, with the same key pair and one use" {
	machine
	cp "$D/provision_key" good
	n=$((RANDOM % EVERY)) round=0 lived=
	while [ -z "$lived" ]; do
		round=$((round + 1)) n=$((n + EVERY))
		rm -rf "$D"
		mkdir "$D"
		cp good "$D/provision_key"
		mortal $n
		had=
		if [ -z "$lived" ]; then
			whole
			[ ! -e "$D/key.pem" ] || had=$(public "$D/key.pem")
			ce 2> said
		fi
		fits
		[ -z "$had" ] || [ "$had" = "$(public "$D/key.pem")" ]
		is "$K/uses" $round
	done
	[ $n -gt 40 ]
	[ "$(ls "$G/members" | wc -l)" = $round ]
	echo "# died at $((round - 1)) places ok" >&3
}

@test "died anywhere while a new key pair replaces an expired one" {
	machine
	ce
	run_out old
	public "$D/key.pem" > old
	cp -r "$D" expired
	n=$((RANDOM % EVERY)) round=0 lived=
	while [ -z "$lived" ]; do
		round=$((round + 1)) n=$((n + EVERY))
		rm -r "$D"
		cp -r expired "$D"
		mortal $n
		if [ -z "$lived" ]; then
			whole
			ce 2> said
		fi
		fits
		not cmp -s <(public "$D/key.pem") old
		is "$K/uses" $((round + 1))
	done
	[ $n -gt 40 ]
}

@test "ended by a signal it leaves no scratch, and the next run finishes" {
	machine
	loopback
	for signal in HUP INT TERM; do
		export BEFORE="kill -$signal \$MAIN; cat > sent; exit 1"
		rc=0
		env --default-signal=HUP,INT,TERM sh -c 'export MAIN=$$; exec sh "$@"' - "$CE" -d "$D" "ssh:far:$M/enroll" 2> said || rc=$?
		[ $rc -gt 128 ]
		[ "$(find "$D" -type f -printf '%P\n' | sort | tr '\n' ' ')" = 'key.pem lock new/request.csr provision_key ' ]
		rm -r "$D/new" "$D/key.pem"
	done
	unset BEFORE
	ce "ssh:far:$M/enroll"
	fits
}

# --- renewing ---


# short_lived: the machine is enrolled for three days.
short_lived() {
	echo 3 > "$M/certs/connector/validity_days"
	machine
	ce 2> said
	NAME=$(member)
}

@test "two thirds of the lifetime gone: renewed, with a new key pair and no use" {
	short_lived
	cp -r "$D" before
	nothing_to_do | told 0 later 47 sh "$CE" -d "$D" "$M/enroll"
	diff -r before "$D"
	for shell in "${SHELLS[@]}"; do
		public "$D/key.pem" > old
		until=$(end_of "$D/cert.pem")
		later 49 $shell "$CE" -d "$D" "$M/enroll" 2> said
		fits
		enrolled "$NAME"
		not cmp -s <(public "$D/key.pem") old
		diff - said <<-END
			notice:Checking Enrollment
			notice:Certificate valid until $until. Attempting to renew
			notice:Renew: Connecting to corp.example via $M/enroll
			notice:Renewed as $NAME, certificate valid until $(end_of "$D/cert.pem")
		END
	done
	ls "$G/members" | diff - <(echo "$NAME")
	is "$K/uses" 1
	is "$M/certs/connector/issued" $((1 + ${#SHELLS[@]}))
	nothing_to_do | told 0 ce
	# not even the provisioning key is needed
	rm "$D/provision_key"
	later 49 sh "$CE" -d "$D" "$M/enroll"
	enrolled "$NAME"
}

@test "a renewal where TARGET is the key's own file" {
	short_lived
	later 49 sh "$CE" -d "$D" "$K/enroll" 2> said
	grep -q "notice:Renewed as $NAME" said
	fits
	enrolled "$NAME"
	is "$K/uses" 1
	is "$M/certs/connector/issued" 2
}

@test "a refused renewal leaves everything as it was" {
	short_lived
	cp -r "$D" before
	until=$(end_of "$D/cert.pem")
	stays() {
		for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem" || return 1; done
	}
	echo 0 > "$M/certs/connector/enabled"
	run later 49 sh "$CE" -d "$D" "$M/enroll"
	[ "$status" = 1 ]
	[[ $output == *'error:Login request failed - status(403)'* ]]
	[[ $output == *"notice:The present certificate is valid until $until"* ]]
	[[ $output == *'notice:Certificate renewal failed.'* ]]
	stays
	echo 1 > "$M/certs/connector/enabled"
	run later 49 sh "$CE" -d "$D" "$T/no/enroll"
	[ "$status" = 3 ]
	[[ $output == *'notice:Certificate renewal failed.'* ]]
	stays
	public "$D/new/key.pem" > second
	later 49 sh "$CE" -d "$D" "$M/enroll"
	fits
	public "$D/key.pem" | cmp - second
	# removed there, and so revoked; there is no key to enroll again with
	rmdir "$G/members/$NAME" && rm "$D/provision_key"
	cp "$D"/*.pem before
	run later 49 sh "$CE" -d "$D" "$M/enroll"
	[ "$status" = 1 ]
	[[ $output == *"error:This machine's certificate has been revoked"* ]]
	stays
	is "$K/uses" 1
}

@test "a renewal's answer with another root is not installed" {
	short_lived
	cp -r "$D" before
	loopback
	other_ca
	export BEFORE='cat > sent; openssl x509 -req -in sent -CA ca.crt -CAkey ca.pem -extfile ext -days 30; cat ca.crt; exit 0'
	run later 49 sh "$CE" -d "$D" "ssh:far:$M/enroll"
	[ "$status" = 1 ]
	[[ $output == *'error:The certificate does not fit: its chain ends in a root that is not'* ]]
	for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem"; done
}

@test "died anywhere while renewing: the next run finishes, with one more certificate" {
	short_lived
	CLOCK=(later 49)
	n=$((RANDOM % EVERY)) round=0 lived=
	while [ -z "$lived" ]; do
		round=$((round + 1)) n=$((n + EVERY))
		public "$D/key.pem" > old
		cp "$D/cert.pem" old.crt
		mortal $n
		if [ -z "$lived" ]; then
			whole
			# by the later clock the new certificate is due as well
			if [ -d "$D/ready" ] || ! cmp -s "$D/cert.pem" old.crt; then CLOCK=(); fi
			"${CLOCK[@]}" sh "$CE" -d "$D" "$M/enroll" 2> said
			CLOCK=(later 49)
		fi
		fits
		enrolled "$NAME"
		not cmp -s <(public "$D/key.pem") old
		is "$M/certs/connector/issued" $((round + 1))
	done
	[ $n -gt 40 ]
	ls "$G/members" | diff - <(echo "$NAME")
	is "$K/uses" 1
	echo "# died at $((round - 1)) places ok" >&3
}

# --- revoked, replaced, moved ---

# anew WAS USES: the machine has another key pair and another member's certificate than WAS.
anew() {
	fits
	not cmp -s <(public "$D/key.pem") was.pub
	[ "$(member)" != "$1" ]
	enrolled "$(member)"
	is "$K/uses" "$2"
}

@test "a revoked machine says so, and enrolls again with a new key pair" {
	short_lived
	public "$D/key.pem" > was.pub
	cp -r "$D" before
	echo keyCompromise > "$G/members/$NAME/revocation"
	loopback
	export BEFORE=
	# over ssh, when it is to be renewed
	later 49 sh "$CE" -d "$D" "ssh:far:$M/enroll" 2> said
	diff - said <<-END
		notice:Checking Enrollment
		notice:Certificate valid until $(end_of before/cert.pem). Attempting to renew
		notice:Renew: Connecting to corp.example via ssh:far:$M/enroll
		error:Login request failed - status(403) this member's certificate has been revoked
		notice:Attempting to enroll with a new key pair
		notice:Enroll: Connecting to corp.example via ssh:far:$M/enroll
		notice:Enrolled as $(member), certificate valid until $(end_of "$D/cert.pem")
	END
	anew "$NAME" 2
	# at a mount of this machine, with the next run
	rm -r "$D"
	cp -r before "$D"
	ce 2> said
	diff - said <<-END
		notice:Checking Enrollment
		error:This machine's certificate has been revoked
		notice:Attempting to enroll with a new key pair
		notice:Enroll: Connecting to corp.example via $M/enroll
		notice:Enrolled as $(member), certificate valid until $(end_of "$D/cert.pem")
	END
	anew "$NAME" 3
	nothing_to_do | told 0 ce
	# the certificate was lost too: the key pair that was revoked makes room
	rm -r "$D"
	cp -r before "$D"
	rm "$D/cert.pem"
	ce 2> said
	grep -q "error:Login request failed - status(409) this public key's certificate has been revoked" said
	anew "$NAME" 4
}

@test "a revoked machine without a key, or with one that is used up, says so at each run and keeps what it has" {
	short_lived
	public "$D/key.pem" > was.pub
	echo 1 > "$K/max_uses"
	rmdir "$G/members/$NAME"
	cp -r "$D" before
	for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem"; done
	for i in 1 2; do
		told 1 ce <<-END
			notice:Checking Enrollment
			error:This machine's certificate has been revoked
			notice:Attempting to enroll with a new key pair
			notice:Enroll: Connecting to corp.example via $M/enroll
			error:Login request failed - status(429) the provisioning key is used up: 1 of 1 uses; raise max_uses
			$FAILED
		END
		for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem"; done
	done
	mv "$D/provision_key" aside
	told 1 ce <<-END
		notice:Checking Enrollment
		error:This machine's certificate has been revoked
		notice:To enroll again with a new key pair, put a provisioning key into $D/provision_key
		$FAILED
	END
	loopback
	told 1 later 49 sh "$CE" -d "$D" "ssh:far:$M/enroll" <<-END
		notice:Checking Enrollment
		notice:Certificate valid until $(end_of "$D/cert.pem"). Attempting to renew
		notice:Renew: Connecting to corp.example via ssh:far:$M/enroll
		error:Login request failed - status(403) this member's certificate has been revoked
		notice:To enroll again with a new key pair, put a provisioning key into $D/provision_key
		notice:Certificate renewal failed.
	END
	for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem"; done
	mv aside "$D/provision_key"
	echo 2 > "$K/max_uses"
	ce
	anew none 2
}

@test "a directory from an older backup, and a store that does not know the machine" {
	short_lived
	public "$D/key.pem" > was.pub
	cp -r "$D" before
	later 49 sh "$CE" -d "$D" "$M/enroll"
	rm -r "$D"
	cp -r before "$D"
	later 49 sh "$CE" -d "$D" "$M/enroll" 2> said
	grep -q 'error:Login request failed - status(401).*has been replaced by a renewal' said
	anew none 2
	# the member's key is nowhere in the store
	rm -r "$D"
	cp -r before "$D"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$D/key.pem" 2> /dev/null
	openssl req -x509 -key "$D/key.pem" -subj "/O=corp.example/CN=x" -days 3 -out "$D/cert.pem"
	later 49 sh "$CE" -d "$D" "$M/enroll" 2> said
	grep -q 'error:Login request failed - status(401).*has no certificate from here' said
	anew none 3
}

@test "a member that was renamed renews, also where TARGET is the key's own file" {
	short_lived
	mv "$G/members/$NAME" "$G/members/other"
	later 49 sh "$CE" -d "$D" "$K/enroll"
	fits
	enrolled other
	is "$K/uses" 1
}

@test "a member whose key has moved to another root" {
	short_lived
	cp -r "$D" before
	mkdir "$M/certs/root2"
	echo self > "$M/certs/root2/issuer"
	mkdir "$M/certs/connector2"
	echo root2 > "$M/certs/connector2/issuer"
	echo 3 > "$M/certs/connector2/validity_days"
	echo connector2 > "$K/signing_cert"
	# a mount of this machine is trusted to say so
	later 49 sh "$CE" -d "$D" "$M/enroll" 2> said
	diff - said <<-END
		notice:Checking Enrollment
		notice:Certificate valid until $(end_of before/cert.pem). Attempting to renew
		notice:Renew: Connecting to corp.example via $M/enroll
		notice:The signing certificate has another root now, with the SHA-256 $(cat "$M/certs/root2/fingerprint")
		notice:Renewed as $NAME, certificate valid until $(end_of "$D/cert.pem")
	END
	enrolled "$NAME"
	cmp "$D/chain.pem" <(cat "$M"/certs/{connector2,root2}/cert.pem)
	# from then on it is the one that is known
	later 49 sh "$CE" -d "$D" "$M/enroll" 2> said
	not grep -q 'another root' said
	enrolled "$NAME"
	is "$K/uses" 1
}

@test "behind ssh, another root needs the key's text again" {
	short_lived
	cp -r "$D" before
	loopback
	mkdir "$M/certs/root2"
	echo self > "$M/certs/root2/issuer"
	echo root2 > "$K/signing_cert"
	told 1 later 49 sh "$CE" -d "$D" "ssh:far:$M/enroll" <<-END
		notice:Checking Enrollment
		notice:Certificate valid until $(end_of before/cert.pem). Attempting to renew
		notice:Renew: Connecting to corp.example via ssh:far:$M/enroll
		error:The certificate does not fit: its chain ends in a root that is not known here: copy the provisioning key here again
		notice:Certificate renewal failed.
	END
	for file in key cert chain; do cmp "before/$file.pem" "$D/$file.pem"; done
	later 49 sh "$CE" -d "$D" -k - "ssh:far:$M/enroll" < "$K/key"
	enrolled "$NAME"
	cmp "$D/chain.pem" "$M/certs/root2/cert.pem"
	is "$K/uses" 1
}

@test "times are reckoned as date does" {
	sed -n '/^seconds()/,/^}/p' "$CE" > seconds
	# mksh counts in 32 bits: there, only what is between two times is right
	echo 'begin=$(seconds "$1" "$2" "$3" "$4"); end=$(seconds "$5" "$6" "$7" "$8"); echo $((end - begin))' >> seconds
	spelled() { LC_ALL=C date -u -d "$1" '+%b %e %T %Y'; }
	for time in 1970-01-01T00:00:00 1999-12-31T23:59:59 2000-02-29T12:00:00 2000-03-01T08:09:09 \
		2024-02-29T00:00:01 2026-01-08T09:08:07 2026-11-22T10:15:00 2038-01-19T03:14:08 \
		2049-12-31T23:59:59 2100-02-28T23:59:59 2100-03-01T00:00:00 2400-10-09T18:00:08; do
		for from in 1970-01-01 "$time 30 years ago"; do
			for shell in "${SHELLS[@]}"; do
				[ "$shell $from" != 'mksh 1970-01-01' ] || continue
				# shellcheck disable=SC2046 # the four words of each are four arguments
				[ "$($shell seconds $(spelled "$from") $(spelled "$time"))" = \
					$(($(date -u -d "$time" +%s) - $(date -u -d "$from" +%s))) ]
			done
		done
	done
}

# --- over ssh ---

# far GATE: an sshd of an unprivileged user on loopback, where a key may run the forced command GATE.
far() {
	id enrollfs-far > /dev/null 2>&1 || : > "$BATS_FILE_TMPDIR/user"
	id enrollfs-far > /dev/null 2>&1 || useradd --system --no-create-home --home-dir / --shell /bin/sh enrollfs-far
	mkdir -p server client
	PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	ssh-keygen -q -t ed25519 -N '' -C '' -f server/host
	ssh-keygen -q -t ed25519 -N '' -C '' -f client/id
	echo "command=\"$1\",restrict $(cat client/id.pub)" > server/authorized_keys
	echo "[127.0.0.1]:$PORT $(cat server/host.pub)" > client/known_hosts
	cat > server/config <<-END
		Port $PORT
		ListenAddress 127.0.0.1
		HostKey $T/server/host
		AuthorizedKeysFile $T/server/authorized_keys
		PidFile none
		StrictModes no
		UsePAM no
		PasswordAuthentication no
		KbdInteractiveAuthentication no
	END
	cat > client/config <<-END
		Port $PORT
		User enrollfs-far
		IdentityFile $T/client/id
		IdentitiesOnly yes
		UserKnownHostsFile $T/client/known_hosts
		StrictHostKeyChecking yes
	END
	chown -R enrollfs-far server
	chown -R nobody client
	setpriv --reuid=enrollfs-far --regid=enrollfs-far --clear-groups \
		/usr/sbin/sshd -D -e -f server/config 2> server.log 3>&- &
	SSHD=$!
	wait_until bash -c ": < /dev/tcp/127.0.0.1/$PORT" 2> /dev/null
}

no_more_far() {
	[ -n "${SSHD-}" ] || return 0
	kill "$SSHD"
	wait "$SSHD" || :
	SSHD=
}

# near [COMMAND...] TARGET: the machine's run, as nobody.
near() {
	chown -R nobody "$D"
	"${@:1:$#-1}" setpriv --reuid=nobody --regid=65534 --clear-groups \
		env HOME=/ CONNECTOR_SSH="ssh -F $T/client/config" sh "$CE" -d "$D" "${!#}"
}

@test "over ssh, through the gate" {
	far "$CE --gate $M"
	machine
	echo 0 > "$K/max_uses"
	told 1 near "ssh:127.0.0.1:$M/enroll" <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via ssh:127.0.0.1:$M/enroll
		error:Login request failed - status(429) the provisioning key is used up: 0 of 0 uses; raise max_uses
		$FAILED
	END
	untouched
	echo 1 > "$K/max_uses"
	near "ssh:127.0.0.1:$M/enroll"
	fits
	NAME=$(member)
	is "$G/members/$NAME/enrolled_by" "$(id -u enrollfs-far)"
	# nothing else is to be had, nor any other command
	for command in "cat $M/domain" "exec sh -c x sh '$K/enroll'" "cat '$M/enroll'/../domain" sh; do
		run setpriv --reuid=nobody --regid=65534 --clear-groups \
			ssh -F "$T/client/config" 127.0.0.1 "$command" < /dev/null
		[ "$status" = 1 ]
		[ "$output" = "only $M/enroll and $M/renew are to be had here" ]
	done
	is "$K/uses" 1
	no_more_far
	run near "ssh:127.0.0.1:$M/enroll"
	[ "$status" = 0 ]
	rm "$D/cert.pem"
	run near "ssh:127.0.0.1:$M/enroll"
	[ "$status" = 3 ]
	[[ $output == *'Connection refused'* ]]
}

@test "over ssh, through a plain forced command" {
	far "sh -c 'exec 3<>$M/enroll; cat >&3; cat <&3'"
	machine
	echo 0 > "$K/max_uses"
	told 1 near "ssh:127.0.0.1:/wherever/enroll" <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via ssh:127.0.0.1:/wherever/enroll
		error:Login request failed - status(429) the provisioning key is used up: 0 of 0 uses; raise max_uses
		$FAILED
	END
	echo 1 > "$K/max_uses"
	near "ssh:127.0.0.1:/wherever/enroll"
	fits
	is "$K/uses" 1
}

@test "over ssh, renewed through the gate" {
	far "$CE --gate $M/"
	echo 3 > "$M/certs/connector/validity_days"
	machine
	near "ssh:127.0.0.1:$M/enroll"
	NAME=$(member)
	near later 49 "ssh:127.0.0.1:$M/enroll" 2> said
	grep -q "notice:Renewed as $NAME" said
	fits
	enrolled "$NAME"
	is "$K/uses" 1
	is "$M/certs/connector/issued" 2
}
