"""Tests of the real engines, each in an environment of its own: `make test-engines` runs them.

They are not collected otherwise: `make test` needs nothing that it does not install itself.
"""

import os

collect_ignore_glob = [] if os.environ.get("AVATAR_ENGINES") else ["test_*.py"]
