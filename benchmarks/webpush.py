"""Web pushes a second, encrypted and signed, into a push service on this machine that answers after some time.

`python -m benchmarks webpush` prints one line per delay.
"""
