#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The tables as pages: what is in the files, and what a browser makes of them (page.py).

load helper

HOSTILE=$'<script>document.title = "x"</script></script><!-- \u202eevil'

# sample: a key of each state, and members of two of them.
sample() {
	mkdir "$G/keys/"{used,off,old,free,hostile}
	echo 10 > "$K/max_uses"
	echo 'racks 4 to 9' > "$K/description"
	echo max > "$G/keys/free/max_uses"
	echo "$HOSTILE" > "$G/keys/hostile/description"
	for m in web1 web2 web3 web4; do
		csr $m
		if [ $m = web4 ]; then k=used; else k=auto; fi
		enroll_here $m.csr "$G/keys/$k/enroll" > /dev/null
	done
	echo superseded > "$G/members/web1/revocation"
	cat "$K/key" > /dev/null
	echo 0 > "$G/keys/off/enabled"
	echo 1970-01-01T00:16:40Z > "$G/keys/old/expires"
}

# One browser for all tests of this file.
setup_file() {
	export BROWSER=$BATS_FILE_TMPDIR/browser
	mkdir "$BROWSER"
	chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
		--disable-background-networking --disable-component-update --remote-debugging-port=0 \
		--user-data-dir="$BROWSER" about:blank > "$BATS_FILE_TMPDIR/said" 2>&1 3>&- &
	export BROWSER_PID=$!
}

teardown_file() {
	kill "$BROWSER_PID" 2> /dev/null || :
	wait_until gone "$BROWSER_PID"
}

browser_answers() { [ -s "$BROWSER/DevToolsActivePort" ] || gone "$BROWSER_PID"; }
can_browsers() {
	/usr/bin/python3 -c 'import selenium.webdriver' 2>&1 || return 1
	wait_until browser_answers
	gone "$BROWSER_PID" || return 0
	tail -n 1 "$BATS_FILE_TMPDIR/said"
	return 1
}

# browser CHECK [ARGUMENT...]: is what it looks like in the browser. What the export restores, the first
# test has seen.
browser() {
	not_restored 'another test does it with the same store'
	TMPDIR=$T /usr/bin/python3 "$BATS_TEST_DIRNAME/page.py" "$1" "$M" "${@:2}" 3>&-
}

# makes_members COUNT: as if they had enrolled, copies of the one that has.
makes_members() {
	python3 - "$1" <<-'PY'
		import sqlite3, sys
		db = sqlite3.connect('store')
		def columns(table, *but):
		    return ', '.join(c[1] for c in db.execute(f'PRAGMA table_info({table})') if c[1] not in but)
		of = columns('member', 'id', 'name')
		n = f'WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 998 + {int(sys.argv[1])})'
		db.execute(f"INSERT INTO member (id, name, {of}) {n} SELECT i, 'n' || i, {of} FROM n, "
		           '(SELECT * FROM member LIMIT 1)')
		of = columns('issued', 'id', 'member', 'serial', 'spki_hash')
		db.execute(f'INSERT INTO issued (id, member, serial, spki_hash, {of}) {n} SELECT i, i, randomblob(16), '
		           f'randomblob(16), {of} FROM n, (SELECT * FROM issued LIMIT 1)')
		db.commit()
	PY
}

