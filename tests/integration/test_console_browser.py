# SPDX-License-Identifier: MIT
"""`sluice console` in a real browser, Debian's Chromium: without scripts, in both themes, narrow, by keyboard, hostile."""

import contextlib
import time

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from process import Failure, wait_until

pytestmark = pytest.mark.browser

HOSTILE = "\"><script>document.title='harmed'</script><img src=x onerror=\"document.title='harmed'\">\u202e"
TOKEN = "0123456789abcdef-a-token"
PAGES = ("/", "/events", "/event", "/event?id=evt&source=default", "/event?id=nowhere", "/dead", "/dead/act?action=replay&all=1",
         "/dead/act?action=drop&all=1", "/sources", "/runbook", "/nowhere", "/events?since=x")
# The text and background colours of each element with text of its own, as [tag, text, red.., red..].
COLOURS = """
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    const solid = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
        if (c.length < 4 || c[3] > 0) { return c.slice(0, 3); } } return [255, 255, 255]; };
    return [...document.querySelectorAll('body *')].filter((e) => e.checkVisibility()
        && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== ''))
        .map((e) => [e.tagName, e.textContent.slice(0, 30), rgb(getComputedStyle(e).color).slice(0, 3), solid(e)])"""


@contextlib.contextmanager
def browser(site, scripts=True, dark=False, width=1000):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking",
                     f"--user-data-dir={site.directory / f'browser-{time.monotonic_ns()}'}"):
        options.add_argument(argument)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.implicitly_wait(30)  # for an element of a page that is still on its way
    try:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False})
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        yield driver
    finally:
        driver.quit()


@pytest.fixture(name="home")
def fixture_home(site):
    """The URL of a console with some events, one of them hostile."""
    site.insert(60)
    quoted = HOSTILE.replace("'", "''")
    site.insert(1, id="'evt'", path=f"'/{quoted}'", query=f"'{quoted}'", received_at="now()",
                headers=f"jsonb_build_object('x-{quoted}', repeat('w', 2000))",
                body=f"""convert_to('{{"n":12345678901234567890,"s":' || to_jsonb('{quoted}'::text)::text || '}}', 'UTF8')""")
    site.database.query("""insert into webhooks_dead (source, id, method, path, query, headers, keep, body, verdict, sqlstate,
        reason, received_at, attempts) values ('default', %s, 'POST', '/', '', '{}', 'newest', 'x', 'later', '23503', %s, now(), 1)
        """, ("dead" + HOSTILE, HOSTILE))
    settings = site.servers.setup_settings()
    site.console = site.start_console(CONSOLE_TOKEN=TOKEN, SETUP_DATABASE_URL=settings["SETUP_DATABASE_URL"],
                                      SETUP_DATABASE_PASSWORD_FILE=settings["SETUP_DATABASE_PASSWORD_FILE"])
    return f"http://127.0.0.1:{site.console.port}"


def harmless(driver):
    """No script of a sender has run, and the browser had nothing to forbid."""
    assert driver.title != "harmed"
    told = [entry["message"] for entry in driver.get_log("browser") if "favicon" not in entry["message"]]
    told = [line for line in told if not line.startswith("chrome://")]  # the browser's own first page
    return [line for line in told if "Failed to load resource: the server responded with a status of" not in line]


def rows(driver, count):
    """Waits: a page whose address is shown may still be on its way."""
    wait_until(lambda: len(driver.find_elements(By.CSS_SELECTOR, "tbody tr")) == count, f"{count} rows")


def shown(driver, text):
    """The page says this. A page that comes just now has no body yet, or its body is gone: not yet."""
    with contextlib.suppress(StaleElementReferenceException, NoSuchElementException):
        return text in driver.find_element(By.TAG_NAME, "body").text
    return False


def test_all_that_is_read_works_without_scripts(site, home):
    with browser(site, scripts=False) as driver:
        driver.get(f"{home}/events")
        assert not driver.find_element(By.ID, "pause").is_displayed()
        field = driver.find_element(By.NAME, "id")
        field.send_keys("e1" + Keys.ENTER)
        wait_until(lambda: "id=e1" in driver.current_url, "the search")
        rows(driver, 11)
        driver.get(f"{home}/events")
        driver.find_element(By.PARTIAL_LINK_TEXT, "older").click()
        wait_until(lambda: shown(driver, "Nothing is left to search."), "the last page")
        rows(driver, 11)
        driver.find_element(By.PARTIAL_LINK_TEXT, "newest").click()
        wait_until(lambda: driver.find_elements(By.LINK_TEXT, "evt"), "the first page")
        driver.find_element(By.LINK_TEXT, "evt").click()
        wait_until(lambda: shown(driver, "Body as JSON"), "the event")
        wait_until(lambda: shown(driver, '"n": 12345678901234567890'), "the number's digits")
        driver.find_element(By.LINK_TEXT, "Sources").click()
        wait_until(lambda: shown(driver, "any sender is accepted"), "the sources")


def luminance(colour):
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_readable_in_both_themes(site, home, dark):
    with browser(site, dark=dark) as driver:
        for path in PAGES:
            driver.get(home + path)
            found = driver.execute_script(COLOURS)
            assert len(found) >= 8, path
            for tag, text, colour, back in found:
                assert contrast(colour, back) >= 4.5, (path, tag, text, colour, back)
            assert (luminance(found[0][3]) < 0.1) == dark
        assert harmless(driver) == []


