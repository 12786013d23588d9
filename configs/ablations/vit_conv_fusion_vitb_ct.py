# Row 4 of the paper's ablation: + the ViT-conv fusion, the whole of DB-SAM.
_base_ = '../dbsam_vitb_ct.py'
