# What the studies on DB-SAM on LiteMedSAM's TinyViT have in common: a short
# training, so that a study takes minutes on two cores. More seeds can be added
# later; what is done stays.
config = 'configs/dbsam_tinyvit_ct.py'
seeds = [0]
options = {
    'max_epochs': 2,
    # The last checkpoint is tested; nothing is chosen on validation slices.
    'val_cfg': None,
    'val_dataloader': None,
    'val_evaluator': None,
    'default_hooks.checkpoint.save_best': None,
}
