"""Whether the tests of the core would notice: mutmut changes one thing at a time, and some test must fail.

``python -m tests.mutation``, in an environment that has mutmut beside what the tests need. Modules: `__main__` (copies
the tree, runs mutmut on the copy, prints the scores), `by_function` (mutmut itself, told how to name our tests).
"""
