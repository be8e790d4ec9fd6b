#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Where it mounts, and what it takes away: a directory and a mount, not what a path leads to by then.

export NO_MOUNT=1
load helper

# mount(2) as libfuse calls it, at a moment that the test chooses.
pause_before_mount() {
	cat > pause.c <<-'C'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <fcntl.h>
		#include <unistd.h>
		int mount(const char *source, const char *at, const char *type, unsigned long flags, const void *data)
		{
			int (*real)(const char *, const char *, const char *, unsigned long, const void *);
			*(void **)&real = dlsym(RTLD_NEXT, "mount");
			close(open(REACHED, O_CREAT | O_WRONLY, 0600));
			while (access(GO, F_OK))
				usleep(1000);
			return real(source, at, type, flags, data);
		}
	C
	cc -shared -fPIC -DREACHED="\"$T/reached\"" -DGO="\"$T/go\"" -o pause.so pause.c -ldl
	ASAN_OPTIONS=$ASAN_OPTIONS:verify_asan_link_order=0 LD_PRELOAD=$T/pause.so env --default-signal=INT \
		"$ENROLLFS" -f -o domain=corp.example store "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until test -e reached
}

# The mounts of this test's store, by their mountpoints.
mounts() { sed -n "s,^[0-9 ]* [0-9:]* / \([^ ]*\) .* - fuse.enrollfs $T/store .*,\1,p" /proc/self/mountinfo; }
mounted_at() { [ "$(mounts)" = "$1" ]; }
unmounters() { pgrep -f "unmounts $M\$"; }

# kill_both: the daemon and the process that unmounts.
kill_both() {
	local unmounter
	unmounter=$(pgrep -P "$PID" -x unmounter)
	kill -9 "$unmounter"
	wait_until gone "$unmounter"
	kill -9 "$PID"
	wait "$PID" || :
	PID=
}

# own/in/m, in the hands of another user, and what root has elsewhere under the same name.
somebody_elses() {
	mkdir -p own/in/m roots/m
	chown -R 65534 own
	M=$T/own/in/m
}

@test "what the path leads to at the last moment is not what is mounted on" {
	somebody_elses
	pause_before_mount
	mv own/in own/was
	ln -s "$T/roots" own/in
	touch go
	wait_until mounted_at "$T/own/was/m"
	not mountpoint -q roots/m
	is own/was/m/domain corp.example
	# and that is what goes away, wherever it is by then
	mv own/was own/again
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait_until mounted_at ''
	wait_until not unmounters
}

@test "while its owner swaps the mountpoint for a link, nothing of root's is mounted on" {
	somebody_elses
	M=$T/own/m
	mkdir own/m
	chown 65534 own/m
	cat > swap.py <<-'PY'
		import os, sys
		os.setresuid(65534, 65534, 65534)
		os.chdir(sys.argv[1])
		def tried(call, *arguments):
		    try:
		        call(*arguments)
		    except OSError:
		        pass
		while True:
		    tried(os.rename, 'm', 'away')
		    tried(os.symlink, sys.argv[2], 'm')
		    tried(os.unlink, 'm')
		    tried(os.rename, 'away', 'm')
	PY
	/usr/bin/python3 swap.py "$T/own" "$T/roots/m" 3>&- &
	swaps=$!
	expect_log 'mountpoint .*: (Too many levels of symbolic links|No such file or directory)'
	tries=0 served=0
	until [ $served -ge 4 ] || [ $tries -ge 200 ]; do
		tries=$((tries + 1))
		"$ENROLLFS" -f -o domain=corp.example store "$M" 2>> log 3>&- &
		PID=$!
		wait_until eval 'gone $PID || [ -n "$(mounts)" ]'
		if ! gone "$PID"; then
			served=$((served + 1))
			not mountpoint -q roots/m
			kill "$PID"
		fi
		wait "$PID" || :
		wait_until mounted_at ''
	done
	PID=
	kill "$swaps"
	wait "$swaps" || :
	echo "$served mounts of $tries tries"
	[ $served -ge 4 ]
}

@test "a dead mount of the store is not in the way of the next, wherever its directory is" {
	somebody_elses
	start
	group
	kill_both
	mv own/in "$T/a b"
	mounted_at "$T/a\\040b/m"
	M=$T/roots/m
	start
	[ -d "$M/app_connector/berlin" ]
	mounted_at "$T/roots/m"
	grep -q 'took away a mount at .* whose daemon has died' log
	# another store's is left alone, and so is a living one
	mkdir other
	"$ENROLLFS" -f -o domain=corp.example other-store other 2>> log 3>&- &
	second=$!
	wait_until mountpoint -q other
	is "$M/domain" corp.example
	is other/domain corp.example
	kill "$second"
	wait "$second"
	stop
}

@test "a directory that was renamed meanwhile: umount, SIGTERM and the daemon's death" {
	mkdir first
	M=$T/first/m
	for how in umount TERM KILL; do
		mkdir "$M"
		start
		mv first second
		[ "$(findmnt -n -o TARGET,FSTYPE "$T/second/m")" = "$T/second/m fuse.enrollfs" ]
		case $how in
		umount) umount "$T/second/m" ;;
		*) kill -$how "$PID" ;;
		esac
		wait "$PID" || [ $how = KILL ]
		PID=
		wait_until mounted_at ''
		wait_until not unmounters
		rmdir second/m
		mv second first
	done
}

@test "an ordinary user's mount, renamed, and its daemon killed" {
	# a /dev/fuse that everybody may open, as distributions have it, in a namespace of its own
	mknod fuse c 10 229
	chmod 666 fuse
	mkdir u
	chown -R 65534:65534 u
	cat > script <<-'SH'
		set -eu
		mount --bind fuse /dev/fuse
		cd u
		exec setpriv --reuid=65534 --regid=65534 --clear-groups bash -eu -c '
			mkdir in in/m
			"$ENROLLFS" -f -o domain=corp.example store in/m 2> log &
			pid=$!
			until mountpoint -q in/m; do sleep 0.05; done
			grep -q " $PWD/in/m fuse.enrollfs .*user_id=65534" /proc/mounts
			mv in was
			kill -9 $pid
			wait $pid || :
			for i in $(seq 400); do grep -q "$PWD/was/m" /proc/mounts || exit 0; sleep 0.05; done
			exit 1'
	SH
	ENROLLFS=$ENROLLFS unshare -m bash script
}
