"""A DeconvNet that draws something from nothing

Lesson 6, easy, 5 minutes

Meant to be: the DeconvNet's way down through a convolution, R_n = R_{n+1} ⋆ K̂ (paper, section 4).

Symptom: with R_{n+1} = 0 everywhere, with no signal at all, the DeconvNet still draws a picture: always the same
texture. It lies beneath every other reconstruction, too, and the weaker the signal the more of it one sees.

Hint: the way down is the transpose of the way up, not its inverse. What does not depend on X_n has no part in it.
"""

import numpy as np

from layers import Conv


class MyConv(Conv):
    """X_{n+1} = X_n ⋆ K + b."""

    def deconv(self, R, x):
        """R_n = R_{n+1} ⋆ K̂."""
        R = R - self.b[:, None, None]  # what was added on the way up
        return self.backward(R, x)
