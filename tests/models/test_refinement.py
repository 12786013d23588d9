"""Training in rounds of clicks that correct the last answer."""

import pytest
import torch
from devices import build_here
from mmengine.structures import InstanceData

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.errors import InputError
from mmdbsam.models.heads.sam_mask_head import mask_targets, true_iou
from mmdbsam.models.heads.sam_prompt_encoder import (
    ABSENT,
    BOTTOM_RIGHT,
    PADDING,
    TOP_LEFT,
    rough_mask_logits,
)
from mmdbsam.models.segmentors import refinement
from mmdbsam.models.segmentors.refinement import (
    Refinement,
    best_of_three,
    draw_clicks,
    edit_targets,
    prompt_set,
)
from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

SIDE = 128
pytestmark = pytest.mark.usefixtures('device')


@pytest.fixture
def build(tiny_cfg):
    """The tiny model without added blocks, trained with all prompts."""

    def build(rounds=2, multimask=False, click_radius=None):
        cfg = tiny_cfg.model
        cfg.image_encoder.update(adapter=None, stem=None, neck=None,
                                 fusion=None)
        cfg.prompt_encoder.update(
            trained_prompts=('boxes', 'points', 'masks'),
            click_radius=click_radius)
        cfg.mask_head.update(iou_loss=dict(type='PredictedIoULoss'),
                             trains_multimask=multimask)
        cfg.refinement = dict(rounds=rounds, multimask=multimask)
        torch.manual_seed(0)
        return build_here(cfg).train()

    return build


def mixed_sample(seed=0):
    """A box, a point, both, a rough mask with its box, and a scribble."""
    generator = torch.Generator(torch.get_default_device()).manual_seed(seed)
    corners = torch.rand(5, 2, 2, generator=generator).sort(dim=1)[0] * SIDE
    points = torch.rand(5, 4, 3, generator=generator) * SIDE
    points[..., 2] = -1
    points[1, 0, 2] = points[2, 0, 2] = 1
    points[4, :, 2] = 1
    masks = (torch.rand(5, SIDE, SIDE, generator=generator) < 0.3).byte()
    return PromptDataSample(
        metainfo=dict(img_shape=(96, SIDE)),
        prompts=InstanceData(
            boxes=corners.flatten(1), points=points,
            rough_masks=masks.roll(3, 2),
            has_box=torch.tensor([True, False, True, True, False]),
            has_mask=torch.tensor([False, False, False, True, True])),
        gt_instances=InstanceData(masks=masks))


def one_by_one(model, sample):
    """The objects' prompts as inference gives them, one dict for each."""
    prompts = sample.prompts
    for k in range(len(prompts)):
        kept = prompts.points[k, prompts.points[k, :, 2] >= 0]
        given = {}
        if prompts.has_box[k]:
            given['boxes'] = prompts.boxes[k:k + 1]
        if len(kept):
            given['points'] = kept[None, :, :2], kept[None, :, 2].long()
        if prompts.has_mask[k]:
            given['masks'] = rough_mask_logits(
                prompts.rough_masks[k:k + 1, None].float(),
                model.mask_input_size)
        yield given


with_and_without_discs = pytest.mark.parametrize('click_radius', [None, 3])


@with_and_without_discs
@torch.no_grad()
def test_prompts_of_all_kinds_together_are_decoded_as_each_alone(
        build, click_radius):
    model, sample = build(click_radius=click_radius), mixed_sample()
    embedding = torch.randn(1, 64, 16, 16)
    found = model._decode_set(
        embedding, prompt_set(sample.prompts, model.mask_input_size),
        slice(None))
    for k, given in enumerate(one_by_one(model, sample)):
        wanted = [torch.cat(pair, dim=1) for pair in zip(*(
            model.decode_prompts(embedding, **given, multimask_output=several)
            for several in (False, True)), strict=True)]
        for ours, theirs in zip(found, wanted, strict=True):
            torch.testing.assert_close(ours[k:k + 1], theirs, rtol=1e-4,
                                       atol=1e-5)


