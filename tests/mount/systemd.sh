#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# systemd.sh DIR: this machine once more, in namespaces of its own and with systemd as its first process,
# so that a unit can be started and the machine be booted. Its files are this machine's, and over
# them those below DIR/files, where it also puts what it changes; DIR is not on an overlay. Of what
# systemd would start only the journal is. DIR/made is there when there is such a machine. Runs until
# that is killed or shut down, or SIGTERM; nothing else of this one has changed then. As root.
# Exit status 77: no such machine can be made on this one.
set -eu
dir=$1
names=(--cgroup --mount --net --pid --uts --ipc)
mkdir -p "$dir/files" "$dir/work" "$dir/root"
rm -f "$dir/made"

cannot() { echo "$1" >&2; exit 77; }
[ -x /lib/systemd/systemd ] || cannot 'there is no systemd'
unshare "${names[@]}" --fork mount -t overlay overlay \
	-o "lowerdir=/,upperdir=$dir/files,workdir=$dir/work" "$dir/root" || cannot 'no namespaces, or no overlays in them'

# Where systemd may make its own, in each hierarchy that is there; removed behind it.
own=() child=
remove() {
	trap '' TERM
	if [ -n "$child" ]; then
		pkill -9 -P "$child" || :
		wait "$child" || :
	fi
	for group in "${own[@]}"; do
		# what is dying is still in it
		for _ in $(seq 100); do
			find "$group" -depth -type d -exec rmdir {} + 2> /dev/null && break
			sleep 0.05
		done
	done
}
trap remove EXIT
trap exit TERM
while IFS=: read -r _ controllers path; do
	hierarchy=/sys/fs/cgroup/${controllers#name=}
	[ -n "$controllers" ] || hierarchy=$(findmnt -rnt cgroup2 -o TARGET | head -n 1)
	at=$hierarchy${path%/}
	if [ -n "$hierarchy" ] && [ -e "$at/cgroup.procs" ]; then
		mkdir "$at/enrollfs-test.$$" || cannot 'no control groups'
		own+=("$at/enrollfs-test.$$")
	fi
done < /proc/self/cgroup
(
	for group in "${own[@]}"; do
		echo "$BASHPID" > "$group/cgroup.procs" || : # some want to be set up first, and are not used
	done 2> /dev/null
	# the ones that are, are
	[ "$(grep -cE '^[0-9]+:(name=systemd)?:.*/enrollfs-test' /proc/self/cgroup)" = \
		"$(grep -cE '^[0-9]+:(name=systemd)?:' /proc/self/cgroup)" ] || cannot 'no control groups'
	exec unshare "${names[@]}" --fork --kill-child --propagation private bash -eus "$dir" << 'TXT'
R=$1/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/files,workdir=$1/work" "$R"
mount -t proc proc "$R/proc"
mount --bind "$R/proc/sys" "$R/proc/sys"
mount -o remount,bind,ro "$R/proc/sys"
mount -t sysfs -o ro sysfs "$R/sys"
if grep -q ':name=systemd:' /proc/self/cgroup; then
	mount -t tmpfs -o mode=755 cgroup "$R/sys/fs/cgroup"
	mkdir "$R/sys/fs/cgroup/systemd" "$R/sys/fs/cgroup/unified"
	mount -t cgroup -o none,name=systemd cgroup "$R/sys/fs/cgroup/systemd"
	mount -t cgroup2 cgroup "$R/sys/fs/cgroup/unified"
else
	mount -t cgroup2 cgroup "$R/sys/fs/cgroup"
fi
mount -t tmpfs -o mode=755 dev "$R/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fuse "$R/dev"
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"
for at in dev/shm run tmp; do mount -t tmpfs tmpfs "$R/$at"; done
chmod 755 "$R/run"
chmod 1777 "$R/tmp" "$R/dev/shm"
cd "$R"
mkdir -p here-before
pivot_root . here-before
touch "/here-before/$1/made"
umount -l /here-before
mount --make-rshared / # as systemd has it where it is not in a container
if ! [ -e /etc/systemd/of-its-own ]; then
	rm -rf /etc/fstab /lib/systemd/system/*.target.wants /etc/systemd/system/*.wants
	mkdir -p /lib/systemd/system/sysinit.target.wants /etc/systemd/system
	ln -s ../systemd-journald.service ../systemd-journal-flush.service /lib/systemd/system/sysinit.target.wants
	mkdir -p /var/log/journal # it outlives the machine's being off
	ln -sf /lib/systemd/system/multi-user.target /etc/systemd/system/default.target
	touch /etc/systemd/of-its-own
fi
container=test exec /lib/systemd/systemd --log-target=null --show-status=no < /dev/null
TXT
) &
child=$!
wait $child
