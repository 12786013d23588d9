"""The attention of SAM's mask decoder, among tokens and with the image.

A prompt has T tokens (7 for a box), and the image has N = h w positions, which
are thousands. ``segment_anything`` projects the image to queries, keys and
values for every prompt anew. Here the projections are moved to the tokens,
with d the channels of a head::

    q_t . (W_k x + b_k)  =  (W_k^T q_t) . x + q_t . b_k
    sum_x a_x (W_v x + b_v)  =  W_v (sum_x a_x x) + b_v     as sum_x a_x = 1

so that the image meets matrices of H T columns (56 for a box and H = 8 heads)
instead of H d (128), and no projection of it is stored. A map that all
prompts share stays one map. The parameters are those of
``segment_anything.modeling.transformer.Attention``, and so are the results.

Prompts of different lengths are decoded together by filling the shorter ones
up with absent tokens, which nothing attends to.
"""

from typing import Optional

import torch
from segment_anything.modeling.transformer import Attention
from torch import Tensor, nn


def tokens_attend_to_tokens(attention: Attention, queries: Tensor,
                            values: Tensor,
                            is_absent: Optional[Tensor] = None) -> Tensor:
    """Attend among the tokens of a prompt.

    Args:
        attention: The attention whose parameters are used.
        queries: The tokens whose projections are queries and keys, (n, T, C).
        values: The tokens whose projections are the values, (n, T, C).
        is_absent: The tokens that are not attended to, bool (n, T), if there
            are any.

    Returns:
        Tensor: The attended values, (n, T, C).
    """
    keys = _heads(attention.k_proj(queries), attention)
    queries = _heads(attention.q_proj(queries), attention)
    scores = queries * queries.shape[-1]**-0.5 @ keys.transpose(-1, -2)
    if is_absent is not None:
        scores = scores.masked_fill(is_absent[:, None, None], -torch.inf)
    values = _heads(attention.v_proj(values), attention)
    attended = scores.softmax(dim=-1) @ values
    return attention.out_proj(attended.transpose(1, 2).flatten(2))


def tokens_attend_to_image(attention: Attention, tokens: Tensor,
                           image_keys: Tensor,
                           image_values: Tensor) -> Tensor:
    """Attend with tokens as queries.

    Args:
        attention: The attention whose parameters are used.
        tokens: The queries, (n, T, C).
        image_keys: The map whose projections are the keys, (n, N, C), or
            (1, N, C) if the prompts share it.
        image_values: The map whose projections are the values, of the same
            shape.

    Returns:
        Tensor: The attended values, (n, T, C).
    """
    queries = _heads(attention.q_proj(tokens), attention)
    scores = _scores(attention, queries, attention.k_proj, image_keys)
    probabilities = scores.softmax(dim=-1)
    shared = probabilities.flatten(1, 2).view(
        image_values.shape[0], -1, image_values.shape[1])
    pooled = (shared @ image_values).view(*scores.shape[:3], -1)
    weight = attention.v_proj.weight.unflatten(0, (attention.num_heads, -1))
    values = pooled @ weight.transpose(1, 2)
    values = values.transpose(1, 2).flatten(2) + attention.v_proj.bias
    return attention.out_proj(values)


def image_attends_to_tokens(attention: Attention, image_queries: Tensor,
                            token_keys: Tensor,
                            token_values: Tensor,
                            is_absent: Optional[Tensor] = None) -> Tensor:
    """Attend with the positions of the image as queries.

    Args:
        attention: The attention whose parameters are used.
        image_queries: The map whose projections are the queries, (n, N, C),
            or (1, N, C) if the prompts share it.
        token_keys: The tokens whose projections are the keys, (n, T, C).
        token_values: The tokens whose projections are the values, (n, T, C).
        is_absent: The tokens that are not attended to, bool (n, T), if there
            are any.

    Returns:
        Tensor: The attended values, (n, N, C).
    """
    keys = _heads(attention.k_proj(token_keys), attention)
    scores = _scores(attention, keys, attention.q_proj, image_queries,
                     is_absent)
    probabilities = scores.softmax(dim=-2)
    values = _heads(attention.v_proj(token_values), attention)
    weight = attention.out_proj.weight.unflatten(1, (attention.num_heads, -1))
    values = values @ weight.permute(1, 2, 0)
    attended = probabilities.flatten(1, 2).transpose(1, 2) @ values.flatten(
        1, 2)
    return attended + attention.out_proj.bias


def _heads(tokens: Tensor, attention: Attention) -> Tensor:
    """Split tokens (n, T, H d) into heads, (n, H, T, d)."""
    return tokens.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)


def _scores(attention: Attention, tokens: Tensor, projection: nn.Linear,
            image: Tensor, is_absent: Optional[Tensor] = None) -> Tensor:
    """Scaled products of tokens (n, H, T, d) with the projected image.

    Returns:
        Tensor: The scores, (n, H, T, N); minus infinity for absent tokens.
    """
    tokens = tokens * tokens.shape[-1]**-0.5
    heads = attention.num_heads
    folded = tokens @ projection.weight.unflatten(0, (heads, -1))
    offset = (tokens * projection.bias.view(heads, 1, -1)).sum(-1)
    if is_absent is not None:
        offset = offset.masked_fill(is_absent[:, None], -torch.inf)
    maps = image.shape[0]
    scores = torch.baddbmm(offset.view(maps, -1, 1),
                           folded.reshape(maps, -1, image.shape[-1]),
                           image.transpose(1, 2))
    return scores.view(*tokens.shape[:3], -1)
