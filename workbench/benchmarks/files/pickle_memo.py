"""The largest number that a pickle files a value under, found without unpickling."""

from __future__ import annotations

import re

# Opcodes by what follows them (Python's `pickletools`): a text line, two of them, or bytes after their count.
_LINES = dict.fromkeys(b"FILSVgpP", 1) | dict.fromkeys(b"ci", 2)
_COUNTED = dict.fromkeys(b"UC\x8a\x8c", 1) | dict.fromkeys(b"TXB\x8b", 4) | dict.fromkeys(b"\x8d\x8e\x96", 8)
_PUT, _LONG_PUT = ord("p"), ord("r")
_NOTHING = rb"[(012NQR)\]}lust\x62edao\x81\x85-\x89\x8f-\x94\x97\x98]"
_PLAIN = rb"[Khq\x80\x82].|[M\x83]..|[Jj\x84].{4}|[G\x95].{8}"


def exceeds_memo(raw: bytes) -> bool:
    """Whether `raw` files a value under a number that is larger than the pickle is long.

    The unpickler makes room for all numbers below: ten bytes can ask for gigabytes. Numbers count values, of which
    there are fewer than bytes.
    """
    limit = len(raw)
    # Most of a pickle are opcodes of a fixed length, and small numbers: they are passed over at once.
    small = rb"r..[\x00-%b]\x00" % re.escape(bytes([min(255, limit >> 16)]))
    run = re.compile(rb"(?s:(?:%b|%b|%b)++)" % (_NOTHING, _PLAIN, small))
    at = 0
    while True:
        if passed := run.match(raw, at):
            at = passed.end()
        if at >= limit:
            return False
        op = raw[at]
        if op == _LONG_PUT:
            if int.from_bytes(raw[at + 1 : at + 5], "little") > limit:
                return True
            at += 5
        elif op in _COUNTED:
            start = at + 1 + _COUNTED[op]
            at = min(limit, start + int.from_bytes(raw[at + 1 : start], "little"))
        elif op in _LINES:
            line = raw[at + 1 : at + 40].partition(b"\n")[0]
            if op == _PUT and (len(line) > 20 or not line.strip().isdigit() or int(line) > limit):
                return True
            for _ in range(_LINES[op]):
                at = raw.find(b"\n", at) + 1 or limit
        else:
            return False  # the end, or no opcode: the unpickler reads no further either
