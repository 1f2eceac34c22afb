"""On some photographs the background has no pixels at all

Lesson 5, hard, 15 minutes

Meant to be: the pixels from which the two colour models are learnt, chosen by the saliency map: the 5 % of the pixels
with the highest saliency for the object, the 30 % with the lowest for the background (paper, section 3.2).

Symptom: on most photographs all is well. On a few the background is empty, and the colour model has nothing to learn
from. Their maps have something in common: look at their histogram. (Writing ≤ for < moves the problem elsewhere.)

Hint: if 40 % of the pixels have the same lowest value, which 30 % are the lowest? A comparison with a value cannot say;
a rank can.
"""

import numpy as np


def seeds(saliency):
    """Two masks (H, W): the most salient 5 % of the pixels, and the least salient 30 %."""
    low, high = np.quantile(saliency, [0.30, 0.95])
    return saliency > high, saliency < low
