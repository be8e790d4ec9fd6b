#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""page.py CHECK MOUNT [ARGUMENT...]: tables/keys.html and members.html in Debian's Chromium.

BROWSER is the profile of one that runs already, or it starts one.
"""
import contextlib
import functools
import http.server
import json
import os
import subprocess
import sys
import threading

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait

WIDE, NARROW = (1400, 900), (420, 900)


@contextlib.contextmanager
def browser(dark=False, size=WIDE):
    options = webdriver.ChromeOptions()
    if 'BROWSER' in os.environ:
        with open(os.environ['BROWSER'] + '/DevToolsActivePort', encoding='ascii') as f:
            options.debugger_address = '127.0.0.1:' + f.readline().strip()
    else:
        options.binary_location = '/usr/bin/chromium'
        for argument in ('--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'):
            options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    b = webdriver.Chrome(options=options, service=Service('/usr/bin/chromedriver'))
    try:
        b.get('about:blank')
        b.get_log('browser')  # what the last check has left
        b.set_window_size(*size)
        b.execute_cdp_cmd('Emulation.setEmulatedMedia', {
            'features': [{'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})
        yield b
    finally:
        b.quit()


def view(b, mount, page='keys.html'):
    b.get('about:blank')  # another hash alone would not load it again
    b.get(f'file://{mount}/tables/{page}')


def all_of(b, selector):
    return b.find_elements(By.CSS_SELECTOR, selector)


def one(b, selector):
    return b.find_element(By.CSS_SELECTOR, selector)


def names(b):
    return b.execute_script("return [...document.querySelectorAll('#body .toggle bdi')].map((e) => e.textContent)")


def row(b, name):
    return all_of(b, '#body > .row')[names(b).index(name)]


def cells(r):
    return {e.get_attribute('data-label'): e.text for e in all_of(r, '[data-label]')}


def press(b, *keys):
    ActionChains(b).send_keys(*keys).perform()


def until(b, condition):
    return WebDriverWait(b, 10, poll_frequency=0.05).until(lambda _: condition())


def active(b):
    return b.switch_to.active_element


def quiet(b):
    """Nothing was refused by the policy, and no script failed."""
    said = b.get_log('browser')
    assert not said, said


# --- what it shows ---

def shows(mount):
    with browser() as b:
        view(b, mount)
        assert b.title == 'Provisioning keys' and one(b, '#domain').text == 'corp.example'
        assert one(b, '#mountpoint').text == mount
        assert one(b, '#count').text == '6 provisioning keys', one(b, '#count').text
        heads = [e.text for e in all_of(b, '#head > *')]
        assert heads == ['Name', 'Kind and group', 'Maximum', 'Used', 'Remaining', 'Expires', 'Last used',
                         'State', 'Copy'], heads
        assert names(b) == ['auto', 'free', 'hostile', 'off', 'old', 'used'], names(b)
        auto, used = cells(row(b, 'auto')), cells(row(b, 'used'))
        assert auto['Kind and group'] == 'berlin\nApp Connector' and auto['State'] == 'Active', auto
        assert (auto['Maximum'], auto['Used'], auto['Remaining']) == ('10', '3', '7'), auto
        assert (auto['Expires'], cells(row(b, 'free'))['Maximum']) == ('never', 'unlimited')
        assert cells(row(b, 'old'))['Expires'].startswith('5') and 'years ago' in cells(row(b, 'old'))['Expires']
        assert auto['Last used'].split('\n')[0].endswith('ago'), auto
        filled = one(row(b, 'auto'), '.meter span')
        assert abs(filled.size['width'] / one(row(b, 'auto'), '.meter').size['width'] - 0.3) < 0.02
        # used up: the warning, and why it cannot be copied
        assert used['State'].startswith('Used up\nAll uses are spent'), used
        button = one(row(b, 'used'), '.copy')
        assert button.get_attribute('aria-disabled') == 'true' and button.accessible_name.startswith('Copy the command')
        reason = one(b, '#' + button.get_attribute('aria-describedby'))
        assert reason.text.startswith('All uses are spent'), reason.text
        button.click()
        assert 'cannot be copied' in one(b, '#said').text
        assert cells(row(b, 'off'))['State'].startswith('Disabled\nWrite 1'), cells(row(b, 'off'))
        assert cells(row(b, 'old'))['State'].startswith('Expired\n')
        # expanded
        one(row(b, 'auto'), '.toggle').click()
        said = one(row(b, 'auto'), '.detail').text
        for text in ('racks 4 to 9', f'cat {mount}/app_connector/berlin/keys/auto/key', 'connector',
                     '1, the last ', 'by uid 0'):
            assert text in said, (text, said)
        quiet(b)


def is_data(mount):
    """Markup in a description is text, and a direction mark ends with it."""
    with browser() as b:
        view(b, mount, 'keys.html#open=all')
        said = one(row(b, 'hostile'), '.detail dd bdi')
        want = '<script>document.title = "x"</script></script><!-- \u202eevil'
        assert said.get_attribute('textContent') == want, said.get_attribute('textContent')
        assert b.title == 'Provisioning keys'
        assert not all_of(b, '#body script')
        # whatever a row says is in a <bdi>, and an attribute has none of it
        outside = b.execute_script('''
            const said = [];
            for (const e of document.querySelectorAll('#body *')) {
                for (const n of e.childNodes)
                    if (n.nodeType === 3 && e.tagName !== 'BDI' && /hostile|berlin|evil/.test(n.data))
                        said.push(n.data);
                for (const a of e.attributes)
                    if (a.name !== 'href' && /hostile|berlin|evil/.test(a.value))
                        said.push(a.name);
            }
            return said;''')
        assert not outside, outside
        quiet(b)
        # what got in all the same would not run
        b.execute_script('''
            const e = document.createElement('script');
            try { e.textContent = 'document.title = "x"'; } catch (refused) { }
            document.body.append(e);
            try { document.body.setAttribute('onclick', 'document.title = "x"'); } catch (refused) { }
            document.body.click();
            const run = document.createElement('a');
            run.href = 'javascript:void (document.title = "x")';
            document.body.append(run);
            run.click();''')
        assert b.title == 'Provisioning keys'
        assert any('Content Security Policy' in e['message'] or 'TrustedScript' in e['message']
                   for e in b.get_log('browser'))


def members(mount):
    with browser() as b:
        view(b, mount, 'members.html')
        assert b.title == 'Members' and one(b, '#count').text == '4 members'
        assert names(b) == ['web4', 'web3', 'web2', 'web1'], names(b)  # the newest first
        assert cells(row(b, 'web1'))['State'] == 'Revoked' and cells(row(b, 'web2'))['State'] == 'Active'
        assert cells(row(b, 'web2'))['Valid until'].startswith('in ')
        one(row(b, 'web2'), '.toggle').click()
        said = one(row(b, 'web2'), '.detail').text
        with open(f'{mount}/app_connector/berlin/members/web2/fingerprint', encoding='ascii') as f:
            assert f.read().strip() in said
        one(row(b, 'web2'), '.detail a').click()  # to its key
        until(b, lambda: b.title == 'Provisioning keys')
        assert names(b) == ['auto'], names(b)
        one(row(b, 'auto'), '.toggle').click()
        one(row(b, 'auto'), '.detail a').click()  # to the members of that key
        until(b, lambda: b.title == 'Members')
        assert names(b) == ['web3', 'web2', 'web1'], names(b)
        quiet(b)


# --- what it does ---

def pasted(b):
    box = one(b, '#filter')
    box.send_keys(Keys.CONTROL + 'v')
    said = box.get_attribute('value')
    box.send_keys(Keys.CONTROL + 'a', Keys.DELETE)
    return said


def copies(mount):
    """The command on the clipboard is for a shell; the browser may keep the clipboard from the page."""
    with browser() as b:
        view(b, mount)
        one(row(b, 'auto'), '.copy').click()
        until(b, lambda: one(b, '#said').text.startswith('Copied: cat '))
        command = pasted(b)
        key = subprocess.run(['sh', '-c', command], check=True, stdout=subprocess.PIPE, text=True).stdout
        with open(mount + '/app_connector/berlin/keys/auto/key', encoding='ascii') as f:
            assert key == f.read()
        # without navigator.clipboard, as on plain http
        b.execute_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
        one(row(b, 'free'), '.copy').click()
        until(b, lambda: one(b, '#said').text.startswith('Copied: cat '))
        assert pasted(b) == command.replace('/auto/', '/free/')
        # and without the older way
        b.execute_script('document.execCommand = () => false')
        one(row(b, 'auto'), '.copy').click()
        assert one(b, '#manual').get_attribute('open') and active(b).get_attribute('value') == command
        selected = b.execute_script('const e = document.activeElement; return [e.selectionStart, e.selectionEnd]')
        assert selected == [0, len(command)], selected
        press(b, Keys.ESCAPE)
        assert not one(b, '#manual').get_attribute('open')
        quiet(b)


def filters(mount):
    with browser() as b:
        view(b, mount)
        assert not one(b, '#reset').is_displayed()
        one(b, '#filter').send_keys('RACKS berlin')
        assert names(b) == ['auto'] and one(b, '#count').text == '1 of 6 provisioning keys'
        until(b, lambda: b.current_url.endswith('#q=RACKS%20berlin'))
        one(b, '#reset').click()
        assert len(names(b)) == 6 and active(b).get_attribute('id') == 'filter'
        one(b, '[data-state=exhausted]').click()
        assert names(b) == ['used'] and one(b, '[data-state=exhausted]').get_attribute('aria-pressed') == 'true'
        one(b, '[data-state=expired]').click()
        assert names(b) == ['old', 'used']
        one(b, '#filter').send_keys('nothing has this')
        assert not names(b) and one(b, '#none').text == 'No rows fit this filter.'
        one(b, '#reset').click()
        heads = {e.text: e for e in all_of(b, '#head > [aria-sort]')}
        assert heads['Name'].get_attribute('aria-sort') == 'ascending'
        one(heads['Used'], 'button').click()
        one(heads['Used'], 'button').click()
        assert names(b)[0] == 'auto' and heads['Used'].get_attribute('aria-sort') == 'descending'
        assert heads['Name'].get_attribute('aria-sort') == 'none'
        one(row(b, 'off'), '.toggle').click()
        one(b, '[data-state=disabled]').click()
        until(b, lambda: b.current_url.endswith('#state=disabled&sort=-used&open=app_connector/berlin/keys/off'))
        b.refresh()
        assert names(b) == ['off'] and one(row(b, 'off'), '.detail').is_displayed()
        view(b, mount, 'keys.html#in=service_edge')
        assert not names(b)
        quiet(b)


def keyboard(mount):
    """Everything without a mouse."""
    with browser() as b:
        view(b, mount)

        def tab_to(condition):
            for _ in range(40):
                press(b, Keys.TAB)
                if condition(active(b)):
                    outline = active(b).value_of_css_property('outline-style')
                    assert outline != 'none', active(b).text
                    return
            raise AssertionError('the tab key does not get there')

        tab_to(lambda e: e.get_attribute('id') == 'filter')
        tab_to(lambda e: e.get_attribute('data-state') == 'active')
        press(b, Keys.SPACE)
        assert names(b) == ['auto', 'free', 'hostile']
        press(b, Keys.SPACE)
        tab_to(lambda e: e.text == 'Expand all')
        press(b, Keys.ENTER)
        assert len(all_of(b, '.detail')) == len(names(b)) and active(b).text == 'Collapse all'
        press(b, Keys.ENTER)
        assert not all_of(b, '.detail')
        tab_to(lambda e: e.text == 'State')
        press(b, Keys.ENTER)
        assert names(b)[-1] == 'old'
        tab_to(lambda e: e.text == names(b)[0])
        press(b, Keys.ENTER)
        assert active(b).get_attribute('aria-expanded') == 'true' and len(all_of(b, '.detail')) == 1
        press(b, Keys.ENTER)
        press(b, Keys.ARROW_DOWN)
        assert active(b).text == names(b)[1]
        press(b, Keys.END)
        assert active(b).text == 'old'
        press(b, Keys.TAB)  # its copy button
        press(b, Keys.ENTER)
        assert one(b, '#said').text == 'old cannot be copied. Set a later time in expires to copy it again.'
        press(b, Keys.ESCAPE)
        assert not one(b, '#said').text
        quiet(b)


def many(mount, count):
    """No more is drawn than is seen."""
    count = int(count)
    with browser() as b:
        view(b, mount)
        assert one(b, '#table').get_attribute('aria-rowcount') == str(count + 1)
        assert len(names(b)) < 40 and names(b)[0] == 'k1', names(b)
        b.execute_script('scrollTo(0, document.body.scrollHeight)')
        until(b, lambda: names(b)[-1] == f'k{count}')
        assert len(names(b)) < 40
        last = row(b, f'k{count}')
        assert last.get_attribute('aria-rowindex') == str(count + 1) and last.is_displayed()
        one(b, '#all').click()
        b.execute_script('scrollTo(0, document.body.scrollHeight / 2)')
        until(b, lambda: f'k{count}' not in names(b))
        assert len(all_of(b, '.detail')) == len(names(b)) < 40
        # the next row by keyboard, over and over: the focus is never lost, and always seen
        one(b, '#all').click()
        b.execute_script('scrollTo(0, 0)')
        until(b, lambda: names(b)[0] == 'k1')
        b.execute_script("document.querySelector('.toggle').focus()")
        for i in range(2, 40):
            press(b, Keys.ARROW_DOWN)
            assert active(b).text == f'k{i}', (i, active(b).text)
        assert b.execute_script('const r = document.activeElement.getBoundingClientRect();'
                                'return r.top >= 40 && r.bottom <= innerHeight')
        press(b, Keys.HOME)
        assert active(b).text == 'k1'
        # scrolled away and back
        b.execute_script('scrollTo(0, document.body.scrollHeight)')
        until(b, lambda: 'k1' not in names(b))
        b.execute_script('scrollTo(0, 0)')
        until(b, lambda: 'k1' in names(b))
        assert active(b).text == 'k1', active(b).text
        quiet(b)


def newest(mount, total):
    """Of more members than it has room for."""
    with browser() as b:
        view(b, mount, 'members.html')
        assert one(b, '#count').text == '50,000 members'
        assert one(b, '#notice').text == f'These are the newest 50,000 of {int(total):,} members; ' \
            'all are in members.tsv.', one(b, '#notice').text
        quiet(b)


def alone(mount):
    """From a web server: it asks for nothing but itself."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), functools.partial(Handler, directory=mount + '/tables'))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with browser() as b:
        b.get(f'http://127.0.0.1:{server.server_port}/keys.html')
        assert len(names(b)) == 6
        one(row(b, 'auto'), '.copy').click()
        until(b, lambda: one(b, '#said').text)
        assert b.execute_script('return performance.getEntriesByType("resource").length') == 0
        quiet(b)
    server.shutdown()
    assert asked == ['/keys.html'], asked


