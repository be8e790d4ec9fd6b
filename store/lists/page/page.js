/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows are data: their text gets into the page as the text of <bdi>
 * elements alone, so that markup in it stays text and direction marks (U+202E)
 * end where it ends. Only the rows that are on the screen are drawn.
 */
'use strict';

(() => {
const $ = (id) => document.getElementById(id);
const data = JSON.parse($('rows').textContent);
const rows = data.rows;
const isKeys = data.table === 'keys';
const now = Date.now();
const DAY = 86400000;

$('rows').remove();

/* --- what a row says --- */

const at = {};
data.columns.forEach((name, i) => { at[name] = i; });
const get = (i, column) => rows[i][at[column]];

const KINDS = {app_connector: 'App Connector', service_edge: 'Private Service Edge'};
const STATES = {
	active: 'Active',
	exhausted: 'Used up',
	disabled: 'Disabled',
	expired: 'Expired',
	revoked: 'Revoked',
};
const stateNames = Object.keys(STATES);
const kindOf = (i) => KINDS[get(i, 'kind')] || get(i, 'kind');
const timeOf = (i, column) => Date.parse(get(i, column)); /* NaN: never */
const groupPath = (i) => get(i, 'kind') + '/' + get(i, 'group');
const path = (i) => groupPath(i) + (isKeys ? '/keys/' : '/members/') + get(i, 'name');

/* It may have expired since this page was made. */
function stateOf(i) {
	const end = timeOf(i, isKeys ? 'expires' : 'not_after');
	const state = get(i, 'state');
	return end <= now && (state === 'active' || state === 'exhausted') ? 'expired' : state;
}

function remaining(i) {
	const most = get(i, 'max_uses');
	return most === 'max' ? Infinity : Math.max(0, most - get(i, 'uses'));
}

/* Why a key cannot be copied; '': it can. */
function refusal(i) {
	if (!isKeys)
		return '';
	switch (stateOf(i)) {
	case 'exhausted':
		return 'All uses are spent: raise max_uses to copy it again.';
	case 'expired':
		return 'Set a later time in expires to copy it again.';
	case 'disabled':
		return get(i, 'enabled') === '0' ? 'Write 1 to its enabled to copy it again.' :
			'Its group is disabled: write 1 to the group\u2019s enabled to copy it again.';
	}
	return get(i, 'exportable') === '0' ? 'Not exportable: its text was destroyed.' : '';
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : '\'' + text.replace(/'/g, '\'\\\'\'') + '\'');
const command = (i) => 'cat ' + quoted(
	(data.mountpoint ? data.mountpoint.replace(/\/$/, '') + '/' : '') + path(i) + (isKeys ? '/key' : '/fullchain.pem'));

/* --- elements --- */

function element(tag, className, ...children) {
	const e = document.createElement(tag);
	if (className)
		e.className = className;
	e.append(...children);
	return e;
}

function text(value) {
	const e = document.createElement('bdi');
	e.textContent = value;
	return e;
}

function icon(name) {
	const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
	const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
	use.setAttribute('href', '#i-' + name);
	svg.setAttribute('class', 'icon');
	svg.setAttribute('aria-hidden', 'true');
	svg.append(use);
	return svg;
}

function button(className, ...children) {
	const e = element('button', className, ...children);
	e.type = 'button';
	return e;
}

function link(href, ...children) {
	const e = element('a', '', ...children);
	e.href = href;
	return e;
}

const number = (n) => (n === Infinity ? 'unlimited' : Number(n).toLocaleString('en'));
const relative = new Intl.RelativeTimeFormat('en', {numeric: 'always'});
const UNITS = [['year', 365 * DAY], ['month', 30 * DAY], ['day', DAY], ['hour', 3600000], ['minute', 60000], ['second', 1000]];

function inWords(moment) {
	const distance = moment - now;
	const [unit, length] = UNITS.find((u) => Math.abs(distance) >= u[1]) || UNITS[5];
	return relative.format(Math.trunc(distance / length), unit);
}

/* `2026-11-22T10:15:00Z` with a blank in its middle. */
const exact = (value) => value.replace('T', ' ').replace('Z', ' UTC');

function time(value, content) {
	const e = element('time', '', content);
	e.dateTime = value;
	return e;
}

/* Words, and the date below them. */
function timeCell(i, column, className) {
	const value = get(i, column);
	if (value === 'never')
		return element('span', 'muted', 'never');
	return element('span', '', element('span', className || '', inWords(Date.parse(value))),
		element('small', '', time(value, value.slice(0, 10))));
}

function endCell(i, column) {
	const left = timeOf(i, column) - now;
	return timeCell(i, column, left <= 0 ? 'bad' : left < 30 * DAY ? 'warn' : '');
}

/* --- cells --- */

function nameCell(i) {
	return button('toggle', icon('open'), text(get(i, 'name')));
}

function groupCell(i) {
	return element('span', '', text(get(i, 'group')), element('small', '', kindOf(i)));
}

function usedCell(i) {
	const most = get(i, 'max_uses');
	const uses = Number(get(i, 'uses'));
	const cell = element('span', 'used number', number(uses));
	if (most !== 'max') {
		const share = most > 0 ? Math.min(1, uses / most) : 1;
		const filled = document.createElement('span');
		filled.style.width = 100 * share + '%';
		cell.append(element('span', 'meter' + (share === 1 ? ' full' : share >= 0.8 ? ' most' : ''), filled));
	}
	return cell;
}

function stateCell(i) {
	const state = stateOf(i);
	const known = stateNames.includes(state);
	const cell = element('span', '', element('span', 'badge ' + (known ? state : ''),
		icon(known ? state : 'disabled'), known ? STATES[state] : text(state)));
	const reason = refusal(i);
	if (reason) {
		const note = element('small', 'reason', reason);
		note.id = 'why-' + i;
		cell.append(note);
	}
	return cell;
}

function copyCell(i) {
	const e = button('copy', icon('copy'), 'Copy', element('span', 'aside', ' the command that reads ', text(get(i, 'name'))));
	if (refusal(i)) {
		e.setAttribute('aria-disabled', 'true');
		e.setAttribute('aria-describedby', 'why-' + i);
	}
	return e;
}

const natural = (value) => value.toLowerCase().replace(/\d+/g, (d) => d.padStart(12, '0'));
const never = (value, instead) => (Number.isNaN(value) ? instead : value);
const NAME = {id: 'name', label: 'Name', cell: nameCell, className: 'name', sort: (i) => natural(get(i, 'name'))};
const GROUP = {id: 'group', label: 'Kind and group', cell: groupCell, sort: (i) => natural(groupPath(i))};
const STATE = {id: 'state', label: 'State', cell: stateCell, sort: (i) => stateNames.indexOf(stateOf(i))};
const COPY = {id: 'copy', label: 'Copy', cell: copyCell, className: 'action'};

const COLUMNS = isKeys ? [
	NAME,
	GROUP,
	{id: 'maximum', label: 'Maximum', className: 'number', cell: (i) => number(most(i)), sort: (i) => most(i)},
	{id: 'used', label: 'Used', cell: usedCell, sort: (i) => Number(get(i, 'uses'))},
	{id: 'remaining', label: 'Remaining', className: 'number', cell: (i) => number(remaining(i)), sort: remaining},
	{id: 'expires', label: 'Expires', cell: (i) => endCell(i, 'expires'), sort: (i) => never(timeOf(i, 'expires'), Infinity)},
	{id: 'last_used', label: 'Last used', cell: (i) => timeCell(i, 'last_used'), sort: (i) => never(timeOf(i, 'last_used'), 0)},
	STATE,
	COPY,
] : [
	NAME,
	GROUP,
	{id: 'key', label: 'Provisioning key', cell: (i) => text(get(i, 'provisioning_key')), sort: (i) => natural(get(i, 'provisioning_key'))},
	{id: 'cert', label: 'Signing certificate', cell: (i) => text(get(i, 'signing_cert')), sort: (i) => natural(get(i, 'signing_cert'))},
	{id: 'enrolled', label: 'Enrolled', cell: (i) => timeCell(i, 'enrolled'), sort: (i) => timeOf(i, 'enrolled')},
	{id: 'expires', label: 'Valid until', cell: (i) => endCell(i, 'not_after'), sort: (i) => timeOf(i, 'not_after')},
	STATE,
	COPY,
];
const SEARCHED = isKeys ? ['name', 'group', 'description', 'signing_cert'] :
	['name', 'group', 'provisioning_key', 'signing_cert', 'serial', 'fingerprint'];
const NOUN = isKeys ? 'provisioning key' : 'member';

function most(i) {
	return get(i, 'max_uses') === 'max' ? Infinity : Number(get(i, 'max_uses'));
}

/* --- the expanded part --- */

function commandItem(i) {
	return ['Command', element('code', '', text(command(i))), true];
}

function when(i, column) {
	const value = get(i, column);
	return value === 'never' ? 'never' : time(value, exact(value));
}

const yes = (i, column) => (get(i, column) === '1' ? 'yes' : 'no');

function keyItems(i) {
	const of = encodeURIComponent(get(i, 'id'));
	const copies = Number(get(i, 'copies'));
	return [
		['Description', get(i, 'description') ? text(get(i, 'description')) : element('span', 'muted', 'none'), true],
		commandItem(i),
		['Signing certificate', text(get(i, 'signing_cert'))],
		['Copies', element('span', '', number(copies), copies ? ', the last ' : '', copies ? when(i, 'last_copied') : '')],
		['Changed', element('span', '', when(i, 'modified'), ' by uid ', text(get(i, 'modified_by')))],
		['Created', when(i, 'created')],
		['Expires', when(i, 'expires')],
		['Last used', when(i, 'last_used')],
		['Enabled', yes(i, 'enabled')],
		['Exportable', yes(i, 'exportable')],
		['Managed', yes(i, 'managed')],
		['Id', element('span', '', text(get(i, 'id')), ' (', link('members.html#key=' + of, 'its members'), ')')],
	];
}

function memberItems(i) {
	const key = link('keys.html#in=' + encodeURIComponent(groupPath(i)) + '&q=' + encodeURIComponent(get(i, 'provisioning_key')),
		text(get(i, 'provisioning_key')));
	return [
		commandItem(i),
		['Fingerprint (SHA-256)', element('code', '', text(get(i, 'fingerprint'))), true],
		['Serial number', element('code', '', text(get(i, 'serial')))],
		['Provisioning key', element('span', '', key, ', id ', text(get(i, 'key_id')))],
		['Signing certificate', text(get(i, 'signing_cert'))],
		['Enrolled', when(i, 'enrolled')],
		['Valid until', when(i, 'not_after')],
	];
}

function detail(i) {
	const list = document.createElement('dl');
	for (const [term, value, wide] of (isKeys ? keyItems : memberItems)(i))
		list.append(element('div', wide ? 'wide' : '', element('dt', '', term), element('dd', '', value)));
	const e = element('div', 'detail', list);
	e.setAttribute('role', 'cell');
	return e;
}

/* --- what is chosen, and the URL that says it --- */

const DEFAULT_SORT = isKeys ? 'name' : '-enrolled';
const chosen = {};

function readHash() {
	const p = new URLSearchParams(location.hash.slice(1));
	const sort = p.get('sort') || DEFAULT_SORT;
	const open = (p.get('open') || '').split(',').filter(Boolean);
	const column = sort.replace(/^-/, '');
	chosen.q = p.get('q') || '';
	chosen.place = p.get('in') || '';
	chosen.key = isKeys ? '' : p.get('key') || '';
	chosen.states = new Set((p.get('state') || '').split(',').filter((s) => stateNames.includes(s)));
	chosen.sort = COLUMNS.some((c) => c.id === column && c.sort) ? sort : DEFAULT_SORT;
	/* all are open but these, or none but these */
	chosen.all = open[0] === 'all';
	chosen.except = new Set(chosen.all ? open.slice(1) : open);
}

function writeHash() {
	const open = [...(chosen.all ? ['all'] : []), ...chosen.except];
	const said = [['q', chosen.q], ['in', chosen.place], ['key', chosen.key], ['state', [...chosen.states].join()],
		['sort', chosen.sort === DEFAULT_SORT ? '' : chosen.sort], ['open', open.join()]];
	const hash = said.filter((pair) => pair[1]).map(([name, value]) =>
		name + '=' + encodeURIComponent(value).replace(/%2F/g, '/').replace(/%2C/g, ',')).join('&');
	try {
		history.replaceState(null, '', location.pathname + location.search + (hash && '#' + hash));
	} catch (e) {
		location.replace('#' + hash); /* too often, or not for this kind of URL */
	}
}

let hashTimer;
function writeHashSoon() {
	clearTimeout(hashTimer);
	hashTimer = setTimeout(writeHash, 200);
}

const isOpen = (i) => chosen.all !== chosen.except.has(path(i));
const isFiltered = () => Boolean(chosen.q.trim() || chosen.place || chosen.key || chosen.states.size);

/* --- sorting and filtering --- */

const ordered = {}; /* by sort: all rows in its order */
function inOrder() {
	const id = chosen.sort.replace(/^-/, '');
	const sign = id === chosen.sort ? 1 : -1;
	if (!ordered[chosen.sort]) {
		const value = COLUMNS.find((c) => c.id === id).sort;
		const values = rows.map((row, i) => value(i));
		ordered[chosen.sort] = rows.map((row, i) => i).sort((a, b) =>
			(values[a] < values[b] ? -sign : values[a] > values[b] ? sign : a - b));
	}
	return ordered[chosen.sort];
}

let searched; /* of each row what the filter looks at */
function matches() {
	const words = chosen.q.toLowerCase().split(/\s+/).filter(Boolean);
	const place = chosen.place;
	if (words.length && !searched)
		searched = rows.map((row, i) => [...SEARCHED.map((c) => get(i, c)), kindOf(i)].join('\n').toLowerCase());
	return (i) =>
		(!place || (place.includes('/') ? groupPath(i) === place : get(i, 'kind') === place)) &&
		(!chosen.key || get(i, 'key_id') === chosen.key) &&
		(!chosen.states.size || chosen.states.has(stateOf(i))) &&
		words.every((w) => searched[i].includes(w));
}

/* --- drawing: heights of rows that have not been drawn are guessed --- */

const body = $('body');
const AROUND = 300; /* pixels drawn above and below the window */
const heights = new Float64Array(rows.length); /* 0: not known */
const drawn = new Map(); /* by row */
let view = []; /* rows in their order */
let offsets = new Float64Array(1);
let guess = {closed: 52, open: 330};
let lost = null; /* what had the focus when its row was scrolled away */

function layOut() {
	offsets = new Float64Array(view.length + 1);
	view.forEach((i, k) => {
		offsets[k + 1] = offsets[k] + (heights[i] || (isOpen(i) ? guess.open : guess.closed));
	});
}

/* The place in view of the row at this height. */
function placeAt(y) {
	let low = 0, high = view.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (offsets[middle + 1] <= y)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

function drawRow(i) {
	const row = element('div', 'row');
	row.setAttribute('role', 'row');
	row.dataset.row = i;
	for (const column of COLUMNS) {
		const cell = element('div', 'cell ' + (column.className || ''), column.cell(i));
		cell.setAttribute('role', 'cell');
		if (column !== NAME && column !== COPY)
			cell.dataset.label = column.label;
		row.append(cell);
	}
	showOpen(row, i);
	return row;
}

function showOpen(row, i) {
	const open = isOpen(i);
	const there = row.querySelector('.detail');
	row.querySelector('.toggle').setAttribute('aria-expanded', open);
	if (open && !there)
		row.append(detail(i));
	else if (!open && there)
		there.remove();
}

function dropRow(i) {
	const row = drawn.get(i);
	if (row.contains(document.activeElement))
		lost = {row: i, className: document.activeElement.className};
	row.remove();
	drawn.delete(i);
}

function drawRange(first, last) {
	const wanted = new Set(view.slice(first, last));
	for (const i of drawn.keys())
		if (!wanted.has(i))
			dropRow(i);
	let before = body.firstChild;
	for (let k = first; k < last; k++) {
		const i = view[k];
		if (!drawn.has(i))
			drawn.set(i, drawRow(i));
		const row = drawn.get(i);
		row.setAttribute('aria-rowindex', k + 2);
		if (row === before)
			before = before.nextSibling;
		else
			body.insertBefore(row, before);
		if (lost && lost.row === i && document.activeElement === document.body) {
			const again = lost.className && row.getElementsByClassName(lost.className)[0];
			if (again)
				again.focus({preventScroll: true});
			lost = null;
		}
	}
	body.style.paddingTop = offsets[first] + 'px';
	body.style.paddingBottom = offsets[view.length] - offsets[last] + 'px';
}

/* Whether a guess was wrong. */
function measure() {
	let wrong = false;
	for (const [i, row] of drawn) {
		const height = row.getBoundingClientRect().height;
		if (Math.abs(height - heights[i]) < 0.5)
			continue;
		heights[i] = height;
		guess[isOpen(i) ? 'open' : 'closed'] = height;
		wrong = true;
	}
	return wrong;
}

function draw() {
	for (let tries = 0; tries < 4; tries++) {
		const top = -body.getBoundingClientRect().top;
		const first = placeAt(top - AROUND);
		const last = Math.min(view.length, placeAt(top + innerHeight + AROUND) + 1);
		drawRange(first, last);
		const anchor = drawn.get(view[Math.max(first, placeAt(top))]);
		const was = anchor && anchor.getBoundingClientRect().top;
		if (!measure())
			return;
		layOut();
		body.style.paddingTop = offsets[first] + 'px';
		body.style.paddingBottom = offsets[view.length] - offsets[last] + 'px';
		/* what is being read stays where it is */
		if (anchor && top > 0)
			scrollBy(0, anchor.getBoundingClientRect().top - was);
	}
}

function forgetHeights() {
	heights.fill(0);
	layOut();
	draw();
}

/* --- the controls --- */

function showChosen() {
	const shown = view.length.toLocaleString('en');
	const all = rows.length.toLocaleString('en');
	const noun = rows.length === 1 ? NOUN : NOUN + 's';
	if ($('filter').value !== chosen.q)
		$('filter').value = chosen.q;
	$('place').value = chosen.place;
	$('count').textContent = (isFiltered() ? shown + ' of ' : '') + all + ' ' + noun +
		(chosen.key ? ', enrolled with the key of id ' + chosen.key : '');
	$('reset').hidden = !isFiltered();
	$('none').hidden = view.length > 0;
	$('none').textContent = rows.length ? 'No rows fit this filter.' : 'There are no ' + NOUN + 's yet.';
	$('all').textContent = chosen.all && !chosen.except.size ? 'Collapse all' : 'Expand all';
	$('table').setAttribute('aria-rowcount', view.length + 1);
	for (const e of $('states').children)
		e.setAttribute('aria-pressed', chosen.states.has(e.dataset.state));
	for (const e of $('head').children)
		if (e.dataset.sort)
			e.setAttribute('aria-sort', chosen.sort === e.dataset.sort ? 'ascending' :
				chosen.sort === '-' + e.dataset.sort ? 'descending' : 'none');
}

/* Shows what is chosen, from its beginning. */
function show() {
	view = inOrder().filter(matches());
	layOut();
	body.hidden = !view.length;
	if ($('table').getBoundingClientRect().top < 0)
		$('table').scrollIntoView();
	draw();
	showChosen();
}

function choose(change) {
	Object.assign(chosen, change);
	show();
	writeHashSoon();
}

function toggle(row) {
	const i = Number(row.dataset.row);
	if (!chosen.except.delete(path(i)))
		chosen.except.add(path(i));
	heights[i] = 0;
	showOpen(row, i);
	layOut();
	draw();
	showChosen();
	writeHashSoon();
}

function toggleAll() {
	chosen.all = !(chosen.all && !chosen.except.size);
	chosen.except.clear();
	for (const [i, row] of drawn)
		showOpen(row, i);
	forgetHeights();
	showChosen();
	writeHashSoon();
}

/* --- copying --- */

let saidTimer;
function say(...what) {
	clearTimeout(saidTimer);
	$('said').replaceChildren(...what);
	saidTimer = setTimeout(() => $('said').replaceChildren(), 10000);
}

/* Where the clipboard is kept from this page, as on file: or plain http. */
function copyOtherwise(value) {
	const focused = document.activeElement;
	const area = element('textarea', 'aside');
	area.value = value;
	area.readOnly = true;
	document.body.append(area);
	area.select();
	let copied = false;
	try {
		copied = document.execCommand('copy');
	} catch (e) { /* not allowed either */ }
	area.remove();
	focused.focus({preventScroll: true});
	return copied;
}

function copyByHand(value) {
	$('manual-text').value = value;
	$('manual').showModal();
	$('manual-text').focus();
	$('manual-text').select();
}

async function copy(value) {
	try {
		await navigator.clipboard.writeText(value);
	} catch (e) {
		if (!copyOtherwise(value)) {
			copyByHand(value);
			return;
		}
	}
	say('Copied: ', element('code', '', text(value)));
}

/* --- events --- */

body.addEventListener('click', (event) => {
	const clicked = event.target.closest('button');
	if (!clicked)
		return;
	const row = clicked.closest('.row');
	const i = Number(row.dataset.row);
	if (clicked.classList.contains('toggle'))
		toggle(row);
	else if (refusal(i))
		say(text(get(i, 'name')), ' cannot be copied. ' + refusal(i));
	else
		copy(command(i));
});

/* Up and down go from row to row. */
function moveFocus(from, place) {
	const next = Math.max(0, Math.min(view.length - 1, place));
	const y = offsets[next] + body.getBoundingClientRect().top;
	if (y < 80 || y + 80 > innerHeight)
		scrollBy(0, y - innerHeight / 2);
	draw();
	drawn.get(view[next]).getElementsByClassName(from)[0].focus();
}

body.addEventListener('keydown', (event) => {
	const row = event.target.closest('.row');
	const from = event.target.closest('button');
	const steps = {ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity}[event.key];
	if (!steps || !from || event.ctrlKey || event.altKey || event.metaKey)
		return;
	event.preventDefault();
	moveFocus(from.className, Number(row.getAttribute('aria-rowindex')) - 2 + steps);
});

addEventListener('keydown', (event) => {
	if (event.key === 'Escape')
		$('said').replaceChildren();
});
addEventListener('focusin', () => { lost = null; });
addEventListener('scroll', draw, {passive: true});
addEventListener('hashchange', () => {
	readHash();
	for (const i of [...drawn.keys()])
		dropRow(i);
	heights.fill(0);
	show();
});

let width = innerWidth;
addEventListener('resize', () => {
	if (width === innerWidth)
		return draw();
	width = innerWidth;
	return forgetHeights();
});

$('filter').addEventListener('input', () => choose({q: $('filter').value}));
$('place').addEventListener('change', () => choose({place: $('place').value}));
$('all').addEventListener('click', toggleAll);
$('manual-close').addEventListener('click', () => $('manual').close());
$('reset').addEventListener('click', () => {
	choose({q: '', place: '', key: '', states: new Set()});
	$('filter').focus();
});

/* --- what is built once --- */

function addHeads() {
	for (const column of COLUMNS) {
		const head = element('div', '', column.sort ? button('', column.label, icon('sort')) : element('span', 'plain', column.label));
		head.setAttribute('role', 'columnheader');
		if (column.sort) {
			head.dataset.sort = column.id;
			head.firstChild.addEventListener('click', () =>
				choose({sort: chosen.sort === column.id ? '-' + column.id : column.id}));
		}
		$('head').append(head);
	}
}

function addStates() {
	const count = {};
	rows.forEach((row, i) => { count[stateOf(i)] = (count[stateOf(i)] || 0) + 1; });
	for (const state of stateNames) {
		if (!(isKeys ? state !== 'revoked' : ['active', 'expired', 'revoked'].includes(state)))
			continue;
		const e = button('', icon(state), STATES[state], element('b', '', number(count[state] || 0)));
		e.dataset.state = state;
		e.addEventListener('click', () => {
			if (!chosen.states.delete(state))
				chosen.states.add(state);
			choose({});
		});
		$('states').append(e);
	}
}

function addPlaces() {
	const all = new Set();
	rows.forEach((row, i) => { all.add(get(i, 'kind')).add(groupPath(i)); });
	for (const place of [...all].sort()) {
		const [kind, group] = place.split('/');
		const e = element('option', '', group ? '\u2003' + group : KINDS[kind] || kind);
		e.value = place;
		$('place').append(e);
	}
}

function addText() {
	const other = isKeys ? 'members' : 'keys';
	const changed = new Date(document.lastModified);
	$('to-' + data.table).setAttribute('aria-current', 'page');
	$('to-' + other).removeAttribute('aria-current');
	$('filter-by').textContent = 'Filter by name, group, ' + (isKeys ? 'description or signing certificate' :
		'key, signing certificate, serial number or fingerprint');
	$('tsv').href = $('tsv').textContent = data.table + '.tsv';
	$('table').classList.add(data.table);
	$('domain').textContent = data.domain;
	$('mountpoint').textContent = data.mountpoint;
	$('mounted').hidden = !data.mountpoint;
	if (!Number.isNaN(changed.getTime())) {
		$('changed').dateTime = changed.toISOString();
		$('changed').textContent = exact(changed.toISOString().replace(/\.\d+/, ''));
		$('as-of').hidden = false;
	}
	if (data.total > rows.length) {
		$('notice').append('These are the newest ' + number(rows.length) + ' of ' + number(data.total) + ' ' + NOUN + 's; all are in ',
			link(data.table + '.tsv', data.table + '.tsv'), '.');
		$('notice').hidden = false;
	}
}

addText();
addHeads();
addStates();
addPlaces();
readHash();
show();
performance.mark('ready');
})();
