# SAM as released: tools/test.py it with checkpoints/sam_vit_b_01ec64.pth.
_base_ = './medsam_decoder_vitb_ct.py'
