"""The blocks of DB-SAM; importing this registers all of them."""

from mmdbsam.models.adapters import *  # noqa: F403
from mmdbsam.models.backbones import *  # noqa: F403
from mmdbsam.models.encoders import *  # noqa: F403
from mmdbsam.models.fusions import *  # noqa: F403
from mmdbsam.models.heads import *  # noqa: F403
from mmdbsam.models.losses import *  # noqa: F403
from mmdbsam.models.necks import *  # noqa: F403
from mmdbsam.models.segmentors import *  # noqa: F403
from mmdbsam.models.stems import *  # noqa: F403
