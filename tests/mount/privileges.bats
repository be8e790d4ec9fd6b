#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Least privilege: as whom the daemon serves, what it has given up, what is in its memory, and that
# the mount goes when it ends.

load helper

setup() {
	NO_MOUNT=1 set_up_mount
	# where nobody else has anything, and everybody can reach it
	D=$T/d
	mkdir "$D"
	# the daemon can write nowhere else
	export ASAN_OPTIONS=${ASAN_OPTIONS/$T/$D} UBSAN_OPTIONS=${UBSAN_OPTIONS/$T/$D}
	MKFS=${ENROLLFS%/*}/mkfs.enrollfs FSCK=${ENROLLFS%/*}/fsck.enrollfs
}

# serve [OPTION...]: D/store at M.
serve() {
	env --default-signal=INT "$ENROLLFS" -f -o domain=corp.example "$@" "$D/store" "$M" \
		2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
}

nobody_unmounts() { [ -z "$(pgrep -f "unmounts $M\$")" ]; }

# What a thread's status says of a field.
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$PID/task/$2/status" | tr '\t' ' '; }

owners() { stat -c '%U %n' "$D" "$D"/*; }

@test "it serves as the user enrollfs, and so does each of its threads, with no capability" {
	serve
	group
	id=$(id -u enrollfs) gid=$(id -g enrollfs)
	[ "$(ls "/proc/$PID/task" | wc -l)" -gt 1 ]
	for thread in "/proc/$PID/task"/*; do
		thread=${thread##*/}
		[ "$(status Uid "$thread")" = "$id $id $id $id" ]
		[ "$(status Gid "$thread")" = "$gid $gid $gid $gid" ]
		[ -z "$(status Groups "$thread" | tr -d ' ')" ]
		for set in CapInh CapPrm CapEff CapBnd CapAmb; do
			[ "$(status $set "$thread")" = 0000000000000000 ]
		done
		[ "$(status NoNewPrivs "$thread")" = 1 ]
		[ "$(status Seccomp "$thread")" = 2 ]
	done
	# what is mounted belongs to who has mounted it
	[ "$(stat -c %U "$M" "$M/certs/root" "$M/domain" | sort -u)" = root ]
	owners | grep -v '^enrollfs ' && return 1
	[ "$(owners | wc -l)" -eq 6 ] # with -wal, -shm, .lock, .key
}

@test "no core dump, no debugger, secrets in locked memory" {
	serve
	grep -q '^Max core file size  *0  *0 ' "/proc/$PID/limits"
	if nm -D "$ENROLLFS" | grep -q __asan; then
		echo 'leak detection is a debugger: this build lets one in'
	else
		# of a process that can be dumped this would be its own
		[ "$(stat -c %U "/proc/$PID/mem")" = root ]
		refused 'Permission denied' setpriv --reuid enrollfs --regid enrollfs --clear-groups \
			head -c 1 "/proc/$PID/environ"
	fi
	[ "$(status VmLck "$PID" | cut -d' ' -f1)" -ge 4096 ]
}

# imported NAME ALGORITHM OPTION...: a CA whose private key the test knows, a group under it, a key.
imported() {
	local name=$1
	shift
	openssl req -x509 -newkey "$@" -nodes -keyout "$name.pem" -subj "/CN=$name" -days 3650 \
		-addext keyUsage=critical,keyCertSign,cRLSign -out "$name.crt" 2> /dev/null
	mkdir "$M/certs/$name" "$M/app_connector/$name"
	cat "$name.crt" "$name.pem" > "$M/certs/$name/import"
	echo "$name" > "$M/app_connector/$name/signing_cert"
	mkdir "$M/app_connector/$name/keys/k"
}

