"""Text as people write it into words as people say them, in Traditional Chinese and English.

::

    raw text ─ clean ─▶ ─ pieces: addresses, English stretches, the rest ─▶ ─ rules ─▶ runs

Numbers, dates, times, money, units, phone numbers, addresses, ranges, symbols and emoji become
words; what is left is cut into runs of one language each, so that Latin inside Chinese is read by
an English voice.
"""

from tts_service.speakable.pipeline import Speakable, speakable

__all__ = ["Speakable", "speakable"]
