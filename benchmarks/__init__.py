"""minicnn measured against others, with one command:  python -m benchmarks   (extra `bench`)."""
