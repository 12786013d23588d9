_base_ = './dbsam_vitb_ct.py'
