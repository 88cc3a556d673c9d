from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aecli.figures import axes, contact, curves, page, scatter

RNG = np.random.default_rng(2)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def cloud(count: int) -> np.ndarray:
    return RNG.normal(size=(count, 2)).astype(np.float32)


def tiles(count: int, side: int) -> np.ndarray:
    shades = np.linspace(0, 200, count).astype(np.uint8)
    return np.broadcast_to(shades[:, None, None, None], (count, side, side, 3)).copy()


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((picture == np.array(colour)).all(axis=2).sum())


def test_folders_are_those_below_the_one_of_all() -> None:
    paths = ["in/cats/1.png", "in/dogs/a/2.png", "in/dogs/b/3.png", "in/4.png"]
    assert scatter.folders(paths) == ["cats", "dogs", "dogs", "."]
    assert scatter.folders(["in/cats/1.png", "in/cats/2.png"]) == [".", "."]
    assert scatter.folders(["a/1.png", "b/2.png"]) == ["a", "b"]
    assert scatter.folders([]) == []


def test_small_folders_share_a_place_in_a_long_legend() -> None:
    names = [f"{k:02}" for k in range(30) for _ in range(k + 1)]
    known, groups = scatter.legend(names)
    assert known == [*(f"{k:02}" for k in range(11, 30)), scatter.OTHERS]
    assert np.bincount(groups)[-1] == sum(range(1, 12))
    assert scatter.legend(["b", "a", "b"])[0] == ["a", "b"]


def test_all_colours_differ() -> None:
    assert len(set(scatter.colours(20))) == 20
    assert len(scatter.colours(3)) == 3


def test_points_keep_their_proportions() -> None:
    points = np.array([[0, 0], [4, 0], [0, 2]], np.float32)
    assert scatter.fitted(points, 100, 10).tolist() == [[10, 70], [90, 70], [10, 30]]
    assert scatter.fitted(points[:1], 100, 10).tolist() == [[50, 50]]


@pytest.mark.parametrize("count", [1, 100, 10_000])
def test_every_group_is_seen_on_a_map_of_points(count: int) -> None:
    names = [f"group {k % 4}" for k in range(count)]
    picture = scatter.dots(cloud(count), names, "a title")
    assert picture.dtype == np.uint8
    for colour in scatter.colours(min(4, count)):
        assert has(picture, colour) > (60 if count > 1 else 0) * 3
    assert (picture[scatter._MARGIN :, : scatter.SIDE] == 255).mean() > 0.5
    again = scatter.dots(cloud(1), ["a"], "b")
    assert again.shape == (scatter.SIDE + scatter._MARGIN, scatter.SIDE, 3)


