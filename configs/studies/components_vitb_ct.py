# The paper's ablation on SAM's ViT-B with the paper's recipe.
_base_ = './components_tinyvit_ct.py'
title = "The paper's components, ViT-B"
config = 'configs/dbsam_vitb_ct.py'
options = {'max_epochs': 20}
