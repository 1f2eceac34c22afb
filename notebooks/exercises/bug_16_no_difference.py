"""DeconvNet and guided back-propagation draw the same picture

Lesson 6, hard, 15 minutes

Meant to be: the DeconvNet's ReLU, R_n = R_{n+1} · 1(R_{n+1} > 0) (paper, section 4): what comes down decides.

Symptom: this DeconvNet's pictures are sharper and tell classes apart better than those of the paper on DeconvNets. Put
next to guided back-propagation they are equal to the last digit.

Hint: write the table of all four cases, X_n positive or negative, R_{n+1} positive or negative, for each of the three
rules.
"""

import numpy as np

from layers import ReLU


class MyReLU(ReLU):
    """X_{n+1} = max(X_n, 0)."""

    def deconv(self, R, x):
        """R_n = R_{n+1} · 1(R_{n+1} > 0)."""
        return np.maximum(self.backward(R, x), 0)  # no negative signal comes down