@test "a page has its table's rows, and nothing that a browser would run but its own script" {
	sample
	python3 - "$M" "$HOSTILE" <<-'PY'
		import base64, hashlib, html.parser, json, re, sys
		mount, hostile = sys.argv[1:]

		class Page(html.parser.HTMLParser):
		    def __init__(self, text):
		        super().__init__(convert_charrefs=False)
		        self.elements, self.texts, self.policy, self.last = [], {}, None, (None, None)
		        self.feed(text)
		        self.close()

		    def handle_starttag(self, tag, attrs):
		        attrs = dict(attrs)
		        self.last = (tag, attrs.get('type'))
		        self.elements.append((tag, attrs))
		        if attrs.get('http-equiv') == 'Content-Security-Policy':
		            self.policy = attrs['content']

		    def handle_endtag(self, tag):
		        self.last = (None, None)

		    def handle_data(self, data):
		        if self.last[0] in ('script', 'style') and data.strip():
		            self.texts.setdefault(self.last, []).append(data)

		for table in ('keys', 'members'):
		    with open(f'{mount}/tables/{table}.html', encoding='utf-8') as f:
		        page = Page(f.read())
		    # one block of data, one script, one style sheet, whatever the rows say
		    assert sorted(map(str, page.texts)) == sorted(map(str, (
		        ('style', None), ('script', None), ('script', 'application/json')))), page.texts.keys()
		    assert all(len(texts) == 1 for texts in page.texts.values())
		    data = json.loads(page.texts['script', 'application/json'][0])
		    with open(f'{mount}/tables/{table}.tsv', encoding='utf-8') as f:
		        header, *rows = [line.rstrip('\n').split('\t') for line in f]
		    assert data['columns'] == header
		    assert sorted(data['rows']) == sorted(rows) and len(rows) == data['total'] > 3
		    assert (data['table'], data['domain'], data['mountpoint']) == (table, 'corp.example', mount)
		    if table == 'keys':
		        assert hostile in (row[-1] for row in data['rows'])

		    def hash_of(key):
		        return 'sha256-' + base64.b64encode(hashlib.sha256(page.texts[key][0].encode()).digest()).decode()
		    policy = dict(p.strip().split(' ', 1) for p in page.policy.split(';'))
		    assert policy['default-src'] == "'none'"
		    assert policy['script-src'] == f"'{hash_of(('script', None))}'", policy
		    assert policy['style-src'] == f"'{hash_of(('style', None))}'", policy
		    # nothing that the policy would have to refuse, and nothing from elsewhere
		    for tag, attrs in page.elements:
		        assert 'style' not in attrs and not any(a.startswith('on') for a in attrs), (tag, attrs)
		        assert not re.match(r'[a-z]*:?//', attrs.get('src', '') + attrs.get('href', '')), (tag, attrs)
		        assert tag not in ('iframe', 'object', 'embed', 'base', 'img'), tag
	PY
	# the file is one as its table's
	for t in keys members; do
		[ "$(stat -c '%a %u:%g' "$M/tables/$t.html")" = "$(stat -c '%a %u:%g' "$M/tables/$t.tsv")" ]
		[ "$(stat -c %s "$M/tables/$t.html")" = "$(cat "$M/tables/$t.html" | wc -c)" ]
	done
	stat -c '%s %.Y' "$M/tables/keys.html" > before
	cat "$M/tables/keys.html" > /dev/null
	stat -c '%s %.Y' "$M/tables/keys.html" | cmp - before
	sh_refused 'Permission denied' "echo x > $M/tables/keys.html"
	refused 'Operation not permitted' rm "$M/tables/keys.html"
	echo 7 > "$G/keys/off/max_uses"
	has() { grep -q "\"off\",\"disabled\",\"7\"" "$M/tables/keys.html"; }
	wait_until has
	[ "$(stat -c %.Y "$M/tables/keys.html")" != "$(cut -d' ' -f2 before)" ]
	# it says where it is mounted, so a later mount is a later change
	stop
	before=$(cut -d. -f1 <<< "$(date +%s.)")
	mkdir other
	M=$T/other
	start -o ro
	grep -q "\"mountpoint\":\"$T/other\"" "$M/tables/keys.html"
	[ "$(stat -c %Y "$M/tables/keys.html")" -ge "$before" ]
}

@test "of more than 50,000 members the page has the newest, and says so" {
	not_restored 'members that nothing has enrolled'
	csr web1
	enroll_here web1.csr > /dev/null
	stop
	makes_members 50002
	start
	[ "$(wc -l < "$M/tables/members.tsv")" = 50003 ]
	grep -c '^\["app_connector"' "$M/tables/members.html" | grep -qx 50000
	grep -q '"n51000"' "$M/tables/members.html"
	not grep -q '"n1000"' "$M/tables/members.html"
	needs browsers
	browser newest 50002
}

@test "the rows, their states, and why a key cannot be copied" {
	needs browsers
	sample
	browser shows
	browser members
}

@test "names and descriptions are data" {
	needs browsers
	sample
	browser is_data
}

@test "copying puts the command on the clipboard, also where the page must not write to it" {
	needs browsers
	stop
	M="$T/it's here"
	mkdir "$M"
	start
	G=$M/app_connector/berlin K=$M/app_connector/berlin/keys/auto
	sample
	browser copies
}

@test "filter, order and expanded rows are in the URL" {
	needs browsers
	sample
	browser filters
}

@test "by keyboard alone" {
	needs browsers
	sample
	browser keyboard
}

@test "of many rows those on the screen are drawn" {
	needs browsers
	rmdir "$K"
	for i in $(seq 300); do mkdir "$G/keys/k$i"; done
	browser many 300
}

@test "from a web server it asks for nothing but itself" {
	needs browsers
	sample
	browser alone
}

@test "axe-core finds nothing, light and dark, wide and narrow" {
	needs browsers
	axe=$("$BATS_TEST_DIRNAME/../../scripts/axe") || skip 'axe-core is not here: scripts/axe --get'
	sample
	browser accessible "$axe"
}
