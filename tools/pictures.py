"""Pictures of a report for the documents: ``python -m tools.pictures RUN OUT``.

Needs Debian's ``chromium`` and the Python package ``playwright``. Leaves in OUT, for each of the
parts named with ``--parts``: ``top`` (what a reader sees first), ``deadline`` (the answer to
another one, typed in), ``figures`` (all techniques in one figure), ``case`` (every figure of one
technique), ``changed`` (against the past), ``phone`` (the first screen of a phone, dark). Colours
are reduced to 128, which keeps a picture below 250 kB.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from pathlib import Path
from typing import Any

PARTS = ("top", "deadline", "figures", "case", "changed", "phone")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run's folder, for example reports/latest")
    parser.add_argument("out", type=Path, help="where the pictures go")
    parser.add_argument("--name", default="report", help="how their names begin")
    parser.add_argument("--parts", default=",".join(PARTS), help="which ones")
    parser.add_argument("--technique", default="timer_soft", help="whose figures 'case' shows")
    parser.add_argument("--deadline-ms", default="20", help="what 'deadline' types in")
    asked = parser.parse_args()
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("there is no Chromium here: apt install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("there is no playwright here: pip install playwright")
    page = (asked.run / "report.html").resolve()
    if not page.is_file():
        sys.exit(f"{page}: no such file; name a run's folder, for example reports/latest")
    asked.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for part in asked.parts.split(","):
            raw = picture(browser, page.as_uri(), part, asked)
            target = asked.out / f"{asked.name}-{part}.png"
            target.write_bytes(reduced(raw))
            print(f"{target}: {target.stat().st_size / 1000:.0f} kB")
        browser.close()
    return 0


def picture(browser: Any, address: str, part: str, asked: argparse.Namespace) -> bytes:
    """One part as PNG."""
    phone = part == "phone"
    size = {"width": 390, "height": 1100} if phone else {"width": 1100, "height": 1250}
    page = browser.new_page(viewport=size, color_scheme="dark" if phone else "light")
    page.goto(address)
    if part in ("top", "phone"):
        raw = page.screenshot()
    elif part == "deadline":
        page.locator("#hil-ask-value").fill(asked.deadline_ms)
        raw = page.locator("#hil-deadline").screenshot()
    elif part == "figures":
        raw = page.locator(".hil-both").first.screenshot()
    elif part == "changed":
        raw = page.locator("#hil-changed").screenshot()
    else:
        case = page.locator(f'.hil-case[data-technique="{asked.technique}"]').first
        case.locator("summary").first.click()
        raw = case.locator(".hil-charts").screenshot()
    page.close()
    return bytes(raw)


def reduced(raw: bytes) -> bytes:
    """The same picture with 128 colours."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(raw)).convert("RGB").quantize(128).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
