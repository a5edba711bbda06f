"""Random K-quant blocks, for the scripts that make tiny models. Imports nothing by itself: they clear sys.path first."""


def random_k_blocks(generator, kind, shape):
    """Blocks of random bits with sane scales: gguf-py reads K-quants but does not write them."""
    import gguf
    import numpy as np

    elements, size = gguf.GGML_QUANT_SIZES[kind]
    rows, columns = shape
    blocks = generator.integers(0, 256, (rows * columns // elements, size), dtype=np.uint8)
    scales = {"Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}[kind.name]
    spread = {"Q2_K": 0.003, "Q3_K": 0.0006, "Q4_K": 0.0002, "Q5_K": 0.00007, "Q6_K": 0.00003}[kind.name]
    for at in scales:
        values = (spread * (0.5 + generator.random(len(blocks)))).astype(np.float16)
        blocks[:, at:at + 2] = values.view(np.uint8).reshape(-1, 2)
    return blocks.reshape(rows, columns // elements * size)
