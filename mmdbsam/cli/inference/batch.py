"""Segments the images of a folder, one after the other."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.cli.inference.jobs import AnyInferencer, Job
from mmdbsam.cli.inference.outputs import ObjectRow, read_rows, table
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import write_text
from mmdbsam.io.locks import locked
from mmdbsam.io.readers import Readers
from mmdbsam.io.readers.dicom_series import find_series
from mmdbsam.io.writers import Writers

TABLE = 'volumes.csv'
#: A shard's table; without --shard, the same command writes that of all.
SHARD_TABLE = 'volumes.{}.csv'


def is_batch(image: Path, out: Path) -> bool:
    """Say whether a path is a folder of images, not of one DICOM series.

    A folder of folders of DICOM files, as archives deliver them, can be
    either. It is one series if a single file is to be written.
    """
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if not image.is_dir() or (
            sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(image))):
        return False
    return not (names_file(out) and find_series(image))


def names_file(out: Path) -> bool:
    """Say whether a path is that of a file of results, not of a folder."""
    return out.is_file() or any(
        writer.stem(out) for writer in Writers().writers)


def find_images(folder: Path, leave_out: Path) -> dict[str, Path]:
    """Find the images of a folder, by the names of their cases.

    Args:
        folder: The folder, which holds files and folders of DICOM series.
        leave_out: A path within it that is no image.

    Raises:
        InputError: If there is no image, or two have the same name.
    """
    readers = Readers()
    images: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = readers.case_name(path)
        if not name or path.resolve() == leave_out.resolve():
            continue
        if name in images:
            raise InputError(f'{folder}: expected images of different names, '
                             f'found {images[name].name} and {path.name}')
        images[name] = path
    if not images:
        raise InputError(f'{folder}: expected images, found no '
                         f'{readers.expected}')
    return images


def run_batch(jobs: Sequence[Job], inferencer: AnyInferencer,
              folder: Path, shard: str | None = None) -> int:
    """Segment the images that are not done yet, and write a table of all.

    A problem with an image is printed, and the others are still segmented.

    Args:
        jobs: The images to segment.
        inferencer: The model.
        folder: The folder of the results.
        shard: Which part of all images these are, such as ``'2/8'``; its table
            then has a name of its own.

    Returns:
        int: The number of images that could not be segmented.
    """
    rows: list[ObjectRow] = []
    seconds: list[float] = []
    left_out = done = 0
    for i, job in enumerate(jobs, start=1):
        try:
            job.check()
            with locked(job.outputs.record):
                if job.is_done():
                    done += 1
                    rows += read_rows(job.outputs.record)
                    continue
                print(f'[{i}/{len(jobs)}] {job.name}', flush=True)
                report = job.run(inferencer)
            rows += report.rows
            seconds.append(report.seconds)
            print(report, flush=True)
        except InputError as error:
            left_out += 1
            print(f"problem: '{job.name}' left out: {error}", file=sys.stderr)
    path = folder / (SHARD_TABLE.format(shard.replace('/', '-of-')) if shard
                     else TABLE)
    write_text(path, table(rows))
    print(f'{len(seconds)} images segmented, {done} kept from before; table: '
          f'{path}')
    if seconds:
        print(f'time: {sum(seconds):.1f} s, {np.mean(seconds):.1f} s a case')
    return left_out
