"""What tests of the web page share: a browser, and collectors whose networks
recover."""
import atexit
import functools
import os
import tempfile

from tests.lib.support import ROOT, Skip

try:
    from tests.lib.browser import Browser, By, Keys
except ImportError:
    Browser = By = Keys = None
from tests.lib.crowd import Crowd

__all__ = ["By", "Keys"]
FEW = 60
SHOTS = f"{ROOT}/build/web"


def crowd(networks=FEW):
    return crowd_of(networks)


@functools.cache
def crowd_of(networks):
    made = Crowd(networks)
    atexit.register(made.close)
    return made


@functools.cache
def known(networks):
    """The same, whose token the browser has."""
    made = crowd(networks)
    browser().know(made.http, made.token)
    return made


@functools.cache
def browser():
    if Browser is None or not os.path.exists("/usr/bin/chromedriver"):
        raise Skip("no chromium here: deploy/install-deps browser")
    folder = tempfile.TemporaryDirectory(prefix="nxclear-browser.")
    made = Browser(folder.name)
    atexit.register(folder.cleanup)
    atexit.register(made.driver.quit)
    os.makedirs(SHOTS, exist_ok=True)
    return made


def incident_page(path="/incidents/1", scheme="light", networks=FEW):
    page = browser()
    page.media(scheme)
    page.size(1440, 900)
    page.open(known(networks).url + path)
    page.wait("document.querySelectorAll('.lanes-body .lane').length > 10 && "
              "performance.getEntriesByName('nxclear-history').length > 0",
              "the lanes")
    return page


def nothing_wrong(page):
    """No error of a script, no breach of the policy, no foreign address."""
    bad = [c for c in page.complaints() if "SEVERE" in c or "Refused" in c]
    assert not bad, bad
    foreign = [u for u in page.requested()
               if not u.startswith(("http://127.0.0.1:", "data:",
                                    "about:", "chrome:"))]
    assert not foreign, foreign
