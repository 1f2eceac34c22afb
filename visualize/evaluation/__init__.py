"""How good are the boxes?  Maps, rules that make boxes of them, measures; `runs` has what works on many pictures."""