@with_and_without_discs
def test_the_gradient_is_that_of_a_plain_loop(build, monkeypatch,
                                              click_radius):
    """The loop decodes object by object with the public decoder."""
    model = build(rounds=2, click_radius=click_radius)
    sample = mixed_sample()
    image = torch.randn(1, 3, SIDE, SIDE)
    clicks = []

    def recorded(*args):
        clicks.append(draw_clicks(*args))
        return clicks[-1]

    monkeypatch.setattr(refinement, 'draw_clicks', recorded)
    torch.manual_seed(3)
    losses = model(image, [sample], mode='loss')
    parameters = {name: parameter for name, parameter
                  in model.named_parameters() if parameter.requires_grad}
    found = torch.autograd.grad(sum(losses.values()), parameters.values())
    assert len(clicks) == 1  # of two rounds, as one repeats
    torch.manual_seed(3)
    quiet = int(torch.randint(2, ()))

    embedding = model.encode_image(image)
    targets = mask_targets(sample.gt_instances.masks, model.mask_input_size)
    total = 0
    for k, given in enumerate(one_by_one(model, sample)):
        for turn in range(3):
            if turn and turn - 1 != quiet:
                click = [part[k:k + 1] for part in clicks[0]]
                old = given.get('points')
                given['points'] = click if old is None else tuple(
                    torch.cat(pair, dim=1)
                    for pair in zip(old, click, strict=True))
            logits, iou = model.decode_prompts(embedding, **given)
            given['masks'] = logits
            total = total + sum(model.mask_head.loss(
                logits, iou, targets[k:k + 1]).values())
    wanted = torch.autograd.grad(total / 15, parameters.values())
    for (name, _), ours, theirs in zip(parameters.items(), found, wanted,
                                       strict=True):
        torch.testing.assert_close(
            ours, theirs, rtol=1e-3, atol=1e-8 + 1e-4 * theirs.abs().max(),
            msg=lambda text, name=name: f'{name}: {text}')
    by_name = dict(zip(parameters, found, strict=True))
    for name in ('prompt_encoder.mask_downscaling.0.weight',
                 'prompt_encoder.no_mask_embed.weight',
                 'prompt_encoder.not_a_point_embed.weight',
                 'prompt_encoder.point_embeddings.1.weight',
                 'mask_head.iou_prediction_head.layers.0.weight'):
        assert by_name[name].any(), name


def test_every_round_counts_and_k_may_vary(build):
    model = build(rounds=3)
    first, second = mixed_sample(0), mixed_sample(1)
    second.prompts, second.gt_instances = (
        second.prompts[:2], second.gt_instances[:2])
    images = torch.randn(2, 3, SIDE, SIDE)
    seen = []
    loss = model.mask_head.loss
    model.mask_head.loss = lambda *args: seen.append(args) or loss(*args)
    found = model(images, [first, second], mode='loss')
    assert [len(logits) for logits, _, _ in seen] == [7] * 4
    for name in ('loss_DiceLoss', 'loss_BinaryCrossEntropyLoss', 'loss_iou'):
        torch.testing.assert_close(found[name], torch.stack(
            [loss(*args)[name] for args in seen]).mean())
    # The answers differ from round to round.
    assert len({args[0].sum().item() for args in seen}) == 4


def test_one_round_repeats_without_a_click(build, monkeypatch):
    model = build(rounds=3)
    lengths = []
    decode = model.mask_head.decode_masks

    def recorded(*args, **kwargs):
        lengths[-1].append(args[2].shape[1])
        return decode(*args, **kwargs)

    monkeypatch.setattr(model.mask_head, 'decode_masks', recorded)
    batch = model.data_preprocessor(random_batch(SIDE, 1, 2))
    for seed in range(12):
        torch.manual_seed(seed)
        lengths.append([])
        with torch.no_grad():
            model(**batch, mode='loss')
    grown = {tuple(b - a for a, b in zip(one, one[1:], strict=False))
             for one in lengths}
    assert grown == {(0, 1, 1), (1, 0, 1), (1, 1, 0)}


