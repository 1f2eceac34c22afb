"""How good are the boxes?  The ILSVRC localisation task, measured, with what any such number must be compared with."""
