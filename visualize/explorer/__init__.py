"""The explorer: a page on which one clicks a class or a unit and watches its signal come down."""
