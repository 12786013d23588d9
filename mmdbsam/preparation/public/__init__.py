"""Public data sets that can be fetched by their names."""

from mmdbsam.preparation.public.fetching import fetch_public
from mmdbsam.preparation.public.public_set import PublicSet
from mmdbsam.preparation.public.table import PUBLIC_SETS

__all__ = ['PUBLIC_SETS', 'PublicSet', 'fetch_public']
