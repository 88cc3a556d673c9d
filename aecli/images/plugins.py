"""Makes Pillow know the formats that aecli reads and writes, and none of the forty others."""

import logging

from PIL import (  # noqa: F401 - a plugin registers itself when it is imported
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it logs, it raises, too
