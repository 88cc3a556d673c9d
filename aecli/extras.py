"""What does not come with aecli itself: libraries that an extra of it installs."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from aecli.errors import UsageError

if TYPE_CHECKING:
    from aecli.errors import AecliError


@dataclass(frozen=True)
class Extra:
    """One of the extras.

    Attributes:
        name: in brackets after `aecli`, where it is installed.
        package: what it installs.
        module: what that is imported as.
    """

    name: str
    package: str
    module: str

    @property
    def there(self) -> bool:
        """Whether it is installed."""
        return find_spec(self.module) is not None

    @property
    def cure(self) -> str:
        """What installs it."""
        return f"pip install 'aecli[{self.name}]' adds it"

    def load(self, what: str, error: type[AecliError] = UsageError) -> Any:
        """The module.

        Args:
            what: needs it, for messages.
            error: what is raised.

        Raises:
            UsageError, or another error: it is not installed.
        """
        try:
            return importlib.import_module(self.module)
        except ImportError:
            raise error(f"{what} needs {self.package}", self.cure) from None


HEIF = Extra("heif", "pillow-heif", "pillow_heif")
RAW = Extra("raw", "rawpy", "rawpy")
PARQUET = Extra("parquet", "pyarrow", "pyarrow.parquet")
ONNX = Extra("onnx", "onnx", "onnx")
HUB = Extra("hub", "huggingface_hub", "huggingface_hub")
MUSIC = Extra("music", "mido", "mido")
WATCH = Extra("watch", "watchfiles", "watchfiles")
TENSORBOARD = Extra("tensorboard", "tensorboard", "tensorboard")
UMAP = Extra("maps", "umap-learn", "umap")
