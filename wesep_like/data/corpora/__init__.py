"""Corpora as they are published -> data folders of manifests; one file a corpus layout.

A new corpus is a class that says what its options are and what its sound files become, and a line
in `CORPORA`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from wesep_like.config.atomic import make_folder
from wesep_like.config.sections import nearest, read_section
from wesep_like.data.corpora.base import Corpus, Progress, scan, write_contents
from wesep_like.data.corpora.folder import Folder
from wesep_like.data.corpora.kaldi import Kaldi
from wesep_like.data.corpora.libri2mix import Libri2Mix
from wesep_like.data.corpora.librispeech import LibriSpeech
from wesep_like.data.corpora.mini import Mini
from wesep_like.data.corpora.musan import Musan
from wesep_like.data.corpora.rirs import Rirs
from wesep_like.data.corpora.voxceleb import VoxCeleb
from wesep_like.errors import ConfigError, ManifestError

__all__ = ["CORPORA", "Prepared", "prepare", "unknown_corpus"]


CORPORA: Mapping[str, type[Corpus]] = {
    "libri2mix": Libri2Mix,
    "librispeech": LibriSpeech,
    "voxceleb": VoxCeleb,
    "musan": Musan,
    "rirs": Rirs,
    "mini": Mini,
    "folder": Folder,
    "kaldi": Kaldi,
}


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Args:
        folder: The data folder.
        num_records: Of each file of records or lines, by its path in the data folder.
        num_skipped: Sound files that could not be read.
    """

    folder: Path
    num_records: Mapping[str, int]
    num_skipped: int


def prepare(
    name: str,
    root: str | Path,
    output: str | Path,
    *,
    progress: Progress | None = None,
    **options: object,
) -> Prepared:
    """The data folder `output` indexes the corpus at `root`; no sound is copied.

    Sound files that cannot be read are left out, with a warning that names them. Each file of the
    data folder appears whole or not at all, and is the same for the same corpus and options. Paths
    in it to what is below `root` are relative if one of the two folders is in the other, so that
    they can be moved together; else absolute.

    Args:
        name: One of `CORPORA`.
        root: Where the corpus is.
        output: The data folder; made if need be, older files of it are replaced.
        progress: Called with the number of sound files read and of all.
        **options: Those of the corpus, such as a seed.

    Raises:
        ConfigError: If there is no such corpus, or it has no such options.
        ManifestError: If the corpus is not laid out as it should be, or nothing in it can be read.
        OutputError: If the data folder cannot be written.
    """
    if name not in CORPORA:
        raise unknown_corpus(name, CORPORA)
    corpus = read_section(CORPORA[name], options, "")
    root, folder = Path(root), Path(output)
    if not root.is_dir():
        raise ManifestError(f"{root}: there is no such folder. Give the folder of the corpus")
    make_folder(folder)
    root = root.resolve()
    paths = corpus.find(root)
    sounds = scan(paths, corpus.look, progress)
    if not sounds:
        found = f"{len(paths)} sound files and none can be read" if paths else "no sound files"
        raise ManifestError(f"{root}: has {found}. Give the folder of the corpus")
    contents = corpus.index(root, sounds)
    write_contents(folder, root, contents)
    return Prepared(
        folder,
        {file: len(c) for file, c in contents.items() if not isinstance(c, Mapping)},
        len(paths) - len(sounds),
    )


def unknown_corpus(name: str, known: Collection[str]) -> ConfigError:
    """The error that says so, and which name is near."""
    return ConfigError(
        f"corpus: none is called {name!r}{nearest(name, known)}. Known: {', '.join(known)}"
    )
