"""Writes the source of encoders: one flat function per message and version.

Small fields gather in one bytearray, runs of them by one pack; records and bytes of PASS_THROUGH_SIZE_MIN
and more are handed on as parts of their own, uncopied.
"""

from __future__ import annotations

from typing import Any

from penstock.kit.varint import encode_unsigned
from penstock.protocol.classes import is_optional_struct, struct_class
from penstock.protocol.emitter import CODES, FEW, Sheet, Slot, absent, present, tagged
from penstock.protocol.errors import Unencodable
from penstock.protocol.faults import ENCODE_FAULTS, unencodable
from penstock.protocol.notation import Definition, Field, Struct
from penstock.protocol.primitives import PASS_THROUGH_SIZE_MIN, STRING_SIZE_MAX, pass_through, size_of


class EncoderWriter:
    """Writes the encoder of one (message, version) onto a sheet."""

    def __init__(self, definition: Definition, version: int) -> None:
        self.definition = definition
        self.version = version
        self.flexible = definition.flexible.has(version)
        self.what = f"{definition.name} v{version}"
        self.sheet = Sheet(
            {
                "FAULTS": ENCODE_FAULTS,
                "WHAT": self.what,
                "Unencodable": Unencodable,
                "pass_through": pass_through,
                "size_of": size_of,
                "unencodable": unencodable,
                "encode_unsigned": encode_unsigned,
            }
        )
        self.sheet.names["PLACES"] = self.sheet.places
        self.run: list[Slot] = []
        # Where small fields go: `out`, or the body of a tagged field, whose size must be known first.
        self.target = "out"

    def write(self) -> str:
        sheet = self.sheet
        with sheet.block("def encode(o0, out=None):"):
            with sheet.block("if out is None:"):
                sheet.line("out = bytearray()")
            sheet.line("parts = []")
            with sheet.block("try:"):
                self._struct(self.definition.root, "o0", "", 0)
                self._flush()
                sheet.line("parts.append(out)")
                sheet.line("return parts")
            with sheet.block("except FAULTS as fault:"):
                sheet.line("raise unencodable(fault, WHAT, PLACES) from fault")
        return "\n".join(sheet.lines) + "\n"

    def _struct(self, owner: Struct, source: str, path: str, level: int) -> None:
        for entry in absent(owner, self.version):
            if not entry.ignorable:
                self._check_default(entry, source, path)
        for entry in present(owner, self.version):
            self._field(entry, source, path, level)
        if self.flexible:
            self._tags(owner, source, path, level)

    def _check_default(self, entry: Field, source: str, path: str) -> None:
        """A value that the version has no place for must not be lost unseen."""
        test = self._differs(entry, f"{source}.{entry.attribute}")
        with self.sheet.at(path + entry.attribute), self.sheet.block(f"if {test}:"):
            self.sheet.line(f"raise Unencodable('version {self.version} has no such field, so it must stay unset')")

    def _differs(self, entry: Field, value: str) -> str:
        """Source of the test whether a field's value is not its default."""
        if entry.default == () and entry.nullable.low > entry.nullable.high:
            return value
        if entry.default == ():
            return f"{value} is None or {value}"
        if entry.default is None:
            return f"{value} is not None"
        if entry.default is ...:
            self.sheet.names[entry.base] = self._class_of(entry)
            test = f"{value} != {entry.base}()"
            return f"{value} is not None and {test}" if is_optional_struct(entry) else test
        return f"{value} != {entry.default!r}"

    def _class_of(self, entry: Field) -> Any:
        assert entry.struct is not None
        return struct_class(self.definition, entry.struct)

    def _field(self, entry: Field, source: str, path: str, level: int) -> None:
        value = f"{source}.{entry.attribute}"
        with self.sheet.at(path + entry.attribute):
            if entry.is_array:
                self._array(entry, value, path + entry.attribute, level)
            elif entry.struct is not None:
                self._inner_struct(entry, entry.struct, value, path + entry.attribute, level)
            else:
                self._scalar(entry, entry.nullable.has(self.version), value)

    def _scalar(self, entry: Field, nullable: bool, value: str) -> None:
        if entry.base == "uuid":
            with self.sheet.block(f"if len({value}) != 16:"):
                self.sheet.line(f"raise Unencodable(f'{{len({value})}} bytes, a uuid has 16')")
        if entry.base in CODES:
            self._put(value, CODES[entry.base])
        elif entry.base == "string":
            self._string(value, nullable, self.flexible and not entry.inflexible)
        else:
            self._bytes(value, nullable, is_records=entry.base == "records")

    def _string(self, value: str, nullable: bool, compact: bool) -> None:
        sheet = self.sheet
        if nullable:
            sheet.line(f"s = {value}")
            with sheet.block("if s is None:"):
                sheet.line("n = 0" if compact else "n = -1")
            with sheet.block("else:"):
                sheet.line("s = s.encode()")
                sheet.line("n = len(s) + 1" if compact else "n = len(s)")
        else:
            sheet.line(f"s = {value}.encode()")
            sheet.line("n = len(s) + 1" if compact else "n = len(s)")
        self._length(compact, "h", is_string=True)
        if nullable:
            with sheet.block("if n > 1:" if compact else "if n > 0:"):
                sheet.line(f"{self.target} += s")
        else:
            sheet.line(f"{self.target} += s")

    def _bytes(self, value: str, nullable: bool, is_records: bool) -> None:
        """Writes bytes or records: small buffers are copied, everything else becomes a part of its own."""
        sheet = self.sheet
        bias = " + 1" if self.flexible else ""
        size = "size_of(s)" if is_records else "len(s)"
        sheet.line(f"s = {value}")
        if nullable:
            sheet.line(f"n = {'0' if self.flexible else '-1'} if s is None else {size}{bias}")
        else:
            sheet.line(f"n = {size}{bias}")
        self._length(self.flexible, "i", is_string=False)
        with sheet.block("if n > 1:" if self.flexible else "if n > 0:"):
            if self.target != "out":
                sheet.line(f"{self.target} += s")
                return
            plain = "type(s) in BUFFERS and " if is_records else ""
            sheet.names["BUFFERS"] = frozenset((bytes, bytearray, memoryview))
            with sheet.block(f"if {plain}n < {PASS_THROUGH_SIZE_MIN}:"):
                sheet.line("out += s")
            with sheet.block("else:"):
                sheet.line("out = pass_through(parts, out, s)")

    def _inner_struct(self, entry: Field, owner: Struct, value: str, path: str, level: int) -> None:
        inner = f"o{level + 1}"
        self.sheet.line(f"{inner} = {value}")
        if not entry.nullable.has(self.version):
            self._struct(owner, inner, path + ".", level + 1)
            return
        self._flush()
        null = "0" if entry.is_tagged(self.version) else "255"
        with self.sheet.block(f"if {inner} is None:"):
            self.sheet.line(f"{self.target}.append({null})")
        with self.sheet.block("else:"):
            self.sheet.line(f"{self.target}.append(1)")
            self._struct(owner, inner, path + ".", level + 1)
            self._flush()

    def _array(self, entry: Field, value: str, path: str, level: int) -> None:
        sheet = self.sheet
        items = f"items{level + 1}"
        sheet.line(f"{items} = {value}")
        size = f"len({items}) + 1" if self.flexible else f"len({items})"
        if entry.nullable.has(self.version):
            sheet.line(f"n = {'0' if self.flexible else '-1'} if {items} is None else {size}")
            self._length(self.flexible, "i", is_string=False)
            with sheet.block(f"if {items}:"):
                self._elements(entry, items, path, level)
        else:
            sheet.line(f"n = {size}")
            self._length(self.flexible, "i", is_string=False)
            self._elements(entry, items, path, level)

    def _elements(self, entry: Field, items: str, path: str, level: int) -> None:
        sheet = self.sheet
        if entry.struct is None and entry.base in CODES and entry.base != "uuid":
            some, many = sheet.repeaters("put_", CODES[entry.base])
            sheet.line(f"n = len({items})")
            with sheet.block(f"if n < {FEW}:"):
                sheet.line(f"{self.target} += {some}[n](*{items})")
            with sheet.block("else:"):
                sheet.line(f"{self.target} += {many}(f'>{{n}}{CODES[entry.base]}', *{items})")
            return
        element = f"o{level + 1}"
        with sheet.at(f"{path}[<{level + 1}>]"), sheet.block(f"for {element} in {items}:"):
            if entry.struct is not None:
                self._struct(entry.struct, element, f"{path}[<{level + 1}>].", level + 1)
            else:
                self._scalar(entry, False, element)
            self._flush()

    def _tags(self, owner: Struct, source: str, path: str, level: int) -> None:
        """Writes the tag section; the usual case, nothing but defaults, is one zero byte of the open run."""
        known = tagged(owner, self.version)
        if not known:
            self._put("", "x")
            return
        sheet = self.sheet
        with sheet.at(path + "tags"):
            tests = [f"({self._differs(entry, f'{source}.{entry.attribute}')})" for entry in known]
            saved = list(self.run)
            with sheet.block(f"if {' or '.join(tests)}:"):
                self._flush()
                self._sent_tags(known, tests, source, path, level)
            self.run = saved
            with sheet.block("else:"):
                self._put("", "x")
                self._flush()

    def _sent_tags(self, known: list[Field], tests: list[str], source: str, path: str, level: int) -> None:
        """Writes the tagged fields that are not their default, each behind its tag and its size."""
        sheet = self.sheet
        outer, mark = self.target, f"{level}" if self.target == "out" else f"{level}_"
        sheet.line(f"count{mark} = 0")
        sheet.line(f"section{mark} = bytearray()")
        for entry, test in zip(known, tests, strict=True):
            with sheet.block(f"if {test}:"):
                self.target = f"body{mark}"
                sheet.line(f"{self.target} = bytearray()")
                self._field(entry, source, path, level)
                self._flush()
                self.target = outer
                sheet.line(f"count{mark} += 1")
                sheet.line(f"section{mark} += encode_unsigned({entry.tag})")
                sheet.line(f"section{mark} += encode_unsigned(len(body{mark}))")
                sheet.line(f"section{mark} += body{mark}")
        sheet.line(f"{outer} += encode_unsigned(count{mark})")
        sheet.line(f"{outer} += section{mark}")

    def _length(self, compact: bool, code: str, is_string: bool) -> None:
        """Writes `n`, together with the open run."""
        if not compact:
            self._put("n", code)
            self._flush()
            return
        sheet = self.sheet
        run, self.run = self.run, []
        with sheet.block("if n < 128:"):
            self.run = [*run, Slot("n", "B", sheet.path)]
            self._flush()
        if is_string:
            with sheet.block(f"elif n > {STRING_SIZE_MAX + 1}:"):
                sheet.line(f"raise Unencodable(f'a string of {{n - 1}} bytes, {STRING_SIZE_MAX} is the most')")
        with sheet.block("elif n < 16384:"):
            self.run = [*run, Slot("n & 127 | 128", "B", sheet.path), Slot("n >> 7", "B", sheet.path)]
            self._flush()
        with sheet.block("else:"):
            self.run = run
            self._flush()
            sheet.line(f"{self.target} += encode_unsigned(n)")

    def _put(self, expression: str, code: str) -> None:
        """Adds a value to the run that one pack will write."""
        self.run.append(Slot(expression, code, self.sheet.path))

    def _flush(self) -> None:
        """Writes the open run."""
        if not self.run:
            return
        run, self.run = tuple(self.run), []
        codes = "".join(slot.code for slot in run)
        values = ", ".join(slot.expression for slot in run if slot.code != "x")
        if codes == "x":
            self.sheet.line(f"{self.target}.append(0)", run)
        elif codes == "B":
            self.sheet.line(f"{self.target}.append({values})", run)
        else:
            self.sheet.line(f"{self.target} += {self.sheet.packer('put_', codes)}({values})", run)
