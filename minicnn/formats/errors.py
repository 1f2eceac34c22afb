"""What is wrong with a weight file."""


class FileError(ValueError):
    """A weight file that cannot be read, or does not hold what it should: one line that names the file."""
