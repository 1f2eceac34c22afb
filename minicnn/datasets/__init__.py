"""Labelled images to learn from: generated, or read from files that are already here.  Nothing is downloaded."""

from .dataset import Dataset

__all__ = ["Dataset"]
