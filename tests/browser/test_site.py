"""The site of the course in Chromium, from file://: on a wide screen and a phone, light and dark, by keyboard alone.

And slides: those that the course makes, and those of Jupyter's own command.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from helpers.publish.decks import deck
from helpers.publish.notebooks import notebook_paths
from helpers.publish.site import ROOT

PLACES = ["index.html", "notebooks/README.html", "tests/benchmarks/RESULTS.html"]
PLACES += [path.relative_to(ROOT).with_suffix(".html").as_posix() for path in notebook_paths()]
NOTE_LOOKS = """() => {
    for (const token of document.querySelectorAll('pre span')) {
        let paper = token;
        while (paper && getComputedStyle(paper).backgroundColor == 'rgba(0, 0, 0, 0)') paper = paper.parentElement;
        const { color, fontSize, fontWeight, opacity } = getComputedStyle(token);
        const look = [color, fontSize, fontWeight, opacity, paper && getComputedStyle(paper).backgroundColor].join();
        token.dataset.looks = (token.dataset.looks ?? '') + look + ';';
    }
}"""
ONE_OF_EACH_LOOK = """() => {
    const looks = new Set();
    for (const token of document.querySelectorAll('pre span')) {
        if (looks.has(token.dataset.looks)) token.replaceWith(token.textContent);
        looks.add(token.dataset.looks);
    }
    document.querySelectorAll('pre').forEach(it => it.normalize());
}"""
"""Code has thousands of words in a dozen colors, and contrast is what takes axe-core long: it sees each color once."""
LOOKS = {"wide": (1280, 800, "light"), "phone": (360, 740, "dark")}


@pytest.fixture(scope="module")
def published(browser, published_site):
    """(browser, folder of the site)."""
    return browser, published_site


@pytest.fixture
def page_of(published):
    """(a new page, how to open a place of the site in it, how to give it one of LOOKS)."""
    browser, folder = published
    context = browser.new_context()
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))

    def wear(name):
        width, height, theme = LOOKS[name]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=theme)

    yield page, lambda place: page.goto((folder / place).as_uri()), wear
    context.close()
    assert errors == []


@pytest.fixture(params=LOOKS)
def look(request, page_of):
    """(a page of this width and theme, how to open a place of the site in it)."""
    page, go, wear = page_of
    wear(request.param)
    return page, go


@pytest.mark.parametrize("place", PLACES)
def test_no_barrier_and_no_sideways_scrolling(page_of, place):
    """axe-core finds nothing serious in any page with all that is folded unfolded, its pictures loaded."""
    from axe_playwright_python.sync_playwright import Axe

    page, go, wear = page_of
    wear("wide")
    go(place)
    page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
    page.evaluate("document.querySelectorAll('img').forEach(it => it.loading = 'eager')")
    page.wait_for_function("[...document.images].every(it => it.complete && it.naturalWidth)")
    for name in LOOKS:
        wear(name)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: it scrolls sideways"
        page.evaluate(NOTE_LOOKS)
    page.evaluate(ONE_OF_EACH_LOOK)
    for name in LOOKS:
        wear(name)
        found = Axe().run(page).response["violations"]
        grave = [it for it in found if it["impact"] in ("serious", "critical")]
        assert not grave, [(name, it["id"], it["nodes"][0]["html"], it["nodes"][0]["failureSummary"]) for it in grave]


def test_axe_would_find_a_barrier(look):
    from axe_playwright_python.sync_playwright import Axe

    page, go = look
    go("index.html")
    page.evaluate("document.querySelector('main img').removeAttribute('alt')")
    page.evaluate("document.querySelectorAll('main p').forEach(it => it.style.color = '#777')")
    found = {it["id"] for it in Axe().run(page).response["violations"] if it["impact"] in ("serious", "critical")}
    assert found == {"image-alt", "color-contrast"}


def test_dark_where_the_system_is_dark(look, request):
    page, go = look
    go("index.html")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(map(int, paper.removeprefix("rgb(").removesuffix(")").split(","))) < 60
    assert dark == (page.viewport_size["width"] == 360)


def test_search_by_keyboard_opens_the_section(look):
    page, go = look
    go("notebooks/00_start_here.html")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.type("receptive fiel")
    page.wait_for_selector("#found a")
    assert page.inner_text("#found [role=status]").split()[1].startswith("section")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement === document.querySelector('#found a')")
    wanted = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url(wanted)
    assert "04_the_patchgan.html#" in wanted
    heading = page.locator(f"[id='{page.evaluate('decodeURIComponent(location.hash.slice(1))')}']")
    box = heading.bounding_box()
    assert "receptive field" in heading.inner_text().lower() and 0 <= box["y"] < page.viewport_size["height"]


def test_search_says_that_there_is_nothing_and_escape_closes_it(look):
    page, go = look
    go("index.html")
    page.focus("#query")
    page.keyboard.type("xylophone<img>")
    page.wait_for_function("document.querySelector('#found p').textContent.startsWith('Nothing found')")
    assert page.locator("#found img").count() == 0
    page.keyboard.press("Escape")
    assert not page.is_visible("#found")


def test_the_skip_link_comes_first_and_the_contents_are_folded_on_a_phone(look):
    page, go = look
    go("notebooks/01_exploring_lab.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip" and page.is_visible(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    phone = page.viewport_size["width"] == 360
    assert page.is_visible("#contents a") != phone
    if phone:
        page.focus("#contents summary")
        page.keyboard.press("Enter")
        assert page.is_visible("#contents a")


def test_the_slider_works_without_a_kernel(look):
    page, go = look
    go("notebooks/00_start_here.html")
    page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
    page.focus(".drawn input[type=range]")
    page.keyboard.press("End")
    left = page.locator(".drawn [role=img] > div")
    assert left.bounding_box()["width"] == pytest.approx(
        page.locator(".drawn [role=img]").bounding_box()["width"], abs=2
    )


@pytest.mark.parametrize(
    "path", [path for path in notebook_paths() if path.parent.name == "notebooks"], ids=lambda path: path.stem
)
def test_no_slide_of_a_deck_is_cut_off(browser, tmp_path, path):
    """Laid out as reveal.js would, which is not fetched: each slide 1280 × 720."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "images").symlink_to(ROOT / "images")
    deck_file = tmp_path / "notebooks" / "deck.html"
    deck_file.write_text(deck(nbformat.read(path, as_version=4), "reveal.js"), encoding="utf8")
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(deck_file.as_uri())
    page.add_style_tag(content=".reveal .slides section { display: block; position: static; width: 1280px; }")
    page.wait_for_function("[...document.images].every(it => it.complete && it.naturalWidth)")
    leaves = "[...document.querySelectorAll('section')].filter(it => !it.querySelector('section'))"
    size = "[it.innerText.slice(0, 60), it.scrollHeight, it.scrollWidth]"
    sizes = page.evaluate(f"{leaves}.map(it => {size})")
    page.close()
    assert len(sizes) > 10 and [it for it in sizes if it[1] > 720 or it[2] > 1280] == []


