"""Makes Pillow know the formats that aecli reads and writes, and none of the forty others."""

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