def test_nothing_but_tables_scrolls_sideways_on_320_pixels(site, home):
    with browser(site, width=320) as driver:
        for path in PAGES:
            driver.get(home + path)
            width, room = driver.execute_script("const e = document.documentElement; return [e.scrollWidth, e.clientWidth]")
            assert width == room <= 320, path  # a bar for scrolling down may take some
            wide = driver.execute_script("""return [...document.querySelectorAll('body *')].filter((e) =>
                e.getBoundingClientRect().right > 321 && !e.closest('.scroll') && !e.closest('pre')
                && !e.classList.contains('skip')).map((e) => e.outerHTML.slice(0, 80))""")
            assert wide == [], path


def test_a_keyboard_reaches_everything_and_shows_where_it_is(site, home):
    with browser(site) as driver:
        driver.get(f"{home}/events")
        reached = []
        for _ in range(80):
            driver.switch_to.active_element.send_keys(Keys.TAB)
            element = driver.switch_to.active_element
            if element.tag_name == "body":
                break
            reached.append(element.text or element.get_attribute("name"))
            outline = driver.execute_script("const s = getComputedStyle(document.activeElement);"
                                            "return [s.outlineStyle, parseFloat(s.outlineWidth)]")
            assert outline[0] != "none" and outline[1] >= 2, reached
        assert reached[:4] == ["Skip to the content", "Now", "Events", "One event"]
        for name in ("Dead letters", "Sources", "Runbook", "Pause refreshing", "source", "json", "Search", "evt", "Search older events"):
            assert name in reached, name
        driver.find_element(By.CLASS_NAME, "skip").send_keys(Keys.ENTER)
        assert driver.switch_to.active_element.get_attribute("id") == "main"
        driver.find_element(By.NAME, "id").send_keys("evt", Keys.ENTER)
        wait_until(lambda: "id=evt" in driver.current_url, "the search by Enter")
        driver.find_element(By.LINK_TEXT, "evt").send_keys(Keys.ENTER)
        wait_until(lambda: shown(driver, "Body as JSON"), "the event by Enter")


def test_what_senders_wrote_runs_nothing(site, home):
    with browser(site) as driver:
        for path in PAGES:
            driver.get(home + path)
            assert harmless(driver) == [], path
            assert driver.execute_script("return document.images.length") == 0
        driver.get(f"{home}/event?id=evt")
        assert shown(driver, "<script>document.title='harmed'</script>") and shown(driver, "U+202E")


def test_the_page_refreshes_itself_until_that_is_paused(site, home):
    with browser(site) as driver:
        driver.get(f"{home}/events")
        region = driver.find_element(By.ID, "summary")
        assert region.get_attribute("aria-live") == "polite"
        site.insert(1, id="'new-1'", received_at="now()")
        wait_until(lambda: driver.find_elements(By.LINK_TEXT, "new-1"), "the event to appear by itself", 30)
        pause = driver.find_element(By.ID, "pause")
        pause.click()
        assert pause.text == "Resume refreshing" and region.get_attribute("aria-live") == "off"
        driver.refresh()  # the choice stays
        assert driver.find_element(By.ID, "pause").text == "Resume refreshing"
        site.insert(1, id="'new-2'", received_at="now()")
        with pytest.raises(Failure):  # in longer than a refresh would take
            wait_until(lambda: shown(driver, "new-2"), "nothing, since it is paused", 13)
        driver.find_element(By.ID, "pause").click()
        wait_until(lambda: driver.find_elements(By.LINK_TEXT, "new-2"), "the event after it was resumed", 30)
        site.console.kill()
        wait_until(lambda: "Not refreshed" in driver.find_element(By.ID, "refreshed").text, "a word that it fails", 30)
        assert driver.find_elements(By.LINK_TEXT, "new-2")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_replay_needs_the_token_and_is_stored(site, home, scripts):
    site.start_workers(1)
    with browser(site, scripts=scripts) as driver:
        driver.get(f"{home}/dead")
        driver.find_element(By.PARTIAL_LINK_TEXT, "Replay").click()
        wait_until(lambda: shown(driver, "Replay 1 of 1 dead letters?"), "the question")
        for token, words in (("wrong", "The token is wrong, so nothing was changed."), (TOKEN, "Replayed 1 of 1.")):
            assert site.count("webhooks_dead") == 1
            field = driver.find_element(By.NAME, "token")
            field.clear()
            field.send_keys(token, Keys.ENTER)
            wait_until(lambda: shown(driver, words), lambda: f"{words}: {driver.page_source}")  # pylint: disable=cell-var-from-loop
            if token == "wrong":
                driver.back()
                wait_until(lambda: shown(driver, "Replay 1 of 1 dead letters?"), "the question again")
        assert site.row("dead" + HOSTILE).body == b"x"
        wait_until(lambda: site.count("webhooks_dead") == 0, "the dead letter to be gone")


def test_the_curl_line_is_copied_by_a_button(site, home):
    with browser(site) as driver:
        driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]})
        driver.get(f"{home}/event?id=evt")
        button = driver.find_element(By.CSS_SELECTOR, "[data-copy]")
        button.click()
        wait_until(lambda: button.text != "Copy", "the button to answer")
        copied = driver.execute_script("return document.getSelection().toString()")
        assert copied.startswith("curl -X 'POST'") and copied == driver.find_element(By.ID, "curl").text
