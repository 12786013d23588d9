"""Pictures of predictions."""

from mmdbsam.visualization.overlay import draw_overlay

__all__ = ['draw_overlay']