REVEAL = {  # what in reveal.js 4.0.2 and its theme "simple" says how large things are; neither is fetched
    "reveal.css": """.reveal .slides { position: absolute; text-align: center; }
        .reveal .slides > section, .reveal .slides > section > section { display: none; position: absolute; width: 100%;
            padding: 20px 0; }
        .reveal .slides > section.stack { padding: 0; height: 100%; }""",
    "simple.css": """.reveal { font: 40px sans-serif; } .reveal .slides section { line-height: 1.3; }
        .reveal :is(h1, h2, h3, h4) { margin: 0 0 20px; line-height: 1.2; } .reveal h1 { font-size: 3.77em; }
        .reveal h2 { font-size: 2.11em; } .reveal h3 { font-size: 1.55em; } .reveal h4 { font-size: 1em; }
        .reveal p { margin: 20px 0; line-height: 1.3; } .reveal img { margin: 20px 0; max-width: 95%; max-height: 95%; }
        .reveal :is(ol, ul) { display: inline-block; margin: 0 0 0 1em; }
        .reveal pre { width: 90%; margin: 20px auto; font-size: 0.55em; line-height: 1.2em; }
        .reveal pre code { display: block; padding: 5px; overflow: auto; max-height: 400px; }
        .reveal table { margin: auto; } .reveal :is(th, td) { padding: 0.2em 0.5em; border-bottom: 1px solid; }""",
}
LAID_OUT = """() => {
    const slides = document.querySelector('.slides'), scale = 0.96 * Math.min(innerWidth / 960, innerHeight / 700);
    Object.assign(slides.style, { width: '960px', height: '700px', left: '50%', top: '50%' });
    slides.style.transform = `translate(-50%, -50%) scale(${scale})`;
    return [...document.querySelectorAll('section > section')].map(slide => {
        slide.parentElement.style.display = slide.style.display = 'block';
        slide.scrollTop = 0;
        const all = slide.querySelectorAll('p, li, h1, h2, h3, td, img, pre, input');
        const shown = [...all].filter(it => it.offsetHeight);
        const boxes = () => [slide, ...shown].map(it => it.getBoundingClientRect());
        const top = Math.min(...boxes().map(it => it.top)), left = Math.min(...boxes().map(it => it.left));
        slide.scrollTop = 1e6;
        const bottom = Math.max(...boxes().map(it => it.bottom)), right = Math.max(...boxes().map(it => it.right));
        const reached = top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
        const words = slide.innerText.trim().slice(0, 60), cut = slide.scrollWidth > slide.clientWidth;
        const pictures = shown.filter(it => it.closest('.jp-RenderedImage'));
        const small = pictures.some(it => it.clientHeight <
            it.naturalHeight * Math.min(1, 190 / it.naturalHeight, 0.9 * slide.clientWidth / it.naturalWidth));
        const scrolls = slide.scrollHeight > slide.clientHeight;
        slide.parentElement.style.display = slide.style.display = '';
        return { words, fits: reached && !cut && !small, scrolls, why: [top, left, bottom, right, cut, small] };
    });
}"""
"""Each slide alone, as reveal.js would show it: is all seen, if need be by scrolling down, and no picture tiny?"""


