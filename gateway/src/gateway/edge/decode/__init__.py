"""Any microphone in, house audio out: 16 kHz mono s16le.

One decoder serves one push-to-talk utterance, or one hands-free socket. `make_decoder` picks it.
"""

from gateway.edge.decode.base import DecodeLimits, Decoder
from gateway.edge.decode.factory import container_of, make_decoder, recognised
from gateway.edge.decode.workers import DecodeWorkers

__all__ = ["DecodeLimits", "DecodeWorkers", "Decoder", "container_of", "make_decoder", "recognised"]
