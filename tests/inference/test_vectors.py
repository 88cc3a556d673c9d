from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecli.datasets.collecting import as_file
from aecli.errors import InputError, UsageError
from aecli.files.inputs import named
from aecli.inference import latents as points
from aecli.inference import vector_formats
from aecli.inference import vectors as npz
from aecli.inference.embed import Entry
from aecli.inference.vectors import Vectors

RNG = np.random.default_rng(0)


def some(count: int = 3, dimension: int = 4) -> Vectors:
    return Vectors(
        RNG.normal(size=(count, dimension)).astype(np.float32),
        np.array([f"in/zwölf {k}.png" for k in range(count)], np.str_),
        np.array([f"kind {k % 2}" for k in range(count)], np.str_),
        np.array([12.5, np.nan, 99.5] * count, np.float32)[:count],
        RNG.integers(0, 256, (count, 32), np.uint8),
        "photo",
        "abc123",
    )


def written(vectors: Vectors, path: Path) -> Path:
    with path.open("wb") as file:
        npz.save(vectors, file)
    return path


def same(a: Vectors, b: Vectors) -> bool:
    return (
        np.array_equal(a.values, b.values)
        and a.paths.tolist() == b.paths.tolist()
        and a.labels.tolist() == b.labels.tolist()
        and np.array_equal(a.novelty, b.novelty, equal_nan=True)
        and np.array_equal(a.digests, b.digests)
        and (a.model, a.sha256, a.dimension) == (b.model, b.sha256, b.dimension)
    )


@pytest.mark.parametrize("count", [1, 3, 9000])
def test_vectors_survive_their_file(tmp_path: Path, count: int) -> None:
    vectors = some(count)
    loaded = npz.load(written(vectors, tmp_path / "z.npz"))
    assert same(vectors, loaded)
    assert isinstance(loaded.values, np.memmap) == (count == 9000)


def test_the_file_is_one_of_numpys_and_of_generates(tmp_path: Path) -> None:
    vectors = some()
    path = written(vectors, tmp_path / "z.npz")
    with np.load(path, allow_pickle=False) as arrays:
        assert np.array_equal(arrays["vectors"], vectors.values)
        assert arrays["paths"].tolist() == vectors.paths.tolist()
        assert arrays["novelty"].dtype == np.float32
        assert (str(arrays["model"]), str(arrays["sha256"])) == ("photo", "abc123")
        assert int(arrays["dimension"]) == 4
    assert points.load(path).model == "photo"


def test_compressed_files_are_read_too(tmp_path: Path) -> None:
    vectors = some(9000)
    path = written(vectors, tmp_path / "z.npz")
    with np.load(path) as arrays:
        np.savez_compressed(tmp_path / "small.npz", **arrays)
    assert same(vectors, npz.load(tmp_path / "small.npz"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": None}, "is no file of vectors"),
        ({"model": None}, "is no file of vectors"),
        ({"vectors": np.array([object()])}, "is no file of vectors"),
        ({"vectors": np.zeros(3, np.float32)}, "its paths do not fit"),
        ({"paths": ["a"]}, "its paths do not fit"),
        ({"digests": np.zeros((3, 4), np.uint8)}, "its digests do not fit"),
        ({"vectors": np.zeros((3, 4))}, "not of the types"),
        ({"paths": [1, 2, 3]}, "not of the types"),
    ],
)
def test_what_is_no_file_of_vectors(tmp_path: Path, change, message: str) -> None:
    with np.load(written(some(), tmp_path / "z.npz")) as arrays:
        given = {k: v for k, v in ({**arrays} | change).items() if v is not None}
    np.savez(tmp_path / "bad.npz", **given)
    with pytest.raises(InputError, match=message):
        npz.load(tmp_path / "bad.npz")


def test_files_from_before_labels_have_none(tmp_path: Path) -> None:
    with np.load(written(some(), tmp_path / "z.npz")) as arrays:
        np.savez(tmp_path / "old.npz", **{k: v for k, v in arrays.items() if k != "labels"})
    assert npz.load(tmp_path / "old.npz").labels.tolist() == [""] * 3


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = written(some(9000), tmp_path / "z.npz")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(InputError, match="is no file of vectors"):
        npz.load(path)


def entry(path: str, digest: bytes | None, value: float | None = None, **more: object) -> Entry:
    vector = None if value is None else np.full(4, value, np.float32)
    return Entry(as_file(named(path)), digest, vector, **more)


def test_rows_are_added_replaced_and_never_dropped() -> None:
    old = some()
    known = old.digests[2].tobytes()
    new = old.with_entries(
        [
            entry("new.png", b"n" * 32, 1.0, novelty=7.0),
            entry("bad.png", None, error=InputError("bad")),
            entry("in/zwölf 1.png", b"c" * 32, 2.0, novelty=8.0),
            entry("copy of 2.png", known),
            entry("in/zwölf 0.png", old.digests[0].tobytes()),
        ]
    )
    assert new.paths.tolist() == [*old.paths, "new.png", "copy of 2.png"]
    assert np.array_equal(new.values[0], old.values[0])
    assert new.values[1].tolist() == [2] * 4
    assert new.novelty[1] == 8
    assert new.values[3].tolist() == [1] * 4
    assert np.array_equal(new.values[4], old.values[2])
    assert new.novelty[4] == old.novelty[2]
    assert new.digests[1].tobytes() == b"c" * 32


