"""Plays the whole way on this machine: emitter, receiver, worker and a mock Exchange."""
