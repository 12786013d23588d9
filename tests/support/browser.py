"""A browser that looks at the page of the server."""

import re
import shutil
from contextlib import contextmanager

import pytest

# In milliseconds.
_PATIENCE = 60000
CHROMIUM = next(filter(None, map(shutil.which, (
    'chromium', 'chromium-browser', 'google-chrome'))), None)


@contextmanager
def browsing(url, **options):
    """Open the page in Chromium; yield a :class:`Viewer`.

    The page must log no error.
    """
    if CHROMIUM is None:
        pytest.skip('expected chromium on the PATH, found none')
    from playwright.sync_api import expect, sync_playwright
    # Machines of tests are busy.
    expect.set_options(timeout=_PATIENCE)
    problems = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=['--no-sandbox', '--force-color-profile=srgb'])
        page = browser.new_page(**options)
        page.set_default_timeout(_PATIENCE)
        page.on('console', lambda message: problems.append(message.text)
                if message.type == 'error' else None)
        page.on('pageerror', lambda error: problems.append(str(error)))
        page.goto(url)
        yield Viewer(page, problems)
        browser.close()
    assert problems == []


class Viewer:
    """What a user does on the page."""

    def __init__(self, page, problems=()):
        self.page = page
        self.problems = problems

    def locate(self, selector):
        from playwright.sync_api import expect
        return expect(self.page.locator(selector))

    def open(self, name, seconds=60):
        """Open a scan on the server."""
        self.page.click(f'#server-files button:has-text("{name}")')
        self.shows_scan(seconds)

    def shows_scan(self, seconds=60):
        self.locate('#large').to_have_attribute(
            'data-slice', re.compile(r'\d+'), timeout=1000 * seconds)
        self.locate('#opening').not_to_be_visible()

    def says(self, text, seconds=60):
        """Wait until the line below the image has a text."""
        self.locate('#said').to_have_text(re.compile(text),
                                          timeout=1000 * seconds)

    def shown(self):
        return self.page.evaluate(
            "({...document.querySelector('#large').dataset})")

    def key(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def turn_to(self, index):
        """Show a slice, counted from 0."""
        self.page.focus('#large')
        steps = index - int(self.shown()['slice'])
        for _ in range(abs(steps) // 10):
            self.key('Shift+PageUp' if steps > 0 else 'Shift+PageDown')
        for _ in range(abs(steps) % 10):
            self.key('PageUp' if steps > 0 else 'PageDown')
        self.locate('#large').to_have_attribute('data-slice', str(index))

    def enlarge(self, plane):
        self.page.click(f'button[data-plane={plane}]')
        self.locate('#large').to_have_attribute('data-plane', plane)

    def at(self, column, row):
        """Where a pixel's centre is on the screen."""
        shown = {name: float(value) for name, value in self.shown().items()
                 if name in ('left', 'top', 'width', 'height')}
        box = self.page.locator('#large').bounding_box()
        return (box['x'] + shown['left'] + (column + 0.5) * shown['width'],
                box['y'] + shown['top'] + (row + 0.5) * shown['height'])

    def drag(self, *places, button='left'):
        mouse = self.page.mouse
        mouse.move(*self.at(*places[0]))
        mouse.down(button=button)
        for place in places[1:]:
            mouse.move(*self.at(*place), steps=3)
        mouse.up(button=button)

    def click(self, column, row, button='left'):
        self.page.mouse.click(*self.at(column, row), button=button)

    def cursor_to(self, column, row):
        """Move the cursor from the middle of the slice, by keys alone."""
        page, middle = self.page, self.cursor
        for have, want, less, more in (
                (middle[0], column, 'ArrowLeft', 'ArrowRight'),
                (middle[1], row, 'ArrowUp', 'ArrowDown')):
            steps, key = abs(want - have), less if want < have else more
            for _ in range(steps // 10):
                page.keyboard.press(f'Shift+{key}')
            for _ in range(steps % 10):
                page.keyboard.press(key)
        self.cursor = (column, row)

    def save(self, suffix, path):
        """Save the objects to a file."""
        self.page.click('#save')
        with self.page.expect_download() as download:
            self.page.click(f'[data-format="{suffix}"]')
        download.value.save_as(path)
        return path
