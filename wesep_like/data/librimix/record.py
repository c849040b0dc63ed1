"""What a set of a LibriMix tree was made from: so that it is gone on with, and never mixed up.

`metadata/made_SET.jsonl` has a line for each mixture of which all files are there. Lines are added
while a set is made; at its end the file is written anew, in the order of the metadata.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from wesep_like.config.atomic import make_folder
from wesep_like.data.json_lines import write_json_lines
from wesep_like.data.librimix.layout import KINDS, SetFolder
from wesep_like.data.librimix.metadata import MetadataRow
from wesep_like.data.text_lines import numbered_lines
from wesep_like.errors import OutputError

# Of what is made of a line of metadata. To be raised when files would come out differently.
_VERSION = 1
_WAV_HEADER_BYTES, _SAMPLE_BYTES = 44, 2


@dataclass(frozen=True)
class MadeMixture:
    """One mixture that is there.

    Attributes:
        id: Its mixture_ID.
        made_from: Digest of its line of the metadata.
        num_samples: Of each of its files.
        levels: Of each kind of mixture that was made, as `tables.TableRow` has them.
    """

    id: str
    made_from: str
    num_samples: int
    levels: Mapping[str, Mapping[str, float]]


class SetRecord:
    """The record of one set, claimed for lines of metadata.

    Args:
        folder: Of the set.
        rows: What it is made from; more than there were before is right.
        kinds: Of the mixtures that are to be made. There are folders for them afterwards.

    Raises:
        OutputError: If the set was made from other metadata or by someone else, or nothing can be
            written there.
    """

    def __init__(
        self, folder: SetFolder, rows: Sequence[MetadataRow], kinds: Sequence[str]
    ) -> None:
        self.folder = folder
        self._kinds = kinds
        self._path = folder.tables / f"made_{folder.set_name}.jsonl"
        if folder.path.exists() and not self._path.exists():
            raise OutputError(
                f"{folder.path}: is there, and nothing tells what it was made from. "
                "Give another folder, or remove it"
            )
        self._made_from = {row.mixture_id: digest(row) for row in rows}
        self._made = self._read()
        for made in self._made.values():
            if self._made_from.get(made.id) != made.made_from:
                file = rows[0].where.rpartition(":")[0]
                raise OutputError(
                    f"{folder.path}: was made from other metadata than {file}, see mixture "
                    f"{made.id!r}. Give another folder, or remove it and {self._path}"
                )
        make_folder(folder.tables)
        self.write()
        for signal in folder.signals(kinds):
            make_folder(folder.path / signal)

    def find(self, mixture_id: str) -> MadeMixture | None:
        """A mixture, if it is there: recorded with all kinds, each file as long as it should be."""
        made = self._made.get(mixture_id)
        if made is None or not set(self._kinds) <= set(made.levels):
            return None
        num_bytes = _WAV_HEADER_BYTES + _SAMPLE_BYTES * made.num_samples
        files = (self.folder.file(signal, made.id) for signal in self.folder.signals(self._kinds))
        return made if all(_size(file) == num_bytes for file in files) else None

    def add(
        self, row: MetadataRow, num_samples: int, levels: Mapping[str, Mapping[str, float]]
    ) -> None:
        """Records a mixture as made; call it when its files are there."""
        made = MadeMixture(row.mixture_id, self._made_from[row.mixture_id], num_samples, levels)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(made)) + "\n")
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written ({error.strerror})") from error
        self._keep(self._made, made)

    def write(self) -> None:
        """Writes the whole record anew, in the order of the metadata."""
        known = (self._made.get(name) for name in self._made_from)
        write_json_lines(self._path, [made for made in known if made is not None])

    def _read(self) -> dict[str, MadeMixture]:
        made: dict[str, MadeMixture] = {}
        if self._path.exists():
            for _, line in numbered_lines(self._path.read_text(encoding="utf-8")):
                try:
                    self._keep(made, MadeMixture(**json.loads(line)))
                except (ValueError, TypeError):
                    continue  # was being written when the computer went down
        return made

    @staticmethod
    def _keep(made: dict[str, MadeMixture], new: MadeMixture) -> None:
        """A mixture that is made again keeps the kinds that were made before."""
        before = made.get(new.id)
        levels = {**({} if before is None else before.levels), **new.levels}
        in_order = {kind: levels[kind] for kind in KINDS if kind in levels}
        made[new.id] = replace(new, levels=in_order)


def digest(row: MetadataRow) -> str:
    """What stands for all that the samples of a mixture depend on, but for the recordings."""
    about = [_VERSION, row.mixture_id, [asdict(source) for source in row.sources]]
    about.append(None if row.noise is None else asdict(row.noise))
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
