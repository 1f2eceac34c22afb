"""The first step is perfect, then the picture explodes

Lesson 4, easy, 5 minutes

Meant to be: the direction of steepest ascent for the class model, argmax_I S_c(I) − λ‖I‖² (paper, section 2).

Symptom: at the zero image the direction agrees with finite differences to the last digit. After some twenty steps the
picture is garish, after a few hundred its values are beyond all measure. A larger λ makes it worse.

Hint: which of the two terms is silent at the zero image?
"""

import numpy as np

from minicnn.network import one_hot


def direction(net, I, c, decay):
    """∂/∂I of S_c(I) − λ‖I‖², for one image I (1, C, h, w); decay is λ."""
    trace = net.forward(I)
    gradient = net.backward(trace, one_hot(trace.scores, c))
    return gradient + 2 * decay * I
