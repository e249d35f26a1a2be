"""A small assembler for those words of `rp2.asm_pio` that the witness's program uses."""

import ast
from pathlib import Path
from types import SimpleNamespace

AGENT = Path(__file__).parents[3] / "device_agents" / "witness" / "edges.py"
SHIFT_RIGHT, JOIN_RX = 1, 2
_JUMPS = {"always": 0, "not_x": 1, "x_dec": 2, "not_y": 3, "y_dec": 4, "pin": 6}
_SOURCES = {"pins": 0, "x": 1, "y": 2, "null": 3, "isr": 6, "osr": 7}
_TARGETS = {"pins": 0, "x": 1, "y": 2, "isr": 6, "osr": 7}


class Program:
    """Words, and where the wrap lies, of a function that calls the assembler's words."""

    def __init__(self) -> None:
        self.words: list[int] = []
        self.labels: dict[str, int] = {}
        self.wrap_target = self.wrap = 0
        self._jumps: list[tuple[int, str]] = []

    def names(self) -> dict[str, object]:
        """What the function may call."""
        names: dict[str, object] = {word: word for word in (*_JUMPS, *_SOURCES, "noblock")}
        names |= {
            "invert": lambda source: ("invert", source),
            "jmp": self._jmp,
            "mov": self._mov,
            "in_": lambda source, bits: self._add(0x4000 | _SOURCES[source] << 5 | bits & 31),
            "push": lambda _block: self._add(0x8000),
            "label": lambda name: self.labels.__setitem__(name, len(self.words)),
            "wrap_target": lambda: setattr(self, "wrap_target", len(self.words)),
            "wrap": lambda: setattr(self, "wrap", len(self.words) - 1),
        }
        return names

    def link(self) -> None:
        """Put the labels' places into the jumps."""
        for at, label in self._jumps:
            self.words[at] |= self.labels[label]

    def _add(self, word: int) -> None:
        self.words.append(word)

    def _jmp(self, condition: str, label: str | None = None) -> None:
        if label is None:
            condition, label = "always", condition
        self._jumps.append((len(self.words), label))
        self._add(_JUMPS[condition] << 5)

    def _mov(self, target: str, source: str | tuple[str, str]) -> None:
        inverted = isinstance(source, tuple)
        name = source[1] if isinstance(source, tuple) else source
        self._add(0xA000 | _TARGETS[target] << 5 | inverted << 3 | _SOURCES[name])


def assemble() -> Program:
    """The program of the witness, out of the agent's file."""
    tree = ast.parse(AGENT.read_text("ascii"))
    functions = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("asm_pio" in ast.unparse(decorator) for decorator in node.decorator_list)
    ]
    (function,) = functions
    options: dict[str, int] = {}
    program = Program()

    def asm_pio(**given: int):
        options.update(given)
        return lambda body: body()

    constants = SimpleNamespace(SHIFT_RIGHT=SHIFT_RIGHT, JOIN_RX=JOIN_RX)
    names = {"rp2": SimpleNamespace(asm_pio=asm_pio, PIO=constants)} | program.names()
    exec(compile(ast.Module([function], []), str(AGENT), "exec"), names)
    program.link()
    assert options == {"in_shiftdir": SHIFT_RIGHT, "fifo_join": JOIN_RX}
    return program
