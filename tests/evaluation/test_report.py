import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile

from wesep_like.evaluation.report.media import flac_uri, png_uri
from wesep_like.evaluation.worst import WorstMixture


def content(uri, kind):
    head, _, text = uri.partition(",")
    assert head == f"data:{kind};base64"
    return io.BytesIO(base64.b64decode(text))


class Wellformed(HTMLParser):
    """Fails on an element that is not closed where it should be."""

    def __init__(self):
        super().__init__()
        self.opened = []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "link", "img"):
            self.opened.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag


def read(path):
    """The page; it is well formed and names nothing outside itself."""
    page = path.read_text(encoding="utf-8")
    parser = Wellformed()
    parser.feed(page)
    assert parser.opened == []
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(link.startswith("data:") for link in links)
    assert not re.search(r"https?:|url\(|<script", page)
    return page


def titles(page):
    return re.findall(r"<h[23]>(.*?)</h[23]>", page)


def test_the_page_of_a_usual_evaluation(write_page, made):
    rows = made.rows(40)
    page = read(write_page([*rows, made.row("gone", None, note="x.wav: no <file>")]))
    assert titles(page) == [
        "Means",
        "Improvement and failures",
        "Improvement of all trials",
        "Improvement by length of the enrollment",
        "Improvement by input SIR",
        "Failures by SIR",
        "Improvement by sexes",
        "Failures by sexes",
        "Trials that could not be scored",
    ]
    mean = np.mean([row["si_sdri"] for row in rows])
    assert f"<b>{mean:.2f} dB</b>" in page
    num_failed = sum(row["si_sdri"] < 1 for row in rows)
    num_wrong = sum(row["si_sdri"] < 0 for row in rows)
    assert f"{num_failed} of 40 trials failed, with an SI-SDRi below 1 dB." in page
    assert f"In {num_wrong} of them the wrong voice came out." in page
    assert "x.wav: no &lt;file&gt;" in page
    assert "exp/a&amp;b" in page
    assert "wav16k/min/test" in page


def test_what_is_not_known_is_not_drawn(write_page, made):
    rows = made.rows(10, sir_db=None, sexes="", enrollment_seconds=4.0)
    page = read(write_page(rows))
    assert titles(page) == ["Means", "Improvement and failures", "Improvement of all trials"]


@pytest.mark.parametrize("num", [1, 2, 20])
def test_few_and_equal_mixtures(write_page, made, num):
    rows = [made.row(f"m{number}", 5.0) for number in range(num)]
    page = read(write_page(rows, made.worst(rows), rows))
    assert "Improvement by sexes" in titles(page)
    assert "nan" not in page.replace("nance", "")


def test_a_single_mixture_has_no_intervals_and_is_told_in_the_singular(write_page, made):
    (row,) = rows = [made.row("s1/m", 5.0, attenuation_db=20.0)]
    page = read(write_page(rows, other_rows=rows))
    assert "<b>1</b><span>trial scored</span>" in page
    assert "0 of 1 trial failed, " in page
    assert "1 trial in both reports." in page
    assert "mean attenuation of 1 trial without the target" in page
    assert "<span>mean SI-SDRi</span>" in page
    assert "5.00 to 5.00" not in page
    page = read(write_page([row, {**row, "id": "s2/m"}]))  # both trials of it
    assert "<b>2</b><span>trials scored, of 1 mixture</span>" in page
    assert "5.00 to 5.00" not in page
    assert not re.search(r"\b1 (trials|mixtures)\b", page)


def test_nothing_but_broken_mixtures(write_page, made):
    page = read(write_page([made.row("m0", None, note="m0.wav: gone")]))
    assert titles(page) == ["Trials that could not be scored"]
    assert "m0.wav: gone" in page


def test_absent_targets_have_their_attenuation(write_page, made):
    rows = [made.row(f"m{number}", None, attenuation_db=20.0 + number) for number in range(3)]
    page = read(write_page(rows))
    assert titles(page) == ["Means"]
    assert "<b>21.0 dB</b><span>mean attenuation of 3 trials without the target" in page
    rows += [made.row("n", 3.0, attenuation_db=None)]
    assert "1 of" not in titles(read(write_page(rows)))


