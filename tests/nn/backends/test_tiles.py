"""Reading in tiles against the plain reading of the mixer, in float64 where rounding is no excuse."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from genemamba.nn.backends.tiles import TILE_TOKENS, read_in_tiles
from genemamba.nn.mixer import Mixer


@pytest.mark.parametrize("seqlen", [1, 3, 64, 65, 300, 700], ids=lambda n: f"{n}-tokens")
@pytest.mark.parametrize("n_cells", [1, 3], ids=["one-cell", "three-cells"])
def test_tiles_of_any_number_equal_one_pass(seqlen, n_cells, trained_like):
    mixer = trained_like().mamba_mixer.layers[0].mamba.double()
    generator = torch.Generator().manual_seed(0)
    u_BLD = torch.randn(n_cells, seqlen, 48, generator=generator, dtype=torch.float64)
    lengths = torch.tensor([seqlen, max(1, seqlen // 3), 1])[:n_cells]
    mask_BL = torch.arange(seqlen) < lengths[:, None]
    expected = mixer.read_both(u_BLD, mask_BL)

    found = read_in_tiles(mixer, u_BLD, mask_BL)

    assert seqlen < 700 or n_cells * seqlen > 2 * TILE_TOKENS
    torch.testing.assert_close(found.forward, expected.forward, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found.backward, expected.backward, rtol=1e-9, atol=1e-9)


class _Allocated(TorchDispatchMode):
    """Adds up the bytes of every tensor that operations return anew."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        known = {storage.data_ptr() for storage in self._storages((args, kwargs))}
        for storage in self._storages(result):
            if storage.data_ptr() not in known:
                self.bytes += storage.nbytes()
        return result

    def _storages(self, tree):
        return [t.untyped_storage() for t in tree_leaves(tree) if isinstance(t, torch.Tensor)]


@pytest.mark.parametrize("read", [read_in_tiles, Mixer.read_both], ids=["tiles", "plain"])
def test_memory_grows_in_proportion_to_the_tokens(read, trained_like):
    mixer = trained_like().mamba_mixer.layers[0].mamba
    allocated = []
    for seqlen in (512, 4096):
        with torch.inference_mode(), _Allocated() as mode:
            read(mixer, torch.zeros(1, seqlen, 48), torch.ones(1, seqlen, dtype=torch.bool))
        allocated.append(mode.bytes / seqlen)

    assert allocated[1] == pytest.approx(allocated[0], rel=0.05)
