"""Writes the source of decoders: one flat function per message and version, every struct unrolled in place.

Neighbouring fields of fixed size, and the first byte of the length that follows them, are read by one
unpack_from.  No length is believed before it is compared with the bytes at hand.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from penstock.kit.varint import decode_unsigned
from penstock.protocol.classes import default_text, struct_class
from penstock.protocol.emitter import (
    CODES,
    FEW,
    SIZES,
    Sheet,
    Slot,
    absent,
    element_size_min,
    present,
    tagged,
)
from penstock.protocol.errors import Malformed
from penstock.protocol.faults import DECODE_FAULTS, malformed
from penstock.protocol.notation import Definition, Field, Struct
from penstock.protocol.primitives import ELEMENTS_MAX, STRING_SIZE_MAX, skip_tags

Store = Callable[[str], str]


class DecoderWriter:
    """Writes the decoder of one (message, version) onto a sheet."""

    def __init__(self, definition: Definition, version: int) -> None:
        self.definition = definition
        self.version = version
        self.flexible = definition.flexible.has(version)
        self.what = f"{definition.name} v{version}"
        self.has_records = any(
            entry.base == "records"
            for owner in (definition.root, *definition.structs.values())
            for entry in present(owner, version)
        )
        self.sheet = Sheet(
            {
                "Malformed": Malformed,
                "FAULTS": DECODE_FAULTS,
                "WHAT": self.what,
                "malformed": malformed,
                "new": object.__new__,
                "decode_unsigned": decode_unsigned,
                "skip_tags": skip_tags,
            }
        )
        self.sheet.names["PLACES"] = self.sheet.places
        self.run: list[Slot] = []
        self.nested_tags = 0

    def write(self) -> str:
        sheet = self.sheet
        with sheet.block("def decode(view, pos=0):"):
            sheet.line("end = len(view)")
            # Slices of bytes are cheaper than slices of a view; records alone must stay uncopied.
            kind = "memoryview" if self.has_records else "bytes"
            sheet.line(f"buf = view if type(view) is {kind} else {kind}(view)")
            sheet.line(f"room = {ELEMENTS_MAX}")
            with sheet.block("try:"):
                self._struct(self.definition.root, "o0", "", 0)
                self._flush()
                sheet.line("return o0, pos")
            with sheet.block("except FAULTS as fault:"):
                sheet.line("raise malformed(fault, WHAT, PLACES) from None")
        return "\n".join(sheet.lines) + "\n"

    def _struct(self, owner: Struct, target: str, path: str, level: int) -> None:
        """Reads the fields of a struct into a new object named `target`."""
        cls = struct_class(self.definition, owner)
        name = f"C_{owner.name}"
        self.sheet.names[name] = cls
        self.sheet.names[owner.name] = cls
        self.sheet.line(f"{target} = new({name})")
        for entry in (*absent(owner, self.version), *tagged(owner, self.version)):
            self.sheet.line(f"{target}.{entry.attribute} = {default_text(entry)}")
        for entry in present(owner, self.version):
            self._field(entry, target, path, level)
        if self.flexible:
            with self.sheet.at(path + "tags"):
                self._tags(owner, target, path, level)

    def _field(self, entry: Field, target: str, path: str, level: int) -> None:
        place = f"{target}.{entry.attribute}"
        with self.sheet.at(path + entry.attribute):
            if entry.is_array:
                self._array(entry, place, path + entry.attribute, level)
            elif entry.struct is not None:
                self._inner_struct(entry, entry.struct, place, path + entry.attribute, level)
            else:
                self._scalar(entry, entry.nullable.has(self.version), lambda value: f"{place} = {value}", place)

    def _scalar(self, entry: Field, nullable: bool, store: Store, place: str) -> None:
        """Reads one value; `place` is where a run may put it at once, `store` the general way."""
        if entry.base in CODES:
            self._take(place, CODES[entry.base])
            return
        compact = self.flexible and not entry.inflexible
        self._length(compact, "h" if entry.base == "string" else "i", entry.base == "string")
        self._payload(entry.base, 1 if compact else 0, nullable, store)

    def _length(self, compact: bool, code: str, is_string: bool) -> None:
        """Reads a length into `n`, one more than the bytes that follow when compact, together with the open run."""
        self._take("n", "B" if compact else code)
        self._flush()
        if not compact:
            return
        with self.sheet.block("if n > 127:"):
            self.sheet.line("k = buf[pos]")
            with self.sheet.block("if k < 128:"):
                self.sheet.line("n += (k << 7) - 128")
                self.sheet.line("pos += 1")
            with self.sheet.block("else:"):
                self.sheet.line("n, pos = decode_unsigned(buf, pos - 1)")
            if is_string:
                with self.sheet.block(f"if n > {STRING_SIZE_MAX + 1}:"):
                    self._raise(f"a string of {{n - 1}} bytes announced, {STRING_SIZE_MAX} is the most")

    def _payload(self, base: str, bias: int, nullable: bool, store: Store) -> None:
        """Reads the `n` - `bias` bytes of a string, of bytes or of records; fewer than none is null."""
        sheet = self.sheet
        with sheet.block(f"if n > {bias}:"):
            sheet.line("stop = pos + n - 1" if bias else "stop = pos + n")
            with sheet.block("if stop > end:"):
                self._raise("{stop - pos} bytes announced, {end - pos} left")
            sheet.line(store(self._slice(base)))
            sheet.line("pos = stop")
        with sheet.block("elif n:" if bias else "elif n == 0:"):
            sheet.line(store({"string": "''", "bytes": "b''", "records": "buf[pos:pos]"}[base]))
        with sheet.block("else:"):
            if nullable:
                sheet.line(store("None"))
            else:
                self._raise("null, but a value is needed")

    def _slice(self, base: str) -> str:
        if base == "records":
            return "buf[pos:stop]"
        copy = "buf[pos:stop].tobytes()" if self.has_records else "buf[pos:stop]"
        return f"{copy}.decode()" if base == "string" else copy

    def _inner_struct(self, entry: Field, owner: Struct, place: str, path: str, level: int) -> None:
        """Reads a struct that stands alone.

        A nullable one has a byte before it: negative for null in the body, 0 in the tag section.
        """
        inner = f"o{level + 1}"
        if not entry.nullable.has(self.version):
            self._struct(owner, inner, path + ".", level + 1)
            self.sheet.line(f"{place} = {inner}")
            return
        self._take("n", "b")
        self._flush()
        with self.sheet.block("if n <= 0:" if entry.is_tagged(self.version) else "if n < 0:"):
            self.sheet.line(f"{place} = None")
        with self.sheet.block("else:"):
            self._struct(owner, inner, path + ".", level + 1)
            self._flush()
            self.sheet.line(f"{place} = {inner}")

    def _array(self, entry: Field, place: str, path: str, level: int) -> None:
        """Reads an array; how many elements fit into the bytes left is known before any is made."""
        sheet = self.sheet
        self._length(self.flexible, "i", is_string=False)
        null_test = "if n == 0:" if self.flexible else "if n < 0:"
        if entry.nullable.has(self.version):
            with sheet.block(null_test):
                sheet.line(f"{place} = None")
            with sheet.block("else:"):
                self._elements(entry, place, path, level)
        else:
            with sheet.block(null_test):
                self._raise("null, but an array is needed")
            self._elements(entry, place, path, level)

    def _elements(self, entry: Field, place: str, path: str, level: int) -> None:
        sheet = self.sheet
        size = element_size_min(entry, self.version, self.flexible)
        if self.flexible:
            sheet.line("n -= 1")
        # Numbers take about as much memory as they took bytes; structs and strings take up to fifty times as much, so
        # all those of a message share one bound.
        is_fixed = entry.struct is None and entry.base in CODES
        room = str(ELEMENTS_MAX) if is_fixed else "room"
        with sheet.block(f"if n > {room} or n * {size} > end - pos:"):
            self._raise(f"an array of {{n}} elements announced, {{end - pos}} bytes left and room for {{{room}}}")
        if is_fixed:
            self._fixed_elements(entry.base, place)
            return
        sheet.line("room -= n")
        sheet.line(f"{place} = items{level + 1} = []")
        with sheet.at(f"{path}[<{level + 1}>]"), sheet.block(f"for i{level + 1} in range(n):"):
            if entry.struct is not None:
                self._struct(entry.struct, f"o{level + 1}", f"{path}[<{level + 1}>].", level + 1)
                self._flush()
                sheet.line(f"items{level + 1}.append(o{level + 1})")
            else:
                self._scalar(entry, False, lambda value: f"items{level + 1}.append({value})", "")

    def _fixed_elements(self, base: str, place: str) -> None:
        """Reads an array of numbers or uuids at once."""
        size = SIZES[base]
        if base == "uuid":
            self.sheet.line(f"{place} = [bytes(buf[at:at + 16]) for at in range(pos, pos + n * 16, 16)]")
        else:
            some, many = self.sheet.repeaters("take_", CODES[base])
            self.sheet.line(
                f"{place} = list({some}[n](buf, pos) if n < {FEW} else {many}(f'>{{n}}{CODES[base]}', buf, pos))"
            )
        self.sheet.line(f"pos += n * {size}" if size > 1 else "pos += n")

    def _tags(self, owner: Struct, target: str, path: str, level: int) -> None:
        """Reads the tag section: known fields in place, unknown ones skipped."""
        known = tagged(owner, self.version)
        self._take("n", "B")
        self._flush()
        with self.sheet.block("if n:"):
            if not known:
                self.sheet.line("pos = skip_tags(buf, pos, n, end)")
                return
            self.nested_tags += 1
            self._known_tags(known, target, path, level, str(self.nested_tags))
            self.nested_tags -= 1

    def _known_tags(self, known: list[Field], target: str, path: str, level: int, mark: str) -> None:
        sheet = self.sheet
        with sheet.block("if n > 127:"):
            sheet.line("n, pos = decode_unsigned(buf, pos - 1)")
        with sheet.block("if n * 2 > end - pos:"):
            self._raise("{n} tagged fields announced, {end - pos} bytes left")
        with sheet.block("for _ in range(n):"):
            for name in ("tag", "n"):
                sheet.line(f"{name} = buf[pos]")
                sheet.line("pos += 1")
                with sheet.block(f"if {name} > 127:"):
                    sheet.line(f"{name}, pos = decode_unsigned(buf, pos - 1)")
            sheet.line(f"edge{mark} = pos + n")
            with sheet.block(f"if edge{mark} > end:"):
                self._raise("a tagged field of {n} bytes announced, {end - pos} left")
            word = "if"
            for entry in known:
                with sheet.block(f"{word} tag == {entry.tag}:"):
                    self._field(entry, target, path, level)
                    self._flush()
                word = "elif"
            with sheet.block("else:"):
                sheet.line(f"pos = edge{mark}")
            with sheet.block(f"if pos != edge{mark}:"):
                self._raise(f"tagged field {{tag}} should end at byte {{edge{mark}}}", formatted=True)

    def _take(self, expression: str, code: str) -> None:
        """Adds a value to the run that one unpack_from will read."""
        self.run.append(Slot(expression, code, self.sheet.path))

    def _flush(self) -> None:
        """Writes the open run."""
        if not self.run:
            return
        run, self.run = tuple(self.run), []
        codes = "".join(slot.code for slot in run)
        size = struct.calcsize(">" + codes)
        if codes == "B":
            self.sheet.line(f"{run[0].expression} = buf[pos]", run)
        else:
            names = ", ".join(slot.expression for slot in run) + ("," if len(run) == 1 else "")
            self.sheet.line(f"{names} = {self.sheet.packer('take_', codes)}(buf, pos)", run)
        self.sheet.line(f"pos += {size}")

    def _raise(self, text: str, formatted: bool = True) -> None:
        self.sheet.line(f"raise Malformed(f{text!r})" if formatted and "{" in text else f"raise Malformed({text!r})")
