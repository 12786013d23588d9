"""Shows the samples of a data set, and the statistics of its labels."""

from mmdbsam.reports.browse.label_statistics import (
    label_statistics,
    print_statistics,
)
from mmdbsam.reports.browse.page import require_own_folder, write_browse_page
from mmdbsam.reports.browse.samples import draw_sample, spread

__all__ = [
    'draw_sample', 'label_statistics', 'print_statistics',
    'require_own_folder', 'spread', 'write_browse_page',
]
