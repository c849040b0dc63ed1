"""The page of a report in a real browser, as a reader has it before them."""

import shutil

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SIZES = [(1200, 900), (390, 800)]
SCHEMES = ["light", "dark"]
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Each plot: its size, and what of it lies outside of it or on another text.
PLOTS = """() => [...document.querySelectorAll('svg')].map(svg => {
  const frame = svg.getBoundingClientRect()
  const texts = [...svg.querySelectorAll('text')]
    .map(text => [text.getBoundingClientRect(), text.textContent])
  const drawn = [...svg.querySelectorAll('path, circle, rect, text')]
  return {
    width: frame.width,
    height: frame.height,
    outside: drawn.filter(each => {
      const box = each.getBoundingClientRect()
      return box.left < frame.left - 1 || box.right > frame.right + 1
        || box.top < frame.top - 1 || box.bottom > frame.bottom + 1
    }).map(each => each.outerHTML),
    overlapping: texts.flatMap(([a, first], i) => texts.slice(i + 1).filter(([b, _]) =>
      a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1
    ).map(([_, second]) => [first, second])),
  }
})"""

# The least contrast (WCAG 2.1) of any text with the page behind it.
CONTRAST = """() => {
  const light = colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
      .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
  }
  const page = light(getComputedStyle(document.body).backgroundColor)
  const ratios = [...document.querySelectorAll('h1, h2, h3, p, dt, dd, th, td, b, span, svg text,'
    + 'figcaption, summary')].map(text => {
    const style = getComputedStyle(text)
    const own = light(text.ownerSVGElement ? style.fill : style.color)
    return (Math.max(own, page) + 0.05) / (Math.min(own, page) + 0.05)
  })
  return [Math.min(...ratios), page]
}"""

LOADED = """() => Promise.all([...document.querySelectorAll('audio')].map(audio =>
  new Promise(done => {
    audio.onloadeddata = audio.onerror = () => done()
    audio.preload = 'auto'
    audio.load()
  }).then(() => [audio.readyState, audio.duration])))"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="wants the package playwright")
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        pytest.skip(f"wants a browser on PATH: {', '.join(BROWSERS)}")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Opens a page: `opened(path, size, scheme)`; at the end nothing may have gone wrong."""
    contexts, wrong = [], []

    def open_page(path, size=SIZES[0], scheme="light"):
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: wrong.append(said.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith("data:")
                or request.url == path.as_uri()
                or wrong.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def full_page(write_page, made):
    """A report with everything in it, and with long names."""
    long = "4077-13754-0001_5142-33396-0065"
    rows = made.rows(40, dnsmos_ovrl=3.0, speaker="4077", interferers="5142")
    rows = [{**row, "id": f"{row['id'][:3]}{long}-{row['id'][3:]}"} for row in rows]
    others = [{**row, "si_sdri": row["si_sdri"] + 1, "seconds": 3.0} for row in rows]
    rows.append(made.row("s1/broken", None, note=f"/a/long/path/to/{long}/{long}.wav: gone"))
    about = {"model": f"exp/{'long-' * 30}name", "data": "data/libri2mix/test", "variant": "min"}
    return write_page(rows, made.worst(rows), others, about)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_everything_is_in_its_place(opened, full_page, size, scheme):
    page = opened(full_page, size, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    plots = page.evaluate(PLOTS)
    assert len(plots) == 7
    for plot in plots:
        assert min(300, size[0] / 2) < plot["width"] <= size[0]
        assert 120 < plot["height"] < 500
        assert plot["outside"] == []
        assert plot["overlapping"] == []
    contrast, brightness = page.evaluate(CONTRAST)
    assert contrast > 4.5
    assert (brightness > 0.5) == (scheme == "light")


def test_pictures_and_sounds_can_be_decoded(opened, full_page):
    page = opened(full_page)
    sizes = page.evaluate("[...document.images].map(i => [i.naturalWidth, i.naturalHeight])")
    assert len(sizes) == 40
    assert all(width > 20 and height > 100 for width, height in sizes)
    sounds = page.evaluate(LOADED)
    assert [state for state, _ in sounds] == [4] * 40  # there is enough of it to play
    assert [seconds for _, seconds in sounds[:4]] == pytest.approx([0.3, 0.3, 0.3, 0.45], abs=0.01)


def test_numbers_can_be_opened(opened, full_page):
    page = opened(full_page, SIZES[1])
    tables = page.locator("details table")
    assert not tables.first.is_visible()
    for number in range(page.locator("summary").count()):
        page.locator("summary").nth(number).click()
        assert tables.nth(number).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[1][0]


@pytest.mark.parametrize(
    "improvements", [[5.0], [5.0, 5.0], [-4e3, 300.0], [0.999, 1.001], [1e-9] * 3]
)
def test_odd_ranges_stay_in_their_frames(opened, write_page, made, improvements):
    rows = [
        made.row(
            f"m{n}", value, sir_db=-60.0 * n, enrollment_seconds=0.5 + 0.1 * n, sexes="M-FMFMF"
        )
        for n, value in enumerate(improvements)
    ]
    plots = opened(write_page(rows, other_rows=rows)).evaluate(PLOTS)
    assert len(plots) >= 3
    assert [(plot["outside"], plot["overlapping"]) for plot in plots] == [([], [])] * len(plots)


def test_a_large_set_is_drawn(opened, write_page, made):
    page = opened(write_page(made.rows(6000)))
    assert page.locator(".dots.many path").count() == 12000
    assert all(plot["outside"] == [] for plot in page.evaluate(PLOTS))
