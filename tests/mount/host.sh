#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# host.sh DIR BIN: runs the script on standard input as on a host where the programs in BIN are installed.
# /etc, /root, /srv, /media, /usr/local, /var/lib and /var/backups are folders in DIR; nothing of this
# machine's own changes. All that the script starts ends with it. As root.
set -eu
if [ "$1" != --inside ]; then
	exec unshare --mount --propagation private --pid --fork --mount-proc --kill-child \
		bash "$0" --inside "$1" "$2" "$(realpath "$(dirname "$0")")"
fi
dir=$2 bin=$3 tests=$4 scripts=$4/../../scripts

mkdir -p "$dir"/{root,srv/enrollfs,media,usr-local/{sbin,bin,lib/enrollfs},var-lib,var-backups}
cp -a /etc "$dir/etc"
install "$bin"/enrollfs "$bin"/*.enrollfs "$dir/usr-local/sbin"
install "$scripts/connector-enroll" "$dir/usr-local/bin"
install "$scripts/enrollfs-serve" "$dir/usr-local/lib/enrollfs"
# the sources may be in a folder that is another one here
install -D -m 644 -t "$dir/usr-local/lib/tests" "$tests"/*.c
# what starts and stops the service here: its main process is the unit's
cat > "$dir/usr-local/bin/systemctl" << 'TXT'
#!/bin/bash
set -eu
exec 2>> /root/journal
gone() { ! mountpoint -q /srv/enrollfs && flock -n /var/lib/enrollfs/store.lock true; }
stop() {
	mountpoint -q /srv/enrollfs || return 0
	umount /srv/enrollfs
	for _ in $(seq 200); do
		gone && return
		sleep 0.05
	done
	return 1
}
start() {
	! mountpoint -q /srv/enrollfs || return 0
	install -d -m 700 -o enrollfs -g enrollfs /var/lib/enrollfs
	export CREDENTIALS_DIRECTORY=/var/lib/credentials
	install -D -m 400 /etc/enrollfs/master_key $CREDENTIALS_DIRECTORY/master_key
	DOMAIN=$(sed -n 's/^DOMAIN=//p' /etc/default/enrollfs)
	OPTIONS=$(sed -n 's/^OPTIONS=//p' /etc/default/enrollfs)
	export DOMAIN OPTIONS
	setsid /usr/local/lib/enrollfs/enrollfs-serve < /dev/null > /dev/null &
	until mountpoint -q /srv/enrollfs; do
		kill -0 $! || return
		sleep 0.05
	done
}
case "$*" in
'start enrollfs' | 'enable --now enrollfs') start ;;
'stop enrollfs') stop ;;
'restart enrollfs') stop && start ;;
*) echo "systemctl of the test: $*" >&2; exit 1 ;;
esac
TXT
chmod 755 "$dir/usr-local/bin/systemctl"
for at in etc root srv media usr/local var/lib var/backups; do
	mount --bind "$dir/${at//\//-}" "/$at"
done
getent passwd enrollfs > /dev/null || echo 'enrollfs:x:990:990::/var/lib/enrollfs:/usr/sbin/nologin' >> /etc/passwd
getent group enrollfs > /dev/null || echo 'enrollfs:x:990:' >> /etc/group
echo netops:x:3001: >> /etc/group
export TESTS=/usr/local/lib/tests PATH=/usr/local/sbin:/usr/local/bin:$PATH HOME=/root COLUMNS=60 LC_ALL=C.UTF-8
# a copy of root's is one that mkfs.enrollfs can read, also where root cannot lend reading
lent() { setpriv --inh-caps +dac_read_search true 2> /dev/null || chown -R enrollfs "$1"; }
export -f lent
cd /root
bash -c "$(cat)" 2>&1 | grep -v "notice: without CAP_DAC_READ_SEARCH"
