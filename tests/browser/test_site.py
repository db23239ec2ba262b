"""The site of the course in Chromium, from file://: on a wide screen and a phone, light and dark, by keyboard alone."""

import nbformat
import pytest

from helpers.publish.decks import deck
from helpers.publish.notebooks import notebook_paths
from helpers.publish.site import ROOT

PLACES = ["index.html", "notebooks/README.html", "tests/benchmarks/RESULTS.html"]
PLACES += [path.relative_to(ROOT).with_suffix(".html").as_posix() for path in notebook_paths()]
ONE_OF_EACH_LOOK = """() => {
    const looks = new Set();
    for (const token of document.querySelectorAll('pre span')) {
        let paper = token;
        while (paper && getComputedStyle(paper).backgroundColor == 'rgba(0, 0, 0, 0)') paper = paper.parentElement;
        const { color, fontSize, fontWeight, opacity } = getComputedStyle(token);
        const look = [color, fontSize, fontWeight, opacity, paper && getComputedStyle(paper).backgroundColor].join();
        if (looks.has(look)) token.replaceWith(token.textContent);
        looks.add(look);
    }
    document.querySelectorAll('pre').forEach(it => it.normalize());
}"""
"""Code has thousands of words in a dozen colors, and contrast is what takes axe-core long: it sees each color once."""
LOOKS = {"wide": (1280, 800, "light"), "phone": (360, 740, "dark")}


@pytest.fixture(scope="module")
def published(browser, published_site):
    """(browser, folder of the site)."""
    return browser, published_site


@pytest.fixture(params=LOOKS)
def look(request, published):
    """(a page of this width and theme, how to open a place of the site in it)."""
    browser, folder = published
    width, height, theme = LOOKS[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page, lambda place: page.goto((folder / place).as_uri())
    context.close()
    assert errors == []


@pytest.mark.parametrize("place", PLACES)
def test_no_barrier_and_no_sideways_scrolling(look, place):
    """axe-core finds nothing serious in any page with all that is folded unfolded, its pictures loaded."""
    from axe_playwright_python.sync_playwright import Axe

    page, go = look
    go(place)
    page.evaluate("document.querySelectorAll('details').forEach(it => it.open = true)")
    page.evaluate("document.querySelectorAll('img').forEach(it => it.loading = 'eager')")
    page.wait_for_function("[...document.images].every(it => it.complete && it.naturalWidth)")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page itself scrolls sideways"
    page.evaluate(ONE_OF_EACH_LOOK)
    found = Axe().run(page).response["violations"]
    grave = [it for it in found if it["impact"] in ("serious", "critical")]
    assert not grave, [(it["id"], it["nodes"][0]["html"], it["nodes"][0]["failureSummary"]) for it in grave]


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
