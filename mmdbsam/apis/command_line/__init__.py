"""What ``tools/infer.py`` adds to inference: prompts and results in files."""

from mmdbsam.apis.command_line.batch import find_images, is_batch, run_batch
from mmdbsam.apis.command_line.box_files import read_boxes
from mmdbsam.apis.command_line.jobs import Job, stamp
from mmdbsam.apis.command_line.outputs import ObjectRow, Outputs
from mmdbsam.apis.command_line.prompt_sources import PromptSources
from mmdbsam.apis.command_line.settings import Settings

__all__ = [
    'Job', 'ObjectRow', 'Outputs', 'PromptSources', 'Settings', 'find_images',
    'is_batch', 'read_boxes', 'run_batch', 'stamp'
]
