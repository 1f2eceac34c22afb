"""Settings with a name."""

from __future__ import annotations

from typing import TypeAlias

from .settings import Settings
from .vivid import Vivid

AnySettings: TypeAlias = Settings | Vivid

PAPER = Settings()

PRESETS: dict[str, AnySettings] = {
    "paper": PAPER,  # its objective and its start; steps, λ and momentum are ours
    "jitter": Settings(jitter=8),  # larger and fewer objects
    "smooth": Settings(jitter=8, blur=0.6, total_variation=2e-4),  # and less of the pixel noise
    "vivid": Vivid(),  # another basis, and so other images
}
