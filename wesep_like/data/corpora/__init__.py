"""Corpora as they are published -> data folders of manifests; one file a corpus layout.

A new corpus is a function from its sound files to the contents of a data folder, and a line in
`CORPORA`; a second function finds the files if they are not simply all below one folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from wesep_like.config.atomic import make_folder
from wesep_like.config.sections import nearest
from wesep_like.data.corpora.base import Index, Progress, find_sounds, scan, write_contents
from wesep_like.data.corpora.folder import index_folder
from wesep_like.data.corpora.kaldi import index_kaldi, listed_files
from wesep_like.data.corpora.mini import index_mini
from wesep_like.errors import ConfigError, ManifestError

__all__ = ["CORPORA", "Prepared", "prepare"]


@dataclass(frozen=True)
class Corpus:
    """A layout.

    Args:
        index: From sound files to the contents of a data folder.
        find: From the root to the sound files.
    """

    index: Index
    find: Callable[[Path], list[Path]] = find_sounds


CORPORA: Mapping[str, Corpus] = {
    "folder": Corpus(index_folder),
    "kaldi": Corpus(index_kaldi, listed_files),
    "mini": Corpus(index_mini),
}


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Args:
        folder: The data folder.
        num_records: Of each file that was written, by its path in the data folder.
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
    seed: int = 1,
    sample_rate: int = 16000,
    progress: Progress | None = None,
) -> Prepared:
    """The data folder `output` indexes the corpus at `root`; no sound is copied.

    Sound files that cannot be read are left out, with a warning that names them. Each file of the
    data folder appears whole or not at all, and is the same for the same corpus and seed. Paths in
    it to what is below `root` are relative if one of the two folders is in the other, so that they
    can be moved together; else absolute.

    Args:
        name: One of `CORPORA`.
        root: Where the corpus is.
        output: The data folder; made if need be, older files of it are replaced.
        seed: Of the fixed mixtures, and of the choice of speakers that are held out, in corpora
            that have these.
        sample_rate: Of the fixed mixtures, in Hz; those that are recorded keep theirs.
        progress: Called with the number of sound files read and of all.

    Raises:
        ConfigError: If there is no such corpus.
        ManifestError: If the corpus is not laid out as it should be, or nothing in it can be read.
        OutputError: If the data folder cannot be written.
    """
    if name not in CORPORA:
        known = ", ".join(CORPORA)
        raise ConfigError(
            f"corpus: none is called {name!r}{nearest(name, CORPORA)}. Known: {known}"
        )
    root, folder = Path(root), Path(output)
    if not root.is_dir():
        raise ManifestError(f"{root}: there is no such folder. Give the folder of the corpus")
    make_folder(folder)
    root = root.resolve()
    corpus = CORPORA[name]
    paths = corpus.find(root)
    sounds = scan(paths, progress)
    if not sounds:
        found = f"{len(paths)} sound files and none can be read" if paths else "no sound files"
        raise ManifestError(f"{root}: has {found}. Give the folder of the corpus")
    contents = corpus.index(root, sounds, seed, sample_rate)
    write_contents(folder, root, contents)
    return Prepared(
        folder,
        {file: len(records) for file, records in contents.items()},
        len(paths) - len(sounds),
    )
