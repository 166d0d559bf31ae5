"""A headless Chromium for tests of the web page (selenium).

    with Browser(folder) as browser:
        browser.open("http://127.0.0.1:8053/incidents/1")
        browser.wait("document.querySelector('h1')", "the page")
"""
import json
import os
import time

from selenium import webdriver
from selenium.common.exceptions import (ElementNotInteractableException,
                                        NoSuchElementException,
                                        StaleElementReferenceException)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

PATIENCE_S = 60
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--hide-scrollbars",
         "--force-color-profile=srgb", "--disable-extensions",
         "--proxy-server=direct://"]

__all__ = ["Browser", "By", "Keys"]


class Browser:
    """folder: for the profile; it is made anew there."""

    def __init__(self, folder, size=(1440, 900)):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for flag in FLAGS:
            options.add_argument(flag)
        options.add_argument(
            f"--user-data-dir={os.path.join(folder, 'chromium')}")
        options.add_argument(f"--window-size={size[0]},{size[1]}")
        options.set_capability("goog:loggingPrefs",
                               {"browser": "ALL", "performance": "ALL"})
        # selenium asks no driver manager when it is told where the driver is
        self.driver = webdriver.Chrome(
            service=Service("/usr/bin/chromedriver"), options=options)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.driver.quit()

    def open(self, url):
        self.driver.get(url)

    def know(self, port, token):
        """Pages of this port have the token from their start, as if it had
        been typed before."""
        self.driver.execute_cdp_cmd(
            "Page.addScriptToEvaluateOnNewDocument", {"source": f"""
                if (location.port === "{port}") {{
                  sessionStorage.setItem("nxclear-token", {json.dumps(token)});
                }}"""})

    def js(self, script, *arguments):
        """The value of an expression (arguments: `a[0]`, ...)."""
        return self.driver.execute_script(
            f"const a = arguments; return ({script})", *arguments)

    def wait(self, script, what, timeout=PATIENCE_S):
        """Until the expression is true; its value."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            value = self.js(script)
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError(f"waited {timeout} s in vain for {what}: {script}\n"
                             + "\n".join(self.complaints()))

    def find(self, css):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def click(self, css):
        """It may be drawn anew between the look and the click."""
        self._again(lambda: self.find(css).click())

    def keys(self, *keys):
        """To whatever has the focus."""
        self._again(lambda: self.driver.switch_to.active_element.send_keys(
            *keys))

    @staticmethod
    def _again(action):
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return action()
            except (ElementNotInteractableException, NoSuchElementException,
                    StaleElementReferenceException):
                if time.monotonic() > end:
                    raise
            time.sleep(0.02)

    def text(self, css):
        return self.js("document.querySelector(a[0])?.innerText ?? ''", css)

    def command(self, name, **parameters):
        """A command of the devtools."""
        return self.driver.execute_cdp_cmd(name, parameters)

    def media(self, scheme="light", motion="no-preference", kind=""):
        self.command("Emulation.setEmulatedMedia", media=kind, features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion}])

    def size(self, width, height, mobile=False):
        self.command("Emulation.setDeviceMetricsOverride", width=width,
                     height=height, deviceScaleFactor=2 if mobile else 1,
                     mobile=mobile)

    def shot(self, path):
        self.driver.save_screenshot(path)

    def complaints(self):
        """What the console said; errors of the page and of its policy."""
        return [f"{entry['level']} {entry['message']}"
                for entry in self.driver.get_log("browser")]

    def requested(self):
        """Addresses that were asked for since the last call."""
        urls = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                urls.append(message["params"]["request"]["url"])
        return urls