def test_no_rows_at_all() -> None:
    none = Vectors.none(4, "m", "s")
    assert len(none.with_entries([entry("bad.png", None, error=InputError("bad"))])) == 0
    assert none.with_entries([entry("a.png", b"a" * 32, 1.0)]).values.shape == (1, 4)


def test_vectors_of_different_models_do_not_mix() -> None:
    some().refuse_other("photo", "abc123", "z.npz")
    with pytest.raises(UsageError, match=r"z\.npz was made by photo .*, not by mnist") as caught:
        some().refuse_other("mnist", "def", "z.npz")
    assert "photo goes on with it" in (caught.value.hint or "")


def content(vectors: Vectors, form: str) -> bytes:
    buffer = io.BytesIO()
    vector_formats.FORMATS[form].write(vectors, buffer)
    return buffer.getvalue()


def test_csv_has_a_row_a_picture() -> None:
    vectors = some()
    rows = list(csv.DictReader(io.StringIO(content(vectors, "csv").decode())))
    assert [row["path"] for row in rows] == vectors.paths.tolist()
    assert rows[0] | {"model": "photo", "sha256": "abc123", "dimension": "4"} == rows[0]
    assert [row["novelty"] for row in rows] == ["12.5", "", "99.5"]
    values = np.array([[row[f"v{k}"] for k in range(4)] for row in rows], np.float32)
    assert np.array_equal(values, vectors.values)


def test_jsonl_has_an_object_a_picture() -> None:
    vectors = some()
    rows = [json.loads(line) for line in content(vectors, "jsonl").splitlines()]
    assert [row["path"] for row in rows] == vectors.paths.tolist()
    assert [row["novelty"] for row in rows] == [12.5, None, 99.5]
    assert {(row["model"], row["sha256"], row["dimension"]) for row in rows} == {
        ("photo", "abc123", 4)
    }
    assert np.array_equal(np.array([row["vector"] for row in rows], np.float32), vectors.values)


ODD = np.array(["a\nb.png", "c\\d.png", "e,\"f'.png", "\udcff.png"])


def test_names_of_any_kind_stay_in_their_row(tmp_path: Path) -> None:
    vectors = Vectors(**{**vars(some(4)), "paths": ODD})
    assert same(vectors, npz.load(written(vectors, tmp_path / "z.npz")))
    rows = [json.loads(line) for line in content(vectors, "jsonl").splitlines()]
    assert [row["path"] for row in rows] == ODD.tolist()
    text = content(vectors, "csv").decode("utf-8", "surrogateescape")
    assert [row["path"] for row in csv.DictReader(io.StringIO(text, ""))] == ODD.tolist()
    npy = vector_formats.FORMATS["npy"]
    vector_formats.save(vectors, tmp_path / "z.npy", npy, overwrite=False)
    lines = (tmp_path / "z.paths.txt").read_text("utf-8", errors="surrogateescape").split("\n")
    assert lines == [
        "# model=photo sha256=abc123 dimension=4",
        "a\\nb.png",
        "c\\\\d.png",
        "e,\"f'.png",
        "\udcff.png",
        "",
    ]
    assert np.array_equal(np.load(tmp_path / "z.npy"), vectors.values)


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    vectors = some()
    path = tmp_path / "z.parquet"
    vector_formats.save(vectors, path, vector_formats.FORMATS["parquet"], overwrite=False)
    with pytest.raises(InputError, match="parquet files are written, not read"):
        vector_formats.read(path)
    table = parquet.read_table(path)
    assert table["path"].to_pylist() == vectors.paths.tolist()
    assert table["novelty"].to_pylist() == [12.5, None, 99.5]
    assert np.array_equal(np.stack(table["vector"].to_numpy()), vectors.values)
    about = {"model": "photo", "sha256": "abc123", "dimension": "4"}
    assert {k.decode(): v.decode() for k, v in table.schema.metadata.items()} == about


def test_formats_by_their_names(monkeypatch) -> None:
    assert vector_formats.format_of("out/z.NPZ").name == "npz"
    assert vector_formats.format_of("csv").name == "csv"
    with pytest.raises(UsageError, match=r"z\.cvs") as caught:
        vector_formats.format_of("z.cvs")
    assert "csv" in (caught.value.hint or "")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(UsageError, match="pyarrow"):
        vector_formats.format_of("z.parquet")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_text_keeps_every_bit(value: float) -> None:
    vectors = Vectors(**{**vars(some(1, 1)), "values": np.array([[value]], np.float32)})
    assert json.loads(content(vectors, "jsonl"))["vector"] == [pytest.approx(value, rel=1e-6)]
    (row,) = csv.DictReader(io.StringIO(content(vectors, "csv").decode()))
    assert np.float32(row["v0"]) == np.float32(value)
