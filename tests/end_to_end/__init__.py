"""The whole way: emitter, real processes of the receiver, real exchangelib, and a mock Exchange in this process."""
