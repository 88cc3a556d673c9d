"""Where models live, and how a name becomes a verified file.

A model named N for the task T is a file `T-N.safetensors` in one of two folders: the user's own
(`AECLI_HOME/models`), then the one that comes with aecli (`pretrained/`), whose checksums are kept
beside the files. A family with one member a scale (`upscale-clean-x2`) is found by the family's
name and the scale. Nothing here imports torch until weights are loaded.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from aecli.checkpoints import format as checkpoints
from aecli.checkpoints import provenance
from aecli.checkpoints.header import is_name
from aecli.errors import ModelError, Reason, UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aecli.checkpoints.provenance import Provenance

SUFFIX = ".safetensors"
SUMS = "SHA256SUMS"

PREFERENCE: Mapping[str, tuple[str, ...]] = {
    "denoise": ("photo", "gaussian"),
    "upscale": ("photo", "clean"),
    "generate": ("mnist",),
    "embed": ("photo",),
}
"""The default model of a task is the first of these that is installed."""

OTHER_HOME = "AECLI_HOME=FOLDER is where models and training runs are kept instead"
"""What cures a home that cannot be used."""

_MEMBER = re.compile(r"(.+)-x(\d+)")
"""A member of a family with one a scale."""


class Origin(Enum):
    """Where a model was found."""

    PATH = "path"
    USER = "user"
    BUNDLED = "bundled"


@dataclass(frozen=True)
class Found:
    """A model's file, not yet opened."""

    path: Path
    task: str
    name: str
    origin: Origin

    @functools.cached_property
    def meta(self) -> checkpoints.Meta:
        """What the file says of itself, from its header alone.

        Raises:
            ModelError: see `read_meta`.
        """
        return checkpoints.read_meta(self.path)

    @property
    def provenance(self) -> Provenance | None:
        """Where it came from; None for what was not added.

        Raises:
            ModelError: the record of it is damaged.
        """
        return provenance.read(self.path) if self.origin is Origin.USER else None


def known_home() -> Path | None:
    """The user's models and training runs: AECLI_HOME, or else the platform's data folder.

    None where a user has neither, such as one whom the system does not know, in a container.
    """
    try:
        if chosen := os.environ.get("AECLI_HOME"):
            return Path(chosen).expanduser()
        import platformdirs

        place = platformdirs.user_data_path("aecli", appauthor=False)
    except RuntimeError:  # ~ is nowhere
        return None
    return place if place.is_absolute() else None  # how earlier releases of platformdirs say so


def home() -> Path:
    """The same, for those who cannot do without.

    Raises:
        UsageError: there is none.
    """
    place = known_home()
    if place is None:
        raise UsageError("this user has no home folder, where models and runs are kept", OTHER_HOME)
    return place


def user_folder() -> Path:
    """Where added and trained models go.

    Raises:
        UsageError: there is no such place.
    """
    return home() / "models"


def made_user_folder() -> Path:
    """The same, made where missing, and fit to be written to.

    Raises:
        UsageError: it is not.
    """
    folder = user_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}", OTHER_HOME) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{folder}: no permission to write there", OTHER_HOME)
    return folder


def bundled_folder() -> Path:
    """The models that come with aecli: inside an installed package, beside it in a clone."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "pretrained"
    return inside if inside.is_dir() else package.parent / "pretrained"


def file_name(task: str, name: str) -> str:
    """The name of a model's file.

    Raises:
        UsageError: `name` is not one for a model.
    """
    if not (is_name(task) and is_name(name)):
        raise UsageError(
            f"{name!r} is not a name for a model",
            "names are of at most 100 letters, digits, '.', '_' and '-', the first none of those",
        )
    return f"{task}-{name}{SUFFIX}"


def entries(task: str | None = None) -> list[Found]:
    """The installed models (of one task), by task and name; the user's own hide bundled ones."""
    found: dict[tuple[str, str], Found] = {}
    for origin, folder in _folders():
        for path in folder.glob(f"{task or '*'}-*{SUFFIX}"):
            key = _split(path)
            if not path.name.startswith("."):
                found.setdefault(key, Found(path, *key, origin))
    return [found[key] for key in sorted(found)]


def _folders() -> Iterator[tuple[Origin, Path]]:
    """Where models are looked for; what the user may not read is not there."""
    place = known_home()
    if place is not None and os.access(place / "models", os.R_OK | os.X_OK):
        yield Origin.USER, place / "models"
    yield Origin.BUNDLED, bundled_folder()


def default(task: str) -> str:
    """The name of the model, or of the family of models, that a task uses unless told.

    Raises:
        ModelError: none of the preferred ones is installed.
    """
    names = {family(entry.name) for entry in entries(task)}
    for name in PREFERENCE.get(task, ()):
        if name in names:
            return name
    if not names:
        raise ModelError(
            f"there is no model for {task}",
            f"train one with aecli train {task}, or get one with aecli models add",
        )
    known = ", ".join(sorted(names))
    raise ModelError(
        f"there is no default model for {task} among {known}", reason=Reason.NO_DEFAULT
    )


def preferred(task: str) -> list[Found]:
    """Those of `PREFERENCE` that are installed, the default first; of families all members."""
    names = PREFERENCE.get(task, ())
    known = [entry for entry in entries(task) if family(entry.name) in names]
    return sorted(known, key=lambda entry: names.index(family(entry.name)))