def test_a_single_round_has_a_click(build):
    assert build(rounds=1).refinement._clicks() == [True]
    assert build(rounds=0).refinement._clicks() == []


@pytest.mark.parametrize('shape', [(SIDE, SIDE), (96, SIDE), (SIDE, 50)])
def test_clicks_are_on_errors_within_the_image(shape):
    torch.manual_seed(0)
    logits = torch.randn(6, 1, 32, 32)
    targets = torch.rand(6, 1, 32, 32)
    targets[5] = (logits[5] > 0).float()  # no error
    for _ in range(50):
        place, labels = draw_clicks(logits, targets, shape, SIDE)
        assert place.shape == (6, 1, 2) and labels.shape == (6, 1)
        for k in range(5):
            x, y = ((place[k, 0] + 0.5) / 4).long().tolist()
            # A click is in the centre of a pixel of the logits.
            torch.testing.assert_close(
                place[k, 0], 4 * torch.tensor([x, y]) + 1.5)
            assert place[k, 0, 0] < shape[1] and place[k, 0, 1] < shape[0]
            wanted = bool(targets[k, 0, y, x] > 0.5)
            assert labels[k, 0] == wanted
            assert bool(logits[k, 0, y, x] > 0) != wanted
        assert labels[5, 0] == ABSENT


def test_deep_errors_are_clicked_more_often():
    """A square of 5 x 5 pixels has depths 1, 2 and 3, 35 altogether."""
    logits = torch.full((1, 1, 16, 16), -1.).repeat(7000, 1, 1, 1)
    targets = torch.zeros_like(logits)
    targets[:, :, 4:9, 6:11] = 1
    torch.manual_seed(0)
    place, labels = draw_clicks(logits, targets, (64, 64), 64)
    assert (labels == 1).all()
    x, y = ((place[:, 0] + 0.5) / 4).long().unbind(1)
    depth = 3 - torch.maximum((x - 8).abs(), (y - 6).abs())
    shares = torch.bincount(depth, minlength=4)[1:] / 7000
    torch.testing.assert_close(shares, torch.tensor([16., 16, 3]) / 35,
                               atol=0.03, rtol=0)


def test_the_best_of_three_counts_for_single_points_alone(build):
    model, sample = build(rounds=0, multimask=True), mixed_sample()
    prompts = prompt_set(sample.prompts, model.mask_input_size)
    assert prompts.is_ambiguous.tolist() == [False, True] + [False] * 3
    embedding = torch.randn(1, 64, 16, 16)
    logits, iou = model._decode_set(embedding, prompts, slice(None))
    answer, = model._answers(embedding, sample)
    targets = mask_targets(sample.gt_instances.masks, model.mask_input_size)
    best = best_of_three(logits, targets)
    dice = model.mask_head.losses['loss_DiceLoss']
    by_hand = torch.stack([dice(logits[1:2, m:m + 1], targets[1:2])
                           for m in (1, 2, 3)])
    assert best[1] == 1 + by_hand.argmin()
    chosen = [0, int(best[1]), 0, 0, 0]
    torch.testing.assert_close(answer.logits[:5], logits[:, :1])
    torch.testing.assert_close(answer.logits[5:, 0],
                               logits[torch.arange(5), chosen])
    torch.testing.assert_close(answer.iou[5:, 0],
                               iou[torch.arange(5), chosen])
    sum(model.mask_head.loss(*answer).values()).backward()
    reached = [bool(network.layers[0].weight.grad.any()) for network
               in model.mask_head.output_hypernetworks_mlps]
    assert reached == [m in (0, best[1]) for m in range(4)]


def test_multimask_training_needs_both_parts_of_the_config(build, tiny_cfg):
    tiny_cfg.model.refinement = dict(rounds=1, multimask=True)
    with pytest.raises(InputError, match='trains_multimask to be the same, '
                       'found True and False'):
        MODELS.build(tiny_cfg.model)


