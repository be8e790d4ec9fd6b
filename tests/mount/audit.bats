#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Who may read the audit trail and the tables.

load helper

as() { setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }
modes() { (cd "$M" && stat -c '%n %a %u:%g' log log.head tables tables/*.tsv tables/*.html metrics); }

# of_0_1_0: what version 0.1.0 has made has no such setting.
of_0_1_0() { sql "DELETE FROM setting WHERE name = 'audit_private'"; }

NEW='log 440 0:0
log.head 440 0:0
tables 550 0:0
tables/keys.tsv 440 0:0
tables/members.tsv 440 0:0
tables/keys.html 440 0:0
tables/members.html 440 0:0
metrics 444 0:0'
OLD='log 444 0:0
log.head 444 0:0
tables 755 0:0
tables/keys.tsv 444 0:0
tables/members.tsv 444 0:0
tables/keys.html 444 0:0
tables/members.html 444 0:0
metrics 444 0:0'

@test "a closed group's name is in nothing that a stranger can read" {
	mkdir -m 700 "$M/app_connector/closed"
	echo 'plans of the board' > "$M/app_connector/closed/description"
	[ "$(modes)" = "$NEW" ]
	for f in log log.head tables/{keys,members}.{tsv,html}; do
		refused 'Permission denied' as 65534 65534 cat "$M/$f"
	done
	refused 'Permission denied' as 65534 65534 ls "$M/tables"
	as 65534 65534 cat "$M/metrics" > metrics
	not as 65534 65534 grep -rqs -e closed -e board "$M"
}

@test "the group of audit_gid reads them, by name or number, and that of export_gid does not" {
	stop
	start -o audit_gid=adm,export_gid=backup
	adm=$(getent group adm | cut -d: -f3) backup=$(getent group backup | cut -d: -f3)
	[ "$(modes)" = "$(sed "s/:0/:$adm/; /^metrics/s/:$adm/:0/" <<< "$NEW")" ]
	for f in log log.head tables/{keys,members}.{tsv,html}; do
		as 65534 "$adm" cat "$M/$f" > said
		[ -s said ]
		refused 'Permission denied' as 65534 "$backup" cat "$M/$f"
		sh_refused 'Permission denied' "setpriv --reuid 65534 --regid $adm --clear-groups sh -c 'echo x > $M/$f'"
	done
	refused 'Permission denied' as 65534 "$adm" ls "$M/export"
	stop
	start -o audit_gid=4242
	[ "$(stat -c '%a %g' "$M/log")" = '440 4242' ]
	stop
	run "$ENROLLFS" -o audit_gid=no_such_group store "$M" 3>&-
	[ "$status" = 2 ]
	[[ $output == *'there is no group no_such_group'* ]]
	"$ENROLLFS" --help | grep -q audit_gid=GROUP
	start
	[ "$(modes)" = "$NEW" ]
}

@test "they belong to the owner of the root; what was given otherwise stays and wins" {
	chown 65534:7 "$M"
	[ "$(modes)" = "$(sed 's/0:0/65534:7/' <<< "$NEW")" ]
	as 65534 65534 cat "$M/log" > /dev/null
	as 65534 65534 chmod 555 "$M/tables"
	as 65534 65534 chmod 444 "$M/log"
	chgrp 8 "$M/log.head"
	for option in '' '-o audit_gid=9'; do
		stop
		start $option
		[ "$(stat -c %a "$M/tables" "$M/tables/keys.tsv" "$M/log" | tr '\n' ' ')" = '555 444 444 ' ]
		[ "$(stat -c %g "$M/log.head" "$M/log" | tr '\n' ' ')" = '8 7 ' ]
		as 1234 1234 cat "$M/log" "$M/tables/keys.tsv" > /dev/null
	done
}

@test "it is exported and restored" {
	rsync -a "$M/export/" copy/
	stop
	restore_store copy
	start
	[ "$(modes)" = "$NEW" ]
	rm -r copy
	stop
	of_0_1_0
	start
	[ "$(modes)" = "$OLD" ]
	rsync -a "$M/export/" copy/
	stop
	restore_store copy
	check_store
	start
	[ "$(modes)" = "$OLD" ]
}

@test "a store of version 0.1.0 keeps its modes; audit_gid names the group where nobody has" {
	stop
	of_0_1_0
	start
	[ "$(modes)" = "$OLD" ]
	as 65534 65534 cat "$M/log" "$M/tables/keys.tsv" > /dev/null
	chgrp 8 "$M/log"
	stop
	start -o audit_gid=9
	[ "$(stat -c '%a %g' "$M/log" "$M/log.head" "$M/tables" "$M/tables/keys.tsv" | tr '\n' ' ')" = '444 8 444 9 755 9 444 9 ' ]
	chmod 440 "$M/log.head"
	refused 'Permission denied' as 65534 65534 cat "$M/log.head"
	as 65534 9 cat "$M/log.head"
}
