"""How much is unpacked, whatever a file says of itself."""

LARGEST = 1 << 32
"""Bytes of the largest array, or of all pictures of a file, that are taken into memory."""

LARGEST_MEMBER = 1 << 28
"""Bytes of the largest image file that is unpacked from an archive."""

MOST = 10_000_000
"""Pictures that one file holds at most."""