def test_numbers_stand_only_where_they_mean_something() -> None:
    line = scatter._MARGIN + scatter.SIDE - scatter._AXES
    by_axes, bare = (
        scatter.dots(cloud(300), ["a"] * 300, "t", axes)
        for axes in (("component 1", "component 2"), None)
    )
    below = (by_axes[line + 3 :] < 200).any(axis=(1, 2))  # numbers, and further down the name
    assert below[:20].any()
    assert below[26:50].any()
    assert has(bare[-scatter._MARGIN // 2 + 2 :], (255, 255, 255)) == bare[-18:, :, 0].size
    assert (bare[:, : scatter._MARGIN // 2 - 2][scatter._MARGIN :] == 255).all()


@pytest.mark.parametrize("count", [1, 100, 10_000])
def test_no_picture_covers_another(count: int) -> None:
    side = scatter.thumbnail_side(count)
    shown = tiles(count, side)
    shown[:] = (1, 2, 3)
    picture = scatter.thumbnails(cloud(count), shown, ["a"] * count, "a title")
    whole = has(picture, (1, 2, 3)) / side**2
    assert whole == int(whole)
    assert whole >= (1 if count == 1 else 40)


def test_pictures_wear_the_colour_of_their_group() -> None:
    points = np.array([[0, 0], [9, 9]], np.float32)
    picture = scatter.thumbnails(points, tiles(2, 32), ["a", "b"], "t")
    for colour in scatter.colours(2):
        assert has(picture, colour) > 200


def test_names_that_no_font_has() -> None:
    scatter.dots(
        cloud(2), ["\udcff\n", "x" * 200], "日本 \udcff".encode("utf-8", "replace").decode()
    )


def test_a_contact_sheet_has_a_line_below_each_picture() -> None:
    sheet = contact.sheet(tiles(8, contact.SIDE), ["query: a.png", *["0.9 " + "name" * 30] * 7])
    step = contact.SIDE + 8
    assert sheet.shape == (2 * (step + 22) + 8, 6 * step + 8, 3)
    assert (sheet[8 + contact.SIDE :][:22, 8:step] < 128).any()


def made(count: int = 60, **change: object) -> str:
    paths = [f"in/</script>{k % 3}/é {k}.png" for k in range(count)]
    given = {
        "points": cloud(count),
        "tiles": tiles(count, 24),
        "paths": paths,
        "names": [f"folder <{k % 3}>" for k in range(count)],
        "title": "<b>60 pictures</b>",
    }
    return page.page(**(given | change))


def test_a_page_needs_no_network_and_escapes_names() -> None:
    text = made()
    assert not re.search(r"(src|href)\s*=|https?://|@import", text.replace("sprite.src =", ""))
    assert "default-src 'none'" in text
    assert text.count("</script>") == 2
    assert "<title>&lt;b&gt;60 pictures" in text
    data = json.loads(re.search(r'application/json">(.*?)</script>', text, re.DOTALL)[1])
    assert data["paths"][1] == "in/</script>1/é 1.png"
    assert max(map(abs, data["x"] + data["y"])) == 1
    made(3, paths=["\udcff", "b", "c"], points=cloud(3)).encode()


def test_a_page_of_ten_thousand_is_of_reasonable_size() -> None:
    assert page.thumbnail_side(100) == 96
    assert page.thumbnail_side(10_000) == 40
    assert page.thumbnail_side(10**6) == 24


CHECK = Path(__file__).with_name("check_page.js").read_text("utf-8")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("count", [60, 10_000])
def test_a_page_works_in_a_real_browser(tmp_path: Path, count: int) -> None:
    path = tmp_path / "map.html"
    points = cloud(count)
    points[-1] = 90, 90  # far out
    path.write_text(
        made(count, points=points).replace("</body>", f"<script>{CHECK}</script></body>"), "utf-8"
    )
    assert CHROMIUM is not None
    command = [
        CHROMIUM,
        "--headless",
        "--no-sandbox",  # root, as in containers, has none
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1000,800",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, timeout=300, check=False)
    body = re.search(r"<body[^>]*>", done.stdout.decode())
    assert body is not None, done.stderr.decode()[-2000:]
    told = re.search(r'data-check="([^"]*)"', body[0])
    assert told is not None, body[0]
    assert told[1] == "all is well"


def test_a_few_far_out_do_not_squeeze_the_others() -> None:
    points = np.concatenate([cloud(500), np.array([[1000, -1000]], np.float32)])
    low, high = scatter.limits(points)
    assert (high - low).max() < 20
    assert scatter.limits(points[:1])[0] == pytest.approx(points[0])
    within = scatter.fitted(points, 100, 10)
    assert np.ptp(within[:500], axis=0).min() > 40
    assert (within.min(), within.max()) == (10, 90)
    data = json.loads(re.search(r'json">(.*?)</script>', made(501, points=points))[1])
    assert np.ptp(data["x"][:500]) > 1
    assert data["x"][500] > 10
    near, far = (scatter.dots(p, ["a"] * len(p), "t") for p in (points[:500], points))
    assert has(far, scatter.colours(1)[0]) > 0.5 * has(near, scatter.colours(1)[0])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 4.7), (1e-6, 2e-6), (-5e4, 9e5)])
def test_ticks_are_round_and_within(low: float, high: float) -> None:
    found = axes.ticks(low, high)
    assert 3 <= len(found) <= 7
    assert all(low <= value <= high for value in found)
    steps = np.diff(found)
    assert steps == pytest.approx(steps[0])
    assert f"{steps[0]:e}"[0] in "125"
    assert axes.ticks(2, 2) == [2]


def test_ticks_of_factors_are_within() -> None:
    assert axes.log_ticks(0.5, 40) == pytest.approx([0.5, 1, 2, 5, 10, 20])
    assert axes.log_ticks(1e-3, 1e4) == pytest.approx([10.0**k for k in range(-3, 5)])


def test_places_in_a_frame() -> None:
    frame = axes.Frame((10, 20, 110, 220), (0, 10), (1, 100), log=True)
    assert frame.place(0, 1) == pytest.approx((10, 220))
    assert frame.place(5, 10) == pytest.approx((60, 120))
    assert frame.place(50, 0) == pytest.approx((110, 220))


def test_curves_show_losses_and_scores() -> None:
    losses = {"total": [(1, 5.0), (9, 2.0)], "kl": [(1, 0.0), (9, 1.0)]}
    picture = curves.curves(losses, {"kl": [(9, 1.2)]}, ("psnr", [(9, 14.0)]))
    assert picture.shape == (curves.HEIGHT, curves.WIDTH, 3)
    for colour in scatter.colours(2):
        assert has(picture, colour) > 50
    assert curves.curves({}, {}, ("psnr", [])).shape == picture.shape