@test "after use, no key text and no private key is in its memory but where that is locked" {
	needs memory_of_others
	serve
	imported ec ec -pkeyopt ec_paramgen_curve:P-256
	imported rsa rsa -pkeyopt rsa_keygen_bits:2048
	imported ed ed25519
	for name in ec rsa ed; do
		k=$M/app_connector/$name/keys/k
		echo 9 > "$k/max_uses"
		cat "$k/key" > "$name.key"
		for i in 1 2 3; do csr "$name$i"; done
		enroll "$name.key" "${name}1.csr" > out.pem
		cp "${name}2.csr" "$k/enroll.d/"
		enroll_here "${name}3.csr" "$k/enroll" > /dev/null
		refused 'Invalid argument' enroll "$name.key" "$name.key"
		sed 's/.$/A/' "$name.key" > wrong.key
		refused 'Bad message' enroll wrong.key "${name}1.csr"
		echo keyCompromise > "$M/app_connector/$name/members/${name}2/revocation"
		cat "$M/certs/$name/crl.pem" > /dev/null
	done
	cp "$D/store.key" master
	echo 0 > "$k/exportable"
	expect_log 'refused: (enroll|revoke)'
	run /usr/bin/python3 "$BATS_TEST_DIRNAME/memory_dump.py" "$PID" ./*.key master ec.pem rsa.pem ed.pem
	echo "$output"
	[ "$status" -eq 0 ]
	# and it would be found: the test's own shell has one
	# shellcheck disable=SC2034 # to be in memory is all it is for
	secret=$(cat ed.key)
	run /usr/bin/python3 "$BATS_TEST_DIRNAME/memory_dump.py" $$ ed.key
	[ "$status" -eq 1 ]
	[[ $output == *'ed.key: key text: at '* ]]
}

@test "however it ends, the mount goes away, and who waits is told" {
	for signal in TERM INT KILL SEGV ABRT; do
		serve
		[ -d "$M/app_connector/berlin" ] || group
		exec 4< "$M/log"
		(while timeout 20 cat "$K/max_uses" || ! echo $? >> end; do :; done > answers 2>&1) 3>&- &
		asks=$!
		wait_until grep -q 1 answers
		kill -$signal "$PID"
		wait "$PID" || :
		PID=
		# a sanitizer reports this one
		[ $signal != SEGV ] || rm -f "$D"/sanitizer.*
		wait_until not mountpoint -q "$M"
		wait "$asks"
		[ "$(tail -n 1 end)" = 1 ] # not 124: none has waited in vain
		exec 4<&-
		wait_until nobody_unmounts
		"$FSCK" "$D/store"
	done
}

@test "a daemon that lost the process that unmounts goes on" {
	serve
	pkill -9 -x -P "$PID" unmounter
	is "$M/domain" corp.example
	group
	umount "$M"
	wait "$PID"
	PID=
}

@test "a mount that came over it since is not taken away for it" {
	serve
	umount "$M"
	mount -t tmpfs none "$M"
	wait "$PID"
	PID=
	[ "$(stat -f -c %T "$M")" = tmpfs ]
	umount "$M"
}

@test "user=NAME: whoever that is, if the store can be his" {
	serve -o user=games
	[ "$(stat -c %U "/proc/$PID/task" "$D/store" "$D" "$D/store.key" | sort -u)" = games ] ||
		[ "$(status Uid "$PID" | cut -d' ' -f1)" = "$(id -u games)" ]
	stop
	# as often as one likes, by number too; but not another's
	serve -o "user=$(id -u games)"
	stop
	refused 'the user enrollfs cannot use' "$ENROLLFS" -o user=enrollfs "$D/store" "$M"
	refused 'there is no user nosuchuser' "$ENROLLFS" -o user=nosuchuser "$D/store" "$M"
	refused 'only root can serve as somebody else' setpriv --reuid games --regid games \
		--clear-groups "$ENROLLFS" -o user=enrollfs "$D/store" "$M"
	# without a name it is theirs whom the directory belongs to
	serve
	[ "$(status Uid "$PID" | cut -d' ' -f1)" = "$(id -u games)" ]
	[ "$(status CapEff "$PID")" = 0000000000000000 ]
	grep -q 'the user enrollfs cannot use it: the store is for the user' log
	stop
}

@test "a directory that serves other ends is not given away" {
	mkdir -p "$D/shared/files"
	: > "$D/shared/files/one"
	mkdir -m 1777 "$D/open"
	mkdir -m 700 "$D/closed" "$D/closed/in"
	for directory in "$D/shared" "$D/closed/in"; do
		refused 'the user enrollfs cannot use' "$ENROLLFS" -o user=enrollfs "$directory/store" "$M"
		refused 'the user enrollfs cannot use' "$MKFS" --user enrollfs "$directory/store"
		[ "$(stat -c %U "$directory")" = root ]
		[ ! -e "$directory/store" ]
		# nobody was asked for: it is root's, who gives up the rest
		"$ENROLLFS" -f -o domain=corp.example "$directory/store" "$M" 2>> "$T/log" 3>&- &
		PID=$!
		wait_until answers
		[ "$(stat -c %U "$directory")" = root ]
		for set in CapInh CapPrm CapEff CapBnd CapAmb; do
			[ "$(status $set "$PID")" = 0000000000000000 ]
		done
		[ "$(status Seccomp "$PID")" = 2 ]
		group
		stop
		"$FSCK" "$directory/store"
	done
	# a folder that everybody may write to stays as it is; the files there are the user's
	"$ENROLLFS" -o domain=corp.example "$D/open/store" "$M"
	[ "$(stat -c '%U %a' "$D/open")" = 'root 1777' ]
	[ "$(stat -c %U "$D/open/store")" = enrollfs ]
	umount "$M"
	# nor one of root's that has anything else in it; where root makes scratch, files may be
	mkdir "$D/cron.d"
	: > "$D/cron.d/job"
	refused 'the user enrollfs cannot use' "$MKFS" --user enrollfs "$D/cron.d/store"
	mkdir "$D/open/scratch"
	: > "$D/open/scratch/log"
	"$MKFS" --user enrollfs --domain corp.example "$D/open/scratch/store"
	[ "$(stat -c %U "$D/cron.d" "$D/open/scratch/log" | sort -u)" = root ]
	[ "$(stat -c %U "$D/open/scratch")" = enrollfs ]
	# nor are files given that have another name, or are links
	mkdir "$D/links"
	echo mine > "$D/mine"
	ln "$D/mine" "$D/links/store.key"
	refused 'cannot use' "$ENROLLFS" -o user=enrollfs "$D/links/store" "$M"
	[ "$(stat -c %U "$D/links")" = root ]
	rm "$D/links/store.key"
	ln -s "$D/mine" "$D/links/store-wal"
	refused 'cannot use' "$ENROLLFS" -o user=enrollfs "$D/links/store" "$M"
	[ "$(stat -c %U "$D/mine")" = root ]
	expect_log 'cannot be given to the user'
}

@test "a file that the daemon's user cannot use is named, with whose it is and what to do" {
	"$MKFS" --domain corp.example "$D/store"
	for options in '' '-o user=enrollfs'; do
		chown root "$D/store"
		refused "the user enrollfs cannot use $D/store: it belongs to the user 0 and its mode is 0600; chown it to enrollfs" \
			"$ENROLLFS" $options "$D/store" "$M"
		[ "${#lines[@]}" -eq 1 ]
		chown enrollfs "$D/store"
	done
	# where the directory is somebody else's, that is who is asked
	chown -R games "$D"
	chown root "$D/store.lock"
	refused "the user $(id -u games) cannot use $D/store.lock: it belongs to the user 0" "$ENROLLFS" "$D/store" "$M"
	chown games "$D/store.lock"
	serve
	stop
}

@test "what the daemon's user puts in its directory leads root nowhere" {
	"$MKFS" --domain corp.example "$D/store"
	mkdir other
	echo secret > other/file
	chmod 600 other/file
	mv "$D/store" "$D/away"
	mv "$D/store.key" "$D/away.key"
	as_user() { setpriv --reuid enrollfs --regid enrollfs --clear-groups "$@"; }
	as_user ln -s "$T/other/file" "$D/store"
	for tool in "$FSCK" "$MKFS" "$ENROLLFS"; do
		arguments=("$D/store")
		[ "$tool" != "$ENROLLFS" ] || arguments+=("$M")
		refused 'Too many levels of symbolic links' "$tool" "${arguments[@]}"
	done
	rm "$D/store"
	mv "$D/away" "$D/store"
	as_user ln -s "$T/other/file" "$D/store.key"
	refused 'Too many levels of symbolic links' "$ENROLLFS" "$D/store" "$M"
	refused 'Too many levels of symbolic links' "$FSCK" "$D/store"
	rm "$D/store.key"
	as_user ln -s "$T/other" "$D/m"
	refused 'Too many levels of symbolic links' "$ENROLLFS" "$D/store" "$D/m"
	# nor does a link on the way there
	mkdir empty
	as_user mkdir "$D/on"
	as_user ln -s "$T/empty" "$D/on/way"
	refused 'Too many levels of symbolic links' "$ENROLLFS" "$D/on/way/store" "$M"
	refused 'Too many levels of symbolic links' "$MKFS" "$D/on/way/store"
	[ "$(stat -c %U empty)" = root ]
	rm -r "$D/on"
	# a key that anybody could have put there; a link of root's is followed
	install -o games -m 600 "$D/away.key" "$D/store.key"
	refused 'belongs to somebody else' "$ENROLLFS" "$D/store" "$M"
	rm "$D/store.key"
	ln -s away.key "$D/store.key"
	serve
	stop
	[ "$(stat -c '%U %a' other other/file | tr '\n' ' ')" = 'root 755 root 600 ' ]
	[ "$(ls other)" = file ]
}

@test "nothing that is mounted can be a program that gains rights, or a device" {
	mount -t fuse -o domain=corp.example,suid,dev "$ENROLLFS#$D/store" "$M"
	grep " $M fuse.enrollfs " /proc/mounts | grep nosuid | grep -q nodev
	umount "$M"
}

@test "its mount alone is taken away, whatever has come over it or in its place" {
	# where the mountpoint is in a directory of the daemon's user
	mkdir other
	chown enrollfs other
	M=$T/other/in/m
	mkdir -p "$M" elsewhere/m
	chown -R enrollfs other
	mount -t tmpfs none elsewhere/m
	serve
	mv other/in other/was
	ln -s "$T/elsewhere" other/in
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait_until not mountpoint -q other/was/m
	mountpoint -q elsewhere/m
	umount elsewhere/m
	rm other/in
	mv other/was other/in
	# and one that covers it
	serve
	mount -t tmpfs none "$M"
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait_until nobody_unmounts
	[ "$(stat -f -c %T "$M")" = tmpfs ]
	umount "$M"
	umount -l "$M"
}

@test "what root made earlier is the user's at the next start" {
	"$MKFS" --user root --domain corp.example "$D/store"
	owners | grep -v '^root ' && return 1
	serve
	owners | grep -v '^enrollfs ' && return 1
	grep -q "$D and the store in it belong to the user" log
	stop
}

@test "mkfs and fsck leave nothing that the daemon could not use" {
	"$MKFS" --domain corp.example "$D/store"
	owners | grep -v '^enrollfs ' && return 1
	[ "$(stat -c %a "$D/store" "$D/store.key" | sort -u)" = 600 ]
	"$FSCK" "$D/store"
	serve
	group
	cp -r "$M/export" copy
	stop
	"$FSCK" "$D/store"
	owners | grep -v '^enrollfs ' && return 1
	refused 'File exists' "$MKFS" "$D/store"
	# what is restored has a master key already
	chown -R enrollfs copy
	refused 'missing' "$MKFS" --from copy --master-key "$T/none" "$D/again"
	[ ! -e none ] && [ ! -e "$D/again" ]
	[ "$(stat -c %U "$D")" = enrollfs ]
	chown -R games "$D"
	serve -o user=games
	[ -d "$K" ]
	stop
}

# a_copy: of the export of D/store, which only root can read; D/new.key is its master key.
a_copy() {
	serve
	cp -r "$M/export" copy
	stop
	chown -R root:root copy
	chmod 700 copy
	install -o enrollfs -m 600 "$D/store.key" "$D/new.key"
}

@test "a copy that only root can read is restored for the user" {
	needs lent_reading
	a_copy
	"$MKFS" --from copy "$D/new"
	owners | grep -v '^enrollfs ' && return 1
	"$FSCK" "$D/new"
}

@test "where root cannot lend reading, as in a container, the user has to be able to read the copy" {
	a_copy
	mkfs_without() { setpriv --bounding-set -dac_read_search "$MKFS" --from copy "$D/new"; }
	refused 'Permission denied' mkfs_without
	[[ $output = *'the copy has to be readable by the user'* ]]
	[ ! -e "$D/new" ]
	chown -R enrollfs copy
	mkfs_without
	owners | grep -v '^enrollfs ' && return 1
	"$FSCK" "$D/new"
}

@test "a master key that only root can read" {
	mkdir -m 700 keys
	(umask 077 && openssl rand -hex 32 > keys/master)
	serve -o master_key="$T/keys/master"
	group
	cat "$K/key" > my.key
	stop
	[ "$(stat -c %U keys/master)" = root ]
	[ ! -e "$D/store.key" ]
	"$FSCK" --master-key "$T/keys/master" "$D/store"
	# one that is missing is made where root alone may write
	rm -f "$D"/store*
	serve -o master_key="$T/keys/second"
	stop
	[ "$(stat -c '%U %a' keys/second)" = 'root 600' ]
	chmod 640 keys/second
	refused 'group or others can use it' "$ENROLLFS" -o master_key="$T/keys/second" "$D/store" "$M"
}

@test "a service manager is told when the mount answers" {
	cat > manager.py <<-'PY'
		import os, socket, subprocess, sys
		listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		listening.bind(sys.argv[1].replace('@', '\0', 1))
		if sys.argv[1][0] != '@':
		    os.chmod(sys.argv[1], 0o777)
		listening.settimeout(20)
		os.environ['NOTIFY_SOCKET'] = sys.argv[1]
		daemon = subprocess.Popen(sys.argv[2:], stderr=open('log', 'a'))
		assert listening.recv(100) == b'READY=1'
		assert os.path.ismount('m')
		daemon.terminate()
		assert daemon.wait() == 0
		assert not os.path.ismount('m')
	PY
	/usr/bin/python3 manager.py "$T/notify" "$ENROLLFS" -f -o domain=corp.example "$D/store" "$M"
	/usr/bin/python3 manager.py "@enrollfs-$$" "$ENROLLFS" -f -o domain=corp.example "$D/store" "$M"
}

@test "the service unit" {
	unit=$BATS_TEST_DIRNAME/../../scripts/enrollfs.service
	sed "s,/usr/local/sbin/enrollfs,$ENROLLFS," "$unit" > enrollfs.service
	systemd-analyze verify ./enrollfs.service
	# none that makes a mount namespace, in which the mount would be hidden
	not grep -E '^(Private(Tmp|Devices|Mounts|IPC)|Protect(Home|System|Kernel.*|ControlGroups|Proc)|ProcSubset|DynamicUser|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|Bind.*|TemporaryFileSystem|Root.*|MountAPIVFS|MountFlags)=' "$unit"
	systemd-analyze security --offline=true ./enrollfs.service > figure
	tail -n 1 figure
	exposure=$(sed -n 's/.*exposure level.*: \([0-9.]*\) .*/\1/p' figure)
	awk -v x="$exposure" 'BEGIN {exit !(x > 0 && x < 4.5)}'
}
