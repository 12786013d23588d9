"""What ``tools/infer.py`` adds to inference: prompts and results in files."""

from mmdbsam.cli.inference.batch import find_images, is_batch, run_batch
from mmdbsam.cli.inference.box_files import read_boxes
from mmdbsam.cli.inference.jobs import Job, stamp
from mmdbsam.cli.inference.outputs import ObjectRow, Outputs
from mmdbsam.cli.inference.prompt_sources import PromptSources
from mmdbsam.cli.inference.settings import Settings

__all__ = [
    'Job', 'ObjectRow', 'Outputs', 'PromptSources', 'Settings', 'find_images',
    'is_batch', 'read_boxes', 'run_batch', 'stamp'
]
