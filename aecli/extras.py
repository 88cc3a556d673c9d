"""What does not come with aecli itself: libraries that an extra of it installs."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec


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


HEIF = Extra("heif", "pillow-heif", "pillow_heif")
RAW = Extra("raw", "rawpy", "rawpy")
