"""A network's answer about a photograph: scores, probabilities, and the best classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from layers.arrays import to_host

from .class_names import short_name
from .loss import sigmoid, softmax
from .network import Network, input_of, preprocessing_of

UNSURE = 0.5  # where the first answer is less probable than this, the others together are more so


@dataclass(frozen=True)
class Answer:
    """Scores S and probabilities P of an image, each (classes,).

    A network with a single score separates one class from everything else: its probability is not the softmax, which
    would always be 1, but the sigmoid, 1 / (1 + exp(−S)).
    """

    scores: np.ndarray
    probabilities: np.ndarray
    classes: list[str] | None

    @classmethod
    def of(cls, net: Network, photo: np.ndarray) -> Answer:
        """The answer about a photograph's centre crop."""
        return cls.of_scores(net, net.scores(input_of(net, preprocessing_of(net).centre_crop(photo))))

    @classmethod
    def of_scores(cls, net: Network, scores: Any) -> Answer:
        """The answer about the first image of a batch with these scores (N, classes)."""
        S = to_host(scores)
        return cls(S[0], sigmoid(S)[0] if S.shape[1] == 1 else softmax(S)[0], net.classes)

    @property
    def probability_name(self) -> str:
        """The name of the probabilities: "probability", or "sigmoid" of a single score."""
        return "sigmoid" if len(self.scores) == 1 else "probability"

    def best(self, count: int) -> list[int]:
        """The classes with the highest scores, highest first."""
        return [int(c) for c in np.argsort(-self.scores, kind="stable")[:count]]

    def described(self, c: int) -> dict[str, Any]:
        """Class c in a JSON object."""
        return {
            "index": c,
            "name": short_name(self.classes, c),
            "score": float(self.scores[c]),
            self.probability_name: float(self.probabilities[c]),
        }

    def title(self, c: int) -> str:
        """Class c on a line."""
        return f"{short_name(self.classes, c)}   {self.certainty(c)}   S = {self.scores[c]:.1f}"

    def figure_title(self, c: int) -> str:
        """Class c in a figure's title, two lines; of the network's first answer they say if it is unsure of that."""
        certainty = self.certainty(c).replace(" ", "\N{NO-BREAK SPACE}")
        if len(self.scores) > 1 and c == self.best(1)[0] and self.probabilities[c] < UNSURE:
            certainty = f"the network is unsure ({certainty})"
        return f"{short_name(self.classes, c)}   S = {self.scores[c]:.1f}\n{certainty}"

    def certainty(self, c: int) -> str:
        return f"{'sigmoid(S)' if len(self.scores) == 1 else 'P'} = {self.probabilities[c]:.2f}"
