# In MONAI 1.1 the cross-entropy of a single channel is 0, which leaves Dice.
_base_ = './dbsam_vitb_slurm_medsam30.py'
model = dict(mask_head=dict(loss=[dict(type='DiceLoss')]))