def test_the_predicted_iou_is_compared_with_the_true_one():
    logits = torch.tensor([[1., 1, -1, -1], [-1, -1, -1, -1]]).view(
        2, 1, 2, 2)
    targets = torch.tensor([[1., 0, 1, 0], [0, 0, 0, 0]]).view(2, 1, 2, 2)
    iou = true_iou(logits, targets)
    torch.testing.assert_close(iou, torch.tensor([[1 / 3], [0]]))
    loss = MODELS.build(dict(type='PredictedIoULoss', loss_weight=2.))
    torch.testing.assert_close(loss(iou + 0.5, iou), torch.tensor(0.5))


def test_the_tokens_of_a_box_and_of_a_point(build):
    labels = prompt_set(mixed_sample().prompts, (64, 64)).labels
    corners = [TOP_LEFT, BOTTOM_RIGHT]
    kinds = [sorted(row[row != ABSENT].tolist()) for row in labels]
    assert kinds == [corners, [PADDING, 1], [1, *corners], corners,
                     [PADDING, 1, 1, 1, 1]]


def test_an_edit_is_a_disc_on_the_object_or_beside_it():
    """Discs are cut out or added, near the object, in the given share."""
    targets = torch.zeros(200, 1, 64, 64)
    targets[:, :, 20:40, 20:40] = 1
    edited = edit_targets(targets, 0.5)
    changed = (edited != targets).flatten(1).sum(1)
    assert 60 < (changed > 0).sum() < 140
    # A disc of the area 400 has the radius 11.3; an edit has at most 0.6 of
    # it and 1.5 more.
    assert changed[changed > 0].min() >= 1
    assert changed.max() <= torch.pi * 8.3**2 * 1.1
    added = ((edited == 1) & (targets == 0)).flatten(1).any(1)
    cut = ((edited == 0) & (targets == 1)).flatten(1).any(1)
    assert added.sum() > 10 and cut.sum() > 10
    # Centres are at most 3 px outside, and the radius is at most 8.3.
    assert not edited[..., :8, :].any() and not edited[..., :, 52:].any()
    assert torch.equal(edit_targets(targets, 0.), targets)


def test_edits_change_the_wanted_mask_after_the_first_answer_alone(build):
    """The first answer's loss stays, and that of the rounds changes."""
    sample = mixed_sample()
    image = torch.randn(1, 3, SIDE, SIDE)
    seen = []
    for edits in (0., 1.):
        model = build(rounds=2)
        model.refinement.edits = edits
        torch.manual_seed(1)
        seen.append([answer.targets for answer in model._answers(
            model.encode_image(image), sample)])
    plain, edited = seen
    assert torch.equal(plain[0], edited[0])
    assert not torch.equal(plain[1], edited[1])
    assert torch.equal(edited[1], edited[2])


@pytest.mark.parametrize('name', ['edits', 'box_share'])
@pytest.mark.parametrize('share', [-0.1, 1.5])
def test_shares_are_in_0_to_1(name, share):
    with pytest.raises(InputError, match=f'{name}: .* found {share}'):
        Refinement(**{name: share})


def test_boxes_have_their_share_of_the_loss(build):
    """It is made of the losses of boxes alone and of the rounds."""
    sample, image = mixed_sample(), torch.randn(1, 3, SIDE, SIDE)
    boxes = mixed_sample()
    boxes.prompts = InstanceData(boxes=sample.prompts.boxes)

    def loss(sample, **kwargs):
        model = build(rounds=kwargs.pop('rounds', 2), click_radius=3)
        for name, value in kwargs.items():
            setattr(model.refinement, name, value)
        torch.manual_seed(1)
        return model(image, [sample], mode='loss')

    found = loss(sample, box_share=0.3, edits=0.5)
    of_boxes = loss(boxes, rounds=0)
    of_rounds = loss(sample, edits=0.5)
    for name, value in found.items():
        torch.testing.assert_close(
            value, 0.3 * of_boxes[name] + 0.7 * of_rounds[name])
