"""Where pixels and voxels lie."""
