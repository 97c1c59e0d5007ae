"""The session core: one conversation, from microphone frames to what was heard.

`conversation.py` is the pure reducer: events in (`inputs.py`), effects out (`effects.py`), among
them the domain events of `outputs.py` that a dialect encodes for its wire. `runner.py` is the only
module here that does I/O.
"""
