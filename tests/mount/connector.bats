#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# connector-enroll, the machine's side: against a real mount, in every shell it is for, died anywhere,
# and over a real sshd.

load helper

FAILED='notice:Certificate enrollment failed.'

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
	take_down_mount
}

# machine [DIR]: D is a machine's directory; it has the text of the key auto.
machine() {
	D=${1:-$T/d}
	mkdir -p "$D"
	echo max > "$K/max_uses"
	cat "$K/key" > "$D/provision_key"
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

public() {
	case $1 in
	*key.pem) openssl pkey -in "$1" -pubout ;;
	*) openssl x509 -in "$1" -noout -pubkey ;;
	esac
}

# fits [DIR]: key, certificate and chain belong together, have their modes, and are all there is.
fits() {
	local d=${1:-$D}
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
	for shell in dash bash 'busybox sh'; do
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
		echo notice:Checking\ Enrollment | told 0 env -i PATH="$path" $shell "$CE" -d "$D" "$M/enroll"
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
	: > plain
	told 3 ce "$T/plain" <<-END
		notice:Checking Enrollment
		notice:No valid certificate. Attempting to enroll
		notice:Enroll: Connecting to corp.example via $T/plain
		error:Cannot reach $T/plain: no answer: is it a file of enrollfs?
		$FAILED
	END
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
	for arguments in '' '-x y' 'a b' '-d' 'ssh:host' 'ssh::/x' 'ssh:-oProxyCommand=x:/x' '--gate'; do
		run sh "$CE" -d "$D" $arguments
		[ "$status" = 2 ]
		[[ $output == *usage:* ]]
	done
	run sh "$CE" --gate
	[ "$status" = 2 ]
	is "$K/uses" 0
	run sh "$CE" --help
	[ "$status" = 0 ]
	[[ $output == *CONNECTOR_SSH* ]]
	run sh "$CE" --version
	[ "$output" = 'connector-enroll 0.1.0' ]
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
		openssl x509 -req -in "$1" -CA ca.crt -CAkey ca.pem -extfile ext -days "$2" -out signed.crt 2> /dev/null
	}
	sign "$D/new/request.csr" 30
	export BEFORE='cat > sent; cat signed.crt ca.crt; exit 0'
	unfit 'its chain ends in a root that is not the one named in the provisioning key' "ssh:far:/enroll"
	BEFORE="cat > sent; cat signed.crt ca.crt $M/certs/root/cert.pem; exit 0"
	unfit 'self-signed certificate in certificate chain' "ssh:far:/enroll"
	BEFORE="cat > sent; cat signed.crt; exit 0"
	unfit 'its chain ends in a root that is not the one named in the provisioning key' "ssh:far:/enroll"
	csr web1
	sign web1.csr 30
	BEFORE='cat > sent; cat signed.crt ca.crt; exit 0'
	unfit 'it is for another key pair' "ssh:far:/enroll"

	# the same with that root in the key: fits, unless it has expired
	key_text "$(openssl x509 -in ca.crt -outform DER | sha256sum | cut -c1-64)"
	sign "$D/new/request.csr" -1
	unfit 'certificate has expired' "ssh:far:/enroll"
	sign "$D/new/request.csr" 30
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
		for shell in dash bash 'busybox sh'; do
			rm -f "$D"/*.pem
			strace -f -v -s 100000 -e trace=execve,openat -o trace $shell "$CE" -d "$D" "$target" 2> said
			grep -q 'execve.*openssl' trace
			not grep -q -e "$secret" -e "$raw" trace said
			# what was made or opened for writing
			grep -E 'O_(WRONLY|RDWR)' trace | grep -oE '"/[^"]*"' | tr -d '"' | sort -u > written
			grep -q "$D/new/tmp" written
			not grep -vE "^($D/(lock|new/tmp/.*)|$M/enroll|$T/ssh.arguments|/dev/.*)$" written
		done
	done
	# the control: a wrapped openssl that is given the secret would be seen
	strace -f -v -s 100000 -e trace=execve -o trace sh -c "openssl version; : $secret" > /dev/null
	grep -q "$secret" trace
}

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
	n=0 lived=
	while [ -z "$lived" ]; do
		n=$((n + 1))
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
		is "$K/uses" $n
	done
	[ $n -gt 40 ]
	[ "$(ls "$G/members" | wc -l)" = $n ]
	echo "# died at $((n - 1)) places ok" >&3
}

@test "died anywhere while a new key pair replaces an expired one" {
	machine
	ce
	run_out old
	public "$D/key.pem" > old
	cp -r "$D" expired
	n=0 lived=
	while [ -z "$lived" ]; do
		n=$((n + 1))
		rm -r "$D"
		cp -r expired "$D"
		mortal $n
		if [ -z "$lived" ]; then
			whole
			ce 2> said
		fi
		fits
		not cmp -s <(public "$D/key.pem") old
		is "$K/uses" $((n + 1))
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

# later HOURS COMMAND...: by the client's clock; the server's stays.
later() { env LD_PRELOAD="$T/later.so" LATER="$1" "${@:2}"; }

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
	echo notice:Checking\ Enrollment | told 0 later 47 sh "$CE" -d "$D" "$M/enroll"
	diff -r before "$D"
	for shell in dash bash 'busybox sh'; do
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
	is "$M/certs/connector/issued" 4
	echo notice:Checking\ Enrollment | told 0 ce
	# not even the provisioning key is needed
	rm "$D/provision_key"
	later 49 sh "$CE" -d "$D" "$M/enroll"
	enrolled "$NAME"
}

@test "a renewal through the member's own file" {
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
	# removed there, and so revoked
	rmdir "$G/members/$NAME"
	cp "$D"/*.pem before
	run later 49 sh "$CE" -d "$D" "$M/enroll"
	[ "$status" = 1 ]
	[[ $output == *'error:Login request failed - status('* ]]
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
	n=0 lived=
	while [ -z "$lived" ]; do
		n=$((n + 1))
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
		is "$M/certs/connector/issued" $((n + 1))
	done
	[ $n -gt 40 ]
	ls "$G/members" | diff - <(echo "$NAME")
	is "$K/uses" 1
	echo "# died at $((n - 1)) places ok" >&3
}

@test "times are reckoned as date does" {
	sed -n '/^seconds()/,/^}/p' "$CE" > seconds
	echo 'seconds "$@"' >> seconds
	for time in 1970-01-01T00:00:00 1999-12-31T23:59:59 2000-02-29T12:00:00 2000-03-01T08:09:09 \
		2024-02-29T00:00:01 2026-01-08T09:08:07 2026-11-22T10:15:00 2038-01-19T03:14:08 \
		2049-12-31T23:59:59 2100-02-28T23:59:59 2100-03-01T00:00:00 2400-10-09T18:00:08; do
		for shell in dash bash 'busybox sh'; do
			[ "$($shell seconds $(LC_ALL=C date -u -d "$time" '+%b %e %T %Y'))" = "$(date -u -d "$time" +%s)" ]
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
