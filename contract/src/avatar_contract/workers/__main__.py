"""``python -m avatar_contract.workers``: a worker process."""

from avatar_contract.workers.child import main

main()
