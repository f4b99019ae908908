"""Loading the numerical backend: quietly, and with a number of threads that does not depend on the machine.

How TensorFlow cuts a convolution's sums depends on how many threads it may use (not on how many cores there are): with
1, 2 and 4 threads the same training ends in three different sets of weights. A fixed number gives one.
"""

from __future__ import annotations

import logging
import os
import sys

from songnet.stderr import silenced_stderr

log = logging.getLogger(__name__)

# Measured on 2 cores: 4 threads train as fast as 2, and twice as fast as 1.
CPU_THREADS = 4


def load_backend() -> None:
    """Import Keras with the backend that ``KERAS_BACKEND`` names; done before any model family is loaded."""
    if "songnet.models.encoder" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow talks of instruction sets and missing GPUs before anybody asked.
    with silenced_stderr():
        import keras

        backend = keras.backend.backend()
        if backend == "tensorflow":
            import tensorflow as tf

            try:
                tf.config.threading.set_intra_op_parallelism_threads(CPU_THREADS)
            except RuntimeError:
                log.warning("TensorFlow was in use before SongNet: results depend on its number of threads")
    log.info("Keras %s on %s", keras.__version__, backend)
