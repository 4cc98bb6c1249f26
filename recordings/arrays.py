"""The two kinds of arrays that decoders give; a module of its own, so that who only names a Signal loads no numpy."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
RgbArray = NDArray[np.uint8]
