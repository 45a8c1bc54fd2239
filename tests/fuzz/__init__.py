"""Fuzzing the path from signed bytes to an entry: ``python -m tests.fuzz --bodies 1000000 --seed 1``.

Why a generator of our own, and not atheris: almost every byte string that a coverage-guided fuzzer invents dies in the
JSON parser or in pydantic's compiled validators, which it cannot see into, so its search would begin by learning JSON
and the emitter's words. Here mutations begin at real messages and keep most of their structure, each body follows from
a seed and a number alone (``--only NUMBER`` replays it on any machine), and a million of them take minutes. What
atheris would add, memory checks of native code, concerns no code of this project. In the test suite, Hypothesis draws
the choices for the same mutations, and shrinks those that fail.

Modules: `corpus` (messages to begin with), `words` (values that have broken decoders), `mutation` (from one number to
one body), `marks` (what may come out of a body), `oracle` (what must hold of any body), `run` (many, on all cores).
"""
