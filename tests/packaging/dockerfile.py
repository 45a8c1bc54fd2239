"""Reads a Dockerfile as its stages and instructions. Runs nothing."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, continuation lines joined and comments dropped."""

    word: str
    value: str

    def pairs(self) -> dict[str, str]:
        """Return the names and values of an ENV, ARG or LABEL."""
        return dict(word.partition("=")[::2] for word in shlex.split(self.value))


@dataclass(frozen=True, slots=True)
class Stage:
    """What one FROM begins."""

    name: str
    base: str
    instructions: tuple[Instruction, ...]

    def last(self, word: str) -> str:
        """Return the value that is in force at the end."""
        return [each.value for each in self.instructions if each.word == word][-1]

    def merged(self, word: str) -> dict[str, str]:
        """Return the pairs of all instructions of a kind; the later wins."""
        return {name: value for each in self.instructions if each.word == word for name, value in each.pairs().items()}


def parse(text: str, given: Mapping[str, str] | None = None) -> list[Stage]:
    """Return the stages in their order; variables of FROM are those given, or the defaults of the ARGs before them."""
    arguments: dict[str, str] = {}
    stages: list[tuple[str, str, list[Instruction]]] = []
    for instruction in _instructions(text):
        if instruction.word == "FROM":
            base, _, name = instruction.value.partition(" AS ")
            stages.append((name.strip(), _expanded(base.strip(), arguments), []))
        elif stages:
            stages[-1][2].append(instruction)
        else:
            declared = instruction.pairs()
            arguments |= declared | {name: value for name, value in (given or {}).items() if name in declared}
    return [Stage(name, base, tuple(instructions)) for name, base, instructions in stages]


def _instructions(text: str) -> list[Instruction]:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    lines = (line.strip() for line in code.replace("\\\n", "").splitlines())
    words = (line.partition(" ") for line in lines if line)
    return [Instruction(word.upper(), value.strip()) for word, _, value in words]


def _expanded(text: str, arguments: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], text)
