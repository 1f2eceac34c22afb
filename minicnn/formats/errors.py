"""What is wrong with a weight file."""


class FileError(ValueError):
    """A weight file that cannot be read, or does not hold what it should: what is wrong, what would be right.

    It comes out of `formats.load` with the file's name in front.
    """
