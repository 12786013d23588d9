"""Pictures of samples and of predictions."""

from mmdbsam.visualization.contact_sheet import (
    Tile,
    draw_contact_sheet,
    draw_prompts,
    label_colour,
)
from mmdbsam.visualization.overlay import draw_overlay

__all__ = [
    'Tile', 'draw_contact_sheet', 'draw_overlay', 'draw_prompts',
    'label_colour'
]
