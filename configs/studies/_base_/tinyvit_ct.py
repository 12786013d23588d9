# The studies of DB-SAM on LiteMedSAM's TinyViT share this short training, so
# that a study takes minutes to hours on two cores. More seeds can be added
# later, and the runs that are done are kept.
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