def family(name: str) -> str:
    """`clean-x2` -> `clean`; a name without a scale is its own family."""
    member = _MEMBER.fullmatch(name)
    return member[1] if member else name


def family_member(name: str, scale: int) -> str:
    """`clean`, 2 -> `clean-x2`, the name of the member for a scale."""
    return f"{family(name)}-x{scale}"


def scales(task: str, model: str | Path | None = None) -> dict[int, Found]:
    """The members of a family by their scale, smallest first; a file or a member is alone.

    Raises:
        ModelError: as `find`.
    """
    first = find(task, model)
    if first.origin is Origin.PATH or str(model) == first.name:
        return {_scale(first): first}
    chosen = family(first.name)
    members = {
        int(member[2]): entry
        for entry in entries(task)
        if (member := _MEMBER.fullmatch(entry.name)) and member[1] == chosen
    }
    return dict(sorted(members.items()))


def find(task: str, model: str | Path | None = None) -> Found:
    """The file of a model.

    Args:
        task: the command it serves.
        model: a name, a path (with a folder or a suffix), or None for the task's default; of a
            family the member for the smallest scale.

    Raises:
        ModelError: there is none, or it serves another task.
    """
    name = default(task) if model is None else str(model)
    if isinstance(model, Path) or is_path(name):
        path = Path(name).expanduser()
        meta = checkpoints.read_meta(path)
        found = Found(path, meta.task, meta.tag or path.stem, Origin.PATH)
        return _serving(task, found)
    installed = {entry.name: entry for entry in entries(task)}
    members = [n for n in sorted(installed) if family(n) == name]
    for candidate in (name, *members):
        if candidate in installed:
            return _serving(task, installed[candidate])
    families = {family(known) for known in installed}
    raise ModelError(f"there is no model {name!r} for {task}", did_you_mean(name, families))


def load(task: str, model: str | Path | None = None) -> checkpoints.Model:
    """Find, verify and load a model: float32, in evaluation mode, on the CPU.

    Raises:
        ModelError: as `find` and `verify`, or its weights do not fit its architecture.
    """
    found = find(task, model)
    verify(found)
    return checkpoints.load(found.path)


def verify(found: Found) -> bool:
    """Check a model's file: True if a checksum confirms it, False if there is none to compare.

    Raises:
        ModelError: it is damaged, not aecli's, for another task, or not the file that was
            published.
    """
    _serving(found.task, found)
    hint = None
    if found.origin is Origin.BUNDLED:
        expected, where = _sums(found.path.parent).get(found.path.name), f"in {SUMS}"
        if expected is None:
            raise ModelError(f"{found.path} is not listed in {SUMS}")
    elif (came := found.provenance) is not None:
        expected, where = came.sha256, "that it came with"
        hint = f"add it again, from {came.source}"
    else:
        return False
    if sha256(found.path) != expected:
        raise ModelError(f"{found.path} is damaged: its sha256 is not the one {where}", hint)
    return True


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    import hashlib  # loads OpenSSL: not for a list or a help page

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror}") from None


def remove(task: str, model: str) -> Path:
    """Delete one of the user's own models, damaged or not, and what is kept beside it.

    Args:
        task: the command it serves.
        model: its name or its file.

    Returns:
        Where it was.

    Raises:
        ModelError: there is none.
        UsageError: it came with aecli, or its file is not among the user's own models.
    """
    own = [entry for entry in entries(task) if entry.origin is Origin.USER]
    for entry in own:
        if entry.name == model or (is_path(model) and _place(entry.path) == _place(Path(model))):
            entry.path.unlink()
            provenance.forget(entry.path)
            return entry.path
    if members := [entry.name for entry in own if family(entry.name) == model]:
        raise UsageError(f"{model!r} is a family: {', '.join(members)}", "name one of these")
    raise UsageError(f"{find(task, model).path} is not one of your own models: it stays")


def _place(path: Path) -> Path:
    """Where a file is, whatever leads there; what it is a link to does not matter."""
    path = path.expanduser()
    return path.parent.resolve() / path.name


def _split(path: Path) -> tuple[str, str]:
    """`denoise-photo.safetensors` -> (denoise, photo)."""
    task, _, name = path.name.removesuffix(SUFFIX).partition("-")
    return task, name


def _scale(found: Found) -> int:
    """The scale that a member alone says it is for; 1 where it says none."""
    scale = found.meta.config.get("scale", 1)
    if type(scale) is not int:
        raise ModelError(f"{found.path} is damaged: its scale is {scale!r:.40}")
    return scale


def is_path(text: str) -> bool:
    """Whether a model is named by its file: a path with a folder or a suffix."""
    separated = any(sep in text for sep in (os.sep, os.altsep) if sep)
    return separated or text.endswith(SUFFIX) or ("." in text and Path(text).is_file())


def _serving(task: str, found: Found) -> Found:
    if found.meta.task != task:
        raise ModelError(f"{found.path} is a model for {found.meta.task}, not for {task}")
    return found


def _sums(folder: Path) -> dict[str, str]:
    """The checksums in a folder's `SHA256SUMS` (as sha256sum writes it), by file name."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.lstrip("*"): digest.lower() for digest, name in pairs}
