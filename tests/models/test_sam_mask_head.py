"""The mask head computes what segment_anything's decoder computes."""

import pytest
import torch
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import Registry
from segment_anything.modeling import MaskDecoder

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

pytestmark = pytest.mark.usefixtures('device')


def decode(forward, head, image, dense, multimask_output):
    """Return logits, IoU, and the gradients of image and parameters."""
    image = image.clone().requires_grad_()
    generator = torch.Generator(torch.get_default_device()).manual_seed(1)
    tokens = torch.randn(3, 2, 32, dtype=torch.float64, generator=generator)
    position = torch.randn(1, 32, 4, 6, dtype=torch.float64,
                           generator=generator)
    logits, iou = forward(
        head, image_embeddings=image, image_pe=position,
        sparse_prompt_embeddings=tokens, dense_prompt_embeddings=dense,
        multimask_output=multimask_output)
    trained = {name: parameter for name, parameter in head.named_parameters()
               if parameter.requires_grad}
    weights = torch.linspace(-1, 1, logits.numel(), dtype=torch.float64)
    grads = torch.autograd.grad((logits.flatten() * weights).sum(),
                                [image, *trained.values()],
                                allow_unused=True, materialize_grads=True)
    return logits, iou, dict(zip(['image', *trained], grads, strict=True))


@pytest.mark.parametrize('multimask_output', [False, True])
@pytest.mark.parametrize('is_shared', [True, False])
def test_equals_segment_anything(is_shared, multimask_output):
    """The test is in float64, forward and backward, on an oblong map."""
    torch.manual_seed(0)
    head = MODELS.build(dict(type='SAMMaskHead', embed_dims=32, num_heads=4,
                             mlp_dims=48)).double()
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    image = torch.randn(1, 32, 4, 6, dtype=torch.float64)
    dense = torch.randn(1 if is_shared else 3, 32, 4, 6, dtype=torch.float64)
    found, wanted = (
        decode(forward, head, image, dense, multimask_output)
        for forward in (type(head).forward, MaskDecoder.forward))
    assert found[0].shape == (3, 3 if multimask_output else 1, 16, 24)
    assert wanted[0].std() > 0.01
    torch.testing.assert_close(found[:2], wanted[:2])
    for name, gradient in wanted[2].items():
        torch.testing.assert_close(
            found[2][name], gradient, rtol=1e-6, atol=1e-9,
            msg=lambda text, name=name: f'{name}: {text}')


def test_all_masks_are_the_single_one_and_the_three():
    torch.manual_seed(0)
    head = MODELS.build(dict(type='SAMMaskHead', embed_dims=32, num_heads=4,
                             mlp_dims=48))
    arguments = (torch.randn(1, 32, 4, 6), torch.randn(1, 32, 4, 6),
                 torch.randn(3, 2, 32), torch.randn(1, 32, 4, 6))
    with torch.no_grad():
        found = head.decode_masks(*arguments)
        single, three = (head(*arguments, multimask_output=several)
                         for several in (False, True))
    for every, one, others in zip(found, single, three, strict=True):
        torch.testing.assert_close(every, torch.cat([one, others], dim=1))


def build_with(*losses):
    return MODELS.build(dict(type='SAMMaskHead', embed_dims=32, num_heads=4,
                             mlp_dims=48, loss=losses))


def test_every_loss_of_the_list_counts_under_its_name():
    logits = torch.randn(2, 1, 8, 8)
    targets = torch.randint(0, 2, (2, 1, 8, 8)).float()
    found = build_with(
        dict(type='DiceLoss'),
        dict(type='DiceLoss', loss_weight=3., loss_name='loss_dice_3'),
        dict(type='BinaryCrossEntropyLoss')).loss(
            logits, torch.ones(2, 1), targets)
    assert list(found) == ['loss_DiceLoss', 'loss_dice_3',
                           'loss_BinaryCrossEntropyLoss']
    torch.testing.assert_close(found['loss_dice_3'],
                               3 * found['loss_DiceLoss'])


@pytest.fixture
def other_package():
    """A package whose losses name themselves, as mmseg's do."""
    registry = Registry('model', parent=MMENGINE_MODELS, scope='other')

    @registry.register_module()
    class DiceLoss(torch.nn.Module):

        loss_name = 'loss_dice'

        def forward(self, logits, targets):
            return (logits - targets).abs().mean()

    yield
    MMENGINE_MODELS.children.pop('other')


@pytest.mark.usefixtures('other_package')
def test_a_loss_of_another_package_stands_beside_ours():
    logits, targets = torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    found = build_with(dict(type='DiceLoss'), dict(type='other.DiceLoss'),
                       dict(type='other.DiceLoss', loss_name='loss_l1')
                       ).loss(logits, torch.ones(2, 1), targets)
    assert list(found) == ['loss_DiceLoss', 'loss_dice', 'loss_l1']
    assert found['loss_dice'] == found['loss_l1'] == 1


@pytest.mark.parametrize('losses, message', [
    ([dict(type='DiceLoss')] * 2, "found 'loss_DiceLoss' twice"),
    ([dict(type='DiceLoss', loss_name='loss_a'),
      dict(type='BinaryCrossEntropyLoss', loss_name='loss_a')],
     "found 'loss_a' twice"),
    ([dict(type='DiceLoss', loss_name='dice')],
     "begins with loss_, found 'dice'"),
    ([dict(type='DiceLoss', loss_name='loss_a.b')], "found 'loss_a.b'"),
])
def test_names_that_would_hide_a_loss_are_refused(losses, message):
    with pytest.raises(InputError, match=message) as caught:
        build_with(*losses)
    assert '\n' not in str(caught.value)


def test_the_whole_decoder_can_count_as_trained():
    """The release trains it; what no loss reaches keeps its weights."""
    small = dict(type='SAMMaskHead', embed_dims=32, num_heads=4, mlp_dims=48)
    head = MODELS.build(dict(small, train_all=True))
    assert all(parameter.requires_grad for parameter in head.parameters())
    frozen = {name.rpartition('.layers.')[0] for name, parameter
              in MODELS.build(small).named_parameters()
              if not parameter.requires_grad}
    assert frozen == {'iou_prediction_head', *(
        f'output_hypernetworks_mlps.{i}' for i in (1, 2, 3))}
