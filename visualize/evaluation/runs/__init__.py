"""A whole evaluation: its data, its records, its numbers and tables; the measures are in the folder above."""
