"""A screen in a real browser: how it is opened and watched, how a nurse logs in, and that a page lies whole."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from playwright.sync_api import Browser, ConsoleMessage, Page

from cloud_hospital.api.app import create_app
from cloud_hospital.hospital import Hospital
from cloud_hospital.web.pages import add_pages
from tests.unit.hospital.schedule_bench import PASSWORD
from tests.unit.web.web_bench import PIN

ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-dev-shm-usage",
    "--no-first-run",
]
REFUSALS = ("the server responded with a status of 4", "Response Status Error Code 401")
"""What Chromium and htmx write about an answer 4xx: how a form says what to change, and a locked tablet its PIN."""
FRESH_MS = 350
"""A little more than the time in which new controls ignore taps."""

PATIENCE_MS = 60_000
"""How long a page is waited for; no claim of ours, a busy machine may need it."""


@contextmanager
def watched(browser: Browser, url: str, width: int = 1280, height: int = 800) -> Iterator[Page]:
    """A screen of `width` x `height` pixels at the pages of `url`; an AssertionError when its console held an error."""
    context = browser.new_context(viewport={"width": width, "height": height}, base_url=url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(known in message.text for known in REFUSALS):
            said.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert said == []


@contextmanager
def served_hospital(hospital: Hospital) -> Iterator[str]:
    """A hospital's pages on a free port; their URL."""
    app = create_app(hospital)
    add_pages(app, hospital)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, name="hospital pages", daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def sign_in(page: Page, staff: str) -> None:
    """Somebody of the hospital's signs in with PASSWORD."""
    page.goto("/login")
    page.locator("[name=staff]").fill(staff)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[name=password]").press("Enter")


def log_in(page: Page) -> None:
    """The nurse gives the tablet her PIN."""
    page.goto("/")
    page.locator("#pin").fill(PIN)
    page.locator(".bottom .main").click()
    page.locator("#text").wait_for()


def lies_whole(page: Page) -> None:
    """Nothing but a table runs out sideways, no control is cut or under another, none is smaller than a finger."""
    wrong = page.evaluate(
        """() => {
        const wrong = [];
        const width = document.documentElement.scrollWidth;
        if (width > innerWidth) wrong.push(`page is ${width} wide`);
        const hidden = "dialog:not([open]), details:not([open]) > :not(summary), .unseen, .skip";
        const seen = [...document.querySelectorAll("a, button, input:not([type=hidden]), .tag, h1, h2, h3")].filter(
          (one) => one.offsetParent && !one.closest(hidden));
        for (const one of seen) {
          const box = one.getBoundingClientRect();
          const name = `${one.tagName} ${one.id || one.textContent.trim().slice(0, 20)}`;
          const isOut = !one.closest(".scroll") && (box.left < -0.5 || box.right > innerWidth + 0.5);
          if (isOut) wrong.push(`${name} is cut: ${box.left}-${box.right}`);
          if (one.scrollWidth > one.clientWidth + 1 && one.matches(".tag, .button, .main"))
            wrong.push(`${name}: its text is cut`);
          if (one.matches("a, button, input") && !one.closest(".summary") && Math.min(box.width, box.height) < 43.5)
            wrong.push(`${name} is ${box.width} x ${box.height}`);
        }
        for (const one of document.querySelectorAll("tbody th"))
          if (one.offsetHeight > 100) wrong.push(`${one.textContent.trim()} stands on end: ${one.offsetHeight} high`);
        const controls = seen.filter((one) => one.matches("main a, main button, main input") && !one.closest("label"));
        for (const a of controls) for (const b of controls) {
          if (a === b || a.contains(b) || b.contains(a)) continue;
          const x = a.getBoundingClientRect(), y = b.getBoundingClientRect();
          if (x.left < y.right - 1 && y.left < x.right - 1 && x.top < y.bottom - 1 && y.top < x.bottom - 1)
            wrong.push(`${a.id || a.textContent} lies on ${b.id || b.textContent}`);
        }
        const main = document.querySelectorAll(".bottom .main");
        if (main.length !== 1) wrong.push(`${main.length} main buttons`);
        return wrong;
      }"""
    )
    assert wrong == [], page.url
