"""Fetching a public data set to a folder that can be prepared."""

import json
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.archives import require_space, unpack
from mmdbsam.io.atomic import staged_folder, write_text
from mmdbsam.io.locks import locked
from mmdbsam.preparation.public.public_set import PublicSet
from mmdbsam.weights.downloads import download_file

#: What a fetched folder was made from.
RECORD = 'fetched.json'


def fetch_public(name: str, public: PublicSet, dest: Path) -> bool:
    """Fetch a public data set, and unpack it whole or not at all.

    An interrupted download goes on where it ended. The archive is removed once
    it is unpacked.

    Args:
        name: The set's name.
        public: The set.
        dest: The folder to write.

    Returns:
        bool: True if the set was fetched, False if it was already there.

    Raises:
        InputError: If the set has no address, if it cannot be downloaded or
            unpacked, if its content is another, if the disk is too small, or
            if the folder holds something else.
    """
    if public.url is None:
        raise InputError(f'{name}: expected a set with an address, found that '
                         f'it has none. {public.note}')
    record = dict(name=name, url=public.url, checksum=str(public.checksum))
    if _read(dest / RECORD) == record:
        return False
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise InputError(f'{dest}: expected a new or empty folder or a '
                         f'complete {name}, found something else; remove it '
                         'or name another folder')
    archive = dest.with_name(f'{dest.name}.{public.url.rsplit(".", 1)[1]}')
    with locked(archive):
        # Another process may have fetched it while this one waited.
        if _read(dest / RECORD) == record:
            return False
        if not archive.exists() or not _is(archive, public):
            require_space(dest.parent, int(2e9 * public.gigabytes), name)
            download_file(public.url, archive, public.checksum)
        with staged_folder(dest) as folder:
            unpack(archive, folder, public.max_bytes)
            write_text(folder / RECORD, json.dumps(record, indent=1))
            # A process that is killed here fetches it again; one that was
            # killed later would leave it for good.
            archive.unlink()
    return True


def _is(archive: Path, public: PublicSet) -> bool:
    """Whether an archive that a stopped run left is the set's.

    Without a checksum, only a complete download has the archive's name.
    """
    return (public.checksum is None
            or public.checksum.of(archive) == public.checksum)


def _read(path: Path) -> dict | None:
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None