def without_network(route):
    text = REVEAL.get(route.request.url.split("/")[-1])
    route.fulfill(body=text, content_type="text/css") if text else route.abort()


def test_the_command_of_jupyter_makes_a_deck_of_which_all_can_be_reached(browser, tmp_path):
    """The command that the README prints, in the folder that it names."""
    printed = (ROOT / "README.md").read_text(encoding="utf8")
    command = re.search(r"```bash\n(cd notebooks\njupyter nbconvert .*?)\n```", printed)[1]
    name = command.split()[-1]
    (tmp_path / "notebooks").mkdir()
    for place in ("images", "notebooks/reveal", f"notebooks/{name}"):
        (tmp_path / place).symlink_to(ROOT / place)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command.replace("\n", " && "), shell=True, check=True, cwd=tmp_path, env=os.environ | {"PATH": path})
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.route(re.compile("^https?:"), without_network)
    page.goto((tmp_path / "notebooks" / name).with_suffix(".slides.html").as_uri())
    page.wait_for_function("[...document.images].every(it => it.complete && it.naturalWidth)")
    wide = page.evaluate(LAID_OUT)
    page.set_viewport_size({"width": 1024, "height": 768})  # an old projector
    old = page.evaluate(LAID_OUT)
    ours = "[...document.querySelectorAll('style')].filter(it => it.textContent.includes('--slide-width'))"
    page.evaluate(f"{ours}.forEach(it => it.remove())")
    without = page.evaluate(LAID_OUT)
    page.close()
    assert len(wide) > 40 and [it for it in wide + old if not it["fits"]] == []
    assert sum(it["scrolls"] for it in wide) < len(wide) / 8
    assert sum(not it["fits"] for it in without) > len(without) / 4  # what this test is about
