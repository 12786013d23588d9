# LiteMedSAM as released: tools/test.py it with checkpoints/lite_medsam.pth.
_base_ = './lite_medsam_decoder_ct.py'