def accessible(mount, axe):
    """WCAG 2.2 A and AA, as far as axe-core knows."""
    with open(axe, encoding='utf-8') as f:
        axe = f.read()
    tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    for dark, size in ((False, WIDE), (True, NARROW)):
        with browser(dark, size) as b:
            for page in ('keys.html', 'keys.html#open=all', 'keys.html#q=nothing', 'members.html#open=all'):
                view(b, mount, page)
                # it must not have to be scrolled sideways
                assert b.execute_script('return document.documentElement.scrollWidth <= innerWidth'), (page, size)
                b.execute_script(axe)
                found = b.execute_async_script(
                    'axe.run(document, {runOnly: {type: "tag", values: arguments[0]}}).then(arguments[1])', tags)
                assert len(found['passes']) > 30
                for v in found['violations']:
                    raise AssertionError((page, dark, size, v['id'], v['nodes'][0]['html'],
                                          v['nodes'][0]['failureSummary']))


# --- how long it takes ---

TIMES = '''
const done = arguments[0], times = {sort: 0, filter: 0};
const drawn = () => new Promise((r) => requestAnimationFrame(() => setTimeout(r)));
const timed = async (what, act) => {
    await drawn();
    const began = performance.now();
    act();
    await drawn();
    times[what] = Math.max(times[what], performance.now() - began);
};
(async () => {
    const filter = document.getElementById('filter');
    for (const head of document.querySelectorAll('#head button'))
        for (let i = 0; i < 2; i++)
            await timed('sort', () => head.click());
    for (const text of ['k', 'k1', 'k1 never', '']) {
        filter.value = text;
        await timed('filter', () => filter.dispatchEvent(new Event('input')));
    }
    for (const state of document.querySelectorAll('#states button'))
        await timed('filter', () => state.click());
    times.ready = performance.getEntriesByName('ready')[0].startTime;
    done(times);
})();
'''


def times(mount, page):
    """Milliseconds to the first rows, and of the slowest sort and filter, as JSON."""
    with browser() as b:
        view(b, mount, page)
        print(json.dumps(b.execute_async_script(TIMES)))


def main():
    checks = (shows, is_data, members, copies, filters, keyboard, many, newest, alone, accessible, times)
    {check.__name__: check for check in checks}[sys.argv[1]](*sys.argv[2:])


main()
