"""The blocks of transformers against their definitions, and what attention counts."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from workbench.networks.autoformer import FARTHEST, distances, patch_of
from workbench.networks.counting import count_built, count_module
from workbench.networks.elastic_decoder import LookBack
from workbench.networks.flexibert import SpanConvolution, cosine, fourier
from workbench.networks.transformers import AttentionHeads, DotProduct, PlanePositions, RelativePositions, feed_forward


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def heads(dim: int, n_heads: int, head_dim: int) -> AttentionHeads:
    return AttentionHeads(dim, n_heads, head_dim, DotProduct(head_dim))


def test_attention_heads_compute_what_torchs_own_attention_computes() -> None:
    own = nn.Sequential(heads(12, 3, 4), nn.Linear(12, 12))
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight, theirs.in_proj_bias = own[0].qkv.weight, own[0].qkv.bias
    theirs.out_proj.weight, theirs.out_proj.bias = own[1].weight, own[1].bias
    x = torch.randn(2, 5, 12)
    torch.testing.assert_close(own(x), theirs(x, x, x)[0])


def test_a_learned_matrix_stands_between_queries_and_keys_when_weighted() -> None:
    weighted, plain = DotProduct(4, weighted=True), DotProduct(4)
    queries, keys = torch.randn(2, 1, 2, 5, 4)
    assert weighted.weight is not None
    torch.testing.assert_close(weighted(queries, keys), plain(queries @ weighted.weight, keys))


def test_relative_positions_are_one_vector_for_each_pair_of_places() -> None:
    index = torch.randint(0, 7, (5, 5))
    relative = RelativePositions(index, 7, 4)
    between = relative.vectors[index]  # (L, L, d), which the block itself never makes
    queries, weights = torch.randn(2, 3, 5, 4), torch.rand(2, 3, 5, 5)
    torch.testing.assert_close(relative.scores(queries), torch.einsum("nhid,ijd->nhij", queries, between))
    torch.testing.assert_close(relative.values(weights), torch.einsum("nhij,ijd->nhid", weights, between))


def test_positions_in_a_plane_add_those_of_rows_and_columns() -> None:
    plane = PlanePositions(*distances(2, 3), 2 * FARTHEST + 2, 4)
    queries, weights = torch.randn(1, 2, 7, 4), torch.rand(1, 2, 7, 7)
    torch.testing.assert_close(plane.scores(queries), plane.rows.scores(queries) + plane.columns.scores(queries))
    torch.testing.assert_close(plane.values(weights), plane.rows.values(weights) + plane.columns.values(weights))


def test_distances_of_patches_are_clipped_and_the_class_token_has_its_own() -> None:
    rows, columns = distances(2, 3)
    assert rows[0].tolist() == columns[:, 0].tolist() == [0] * 7
    assert rows[1, 1:].tolist() == [15, 15, 15, 16, 16, 16]
    assert columns[1, 1:].tolist() == [15, 16, 17, 15, 16, 17]
    assert columns[6, 1:].tolist() == [13, 14, 15, 13, 14, 15]
    far = distances(40, 1)[0]
    assert (int(far.min()), int(far[1:, 1:].min()), int(far.max())) == (0, 1, 29)


@pytest.mark.parametrize(("side", "patch"), [(224, 16), (112, 16), (64, 4), (32, 4), (28, 4), (16, 2), (8, 2), (1, 1)])
def test_smaller_images_take_smaller_patches(side: int, patch: int) -> None:
    assert patch_of((3, side, side)) == patch
    assert patch_of((3, side, 2 * side)) == patch


def test_transforms_are_those_of_numpy_and_scipy() -> None:
    for shape in ((2, 6, 8), (1, 5, 7)):
        x = torch.randn(shape)
        np.testing.assert_allclose(fourier(x), np.fft.fft2(x).real, atol=1e-4)
        np.testing.assert_allclose(cosine(x), scipy.fft.dctn(x.numpy(), axes=(1, 2)), atol=1e-3)


def test_a_span_convolution_weighs_each_window_with_a_kernel_of_its_own() -> None:
    mixing = SpanConvolution(heads(8, 2, 2), 8, 2, kernel=3)
    x = torch.randn(1, 6, 8)
    queries = mixing.heads.project(x)[0]
    spans = mixing.spans(x.transpose(1, 2)).transpose(1, 2) * queries.transpose(1, 2).flatten(2)
    kernels = mixing.kernels(spans).view(6, 2, 3).softmax(-1)
    entries = nn.functional.pad(mixing.values(x)[0], (0, 0, 1, 1)).view(8, 2, 2)
    convolved = torch.stack(
        [sum(kernels[i, h, k] * entries[i + k, h] for k in range(3)) for i in range(6) for h in range(2)]
    )
    expected = torch.cat([mixing.heads(x)[0], convolved.view(6, 4)], dim=1)
    torch.testing.assert_close(mixing(x)[0], expected)


def test_rotary_scores_depend_on_the_distance_and_never_look_ahead() -> None:
    look_back = LookBack(6, 4)
    query, key = torch.randn(2, 4)
    scores = look_back(query.expand(1, 1, 6, 4), key.expand(1, 1, 6, 4))[0, 0]
    assert torch.isneginf(scores[~torch.ones(6, 6).tril().bool()]).all()
    for distance in range(6):
        along = scores.diagonal(-distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))
    torch.testing.assert_close(scores[0, 0], query @ key / 2)
    assert not torch.isclose(scores[1, 0], scores[0, 0])


def test_feed_forward_stacks_are_linear_layers_with_gelu_between() -> None:
    kinds = [type(layer) for layer in feed_forward(8, 16, 32)]
    assert kinds == [nn.Linear, nn.GELU, nn.Linear, nn.GELU, nn.Linear]
    assert count_module(feed_forward(8, 16, 32), (8,)).macs == 8 * 16 + 16 * 32 + 32 * 8


# -- counting --------------------------------------------------------------------------------------------------


class Fused(nn.Module):
    """Two heads through torch's fused attention."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        queries, keys, values = self.qkv(x).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        return nn.functional.scaled_dot_product_attention(queries, keys, values)


