"""What is wrong with a file of numbers."""


class FileError(ValueError):
    """A file that cannot be read, or does not hold what it should: what is wrong, what would be right.

    It comes out of `formats.load` and `datasets.load` with the file's name in front.
    """
