"""The recommender: pure numpy and torch. It knows nothing of Django and can be used from a notebook."""

import os

# Read when torch loads its OpenMP: threads that wait for each other sleep instead of spinning. On a machine that
# serves and trains at once, spinning doubles the work and makes small models many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