def encoder() -> nn.Module:
    layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


@pytest.mark.parametrize(
    ("make", "shape", "macs"),
    [
        (lambda: heads(12, 3, 4), (5, 12), 5 * 12 * 36 + 2 * 5 * 5 * 12),
        (Fused, (5, 8), 5 * 8 * 24 + 2 * 5 * 5 * 8),
        (encoder, (10, 32), 2 * (10 * 32 * (96 + 32 + 2 * 64) + 2 * 10 * 10 * 32)),
    ],
    ids=["ours", "fused", "torch"],
)
def test_attention_counts_its_two_products(make, shape: tuple[int, ...], macs: int) -> None:
    assert count_module(make(), shape).macs == macs
    assert count_built(make, shape).macs == macs


def test_relative_positions_count_their_products_with_each_vector() -> None:
    rows, columns = distances(2, 2)
    keys, values = (PlanePositions(rows, columns, 30, 4) for _ in range(2))
    model = AttentionHeads(8, 2, 4, DotProduct(4, keys), values)
    linear, products = 5 * 8 * 24, 2 * 5 * 5 * 8
    assert count_module(model, (5, 8)).macs == linear + products + 2 * 2 * (5 * 30 * 8)


def test_multiply_adds_are_half_of_what_torchs_flop_counter_says() -> None:
    model, x = nn.Sequential(heads(12, 3, 4), feed_forward(12, 20)), torch.zeros(1, 7, 12)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x)
    assert 2 * count_module(model, (7, 12)).macs == counter.get_total_flops()


def test_counting_lets_torch_fuse_again() -> None:
    for fused in (False, True):
        torch.backends.mha.set_fastpath_enabled(fused)
        count_module(encoder(), (10, 32))
        assert torch.backends.mha.get_fastpath_enabled() is fused


def test_a_model_of_inference_mode_counts_the_same() -> None:
    # There a layer reaches the counter whole, and not as the product that it is.
    expected = count_module(encoder(), (10, 32))
    with torch.inference_mode():
        assert count_module(encoder(), (10, 32)) == expected