def test_dnsmos_stands_beside_the_rest_with_a_warning(write_page, made):
    rows = made.rows(6, dnsmos_ovrl=3.1, mixture_dnsmos_ovrl=2.5)
    page = read(write_page(rows, made.worst(rows)))
    assert "DNSMOS, overall" in page
    assert "Read it beside SI-SDRi and similarity, never alone." in page
    assert "similarity 0.500 · DNSMOS 3.10" in page
    assert "never alone" not in read(write_page(made.rows(6)))


def test_a_test_set_of_libri2mix_makes_a_small_page(write_page, made):
    rows = made.rows(6000)
    path = write_page(rows, other_rows=rows)
    assert path.stat().st_size < 1_000_000
    read(path)


def test_the_worst_can_be_seen_and_heard(write_page, made):
    rows = [made.row(f"m{number}", 9.0 - number) for number in range(15)]
    page = read(write_page(rows, made.worst(rows)))
    articles = page.split("<article>")[1:]
    assert [re.match(r"<h3>(.*?)</h3>", text)[1] for text in articles] == [
        f"m{number}" for number in range(14, 4, -1)
    ]
    assert all(len(re.findall("<img|<audio", text)) == 8 for text in articles)
    first = articles[0]
    assert "SI-SDRi -5.00 dB · SIR 0.0 dB · target ann (F) · interferers bob (M)" in first
    assert re.findall(r"<h3>(\w+, .*?)</h3>", first) == [
        "mixture, 0.3 s",
        "estimate, 0.3 s",
        "target, 0.3 s",
        "enrollment, 0.5 s",
    ]


def sounds(page):
    for uri in re.findall(r'<audio[^>]*src="([^"]*)"', page):
        yield soundfile.read(content(uri, "audio/flac"), dtype="float32")


def test_sounds_are_as_loud_as_they_are_but_never_clip(write_page, made):
    rows = [made.row("m0", 0.0)]
    (mixture,) = made.worst(rows)
    for signal, (samples, rate) in zip(
        mixture.signals.values(), sounds(read(write_page(rows, [mixture]))), strict=True
    ):
        assert rate == 8000
        np.testing.assert_allclose(samples, signal, atol=1e-4)
    loud = {name: 5 * signal for name, signal in mixture.signals.items()}
    page = read(write_page(rows, [WorstMixture(rows[0], loud, 8000)]))
    peak = max(np.abs(signal).max() for signal in loud.values())
    for signal, (samples, _) in zip(loud.values(), sounds(page), strict=True):
        np.testing.assert_allclose(samples, signal / peak, atol=1e-4)
    assert f"played {20 * np.log10(peak):.1f} dB quieter than it is" in page


def test_signals_of_a_moment_and_of_silence_make_a_page(write_page, made):
    rows = [made.row("m0", 0.0)]
    (mixture,) = made.worst(rows)
    short = {name: 0 * signal[:10] for name, signal in mixture.signals.items()}
    read(write_page(rows, [WorstMixture(rows[0], short, 8000)]))


def test_a_picture_is_a_png_of_its_shades():
    image = pytest.importorskip("PIL.Image")
    picture = np.linspace(0, 1, 12).reshape(3, 4)
    with image.open(content(png_uri(picture), "image/png")) as opened:
        assert opened.size == (4, 3)
        grey = np.asarray(opened.convert("L"), dtype=int)
    assert (np.diff(grey.ravel()) > 0).all()
    assert grey.max() - grey.min() > 200


def test_a_sound_keeps_its_samples():
    samples = np.array([0, 0.5, -1, 1, 0.25], dtype=np.float32)
    read_again, rate = soundfile.read(content(flac_uri(samples, 16000), "audio/flac"))
    assert rate == 16000
    np.testing.assert_allclose(read_again, samples, atol=2**-15)
