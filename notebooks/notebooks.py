"""`from notebooks import show` in a lesson that Jupyter starts in this folder: no install brings the folder along."""

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parent)]
