"""``python -m tts_service.workers``: a worker process."""

from tts_service.workers.child import main

main()
