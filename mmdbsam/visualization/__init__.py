"""Pictures of samples and of predictions."""

from mmdbsam.visualization.contact_sheet import (
    Tile,
    draw_contact_sheet,
    draw_prompts,
)
from mmdbsam.visualization.mlflow_vis_backend import MLflowVisBackend
from mmdbsam.visualization.overlay import draw_overlay
from mmdbsam.visualization.prompt_visualizer import PromptVisualizer
from mmdbsam.visualization.volume_view import VolumeView

__all__ = [
    'MLflowVisBackend', 'PromptVisualizer', 'Tile', 'VolumeView',
    'draw_contact_sheet', 'draw_overlay', 'draw_prompts'
]
