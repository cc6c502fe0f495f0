"""Operations of neural networks that run as one step."""

c_includes = ["mlx/c/fast_kernels.h"]
cpp_includes = ["core/checks.hpp", "cpu/ops/fused_ops.hpp"]

@c(
    "mlx_fast_rms_norm",
    "array x, array? weight, float eps",
    cpp=(
        "mlx_c::cpu::fuses_rms_norm({x}, {weight}, {s})"
        " ? mlx_c::cpu::rms_norm({x}, {weight}, {eps}, {s})"
        " : mlx::core::fast::rms_norm({x}, {weight}, {eps}, {s})"
    ),
)
def rms_norm(x: array, weight: array | None, eps: float, *, stream: StreamLike = None) -> array:
    """Root mean square normalisation of the last axis.

    The mean is computed in ``float32`` or better.

    Args:
        x: Floating-point array of shape ``(..., D)``.
        weight: Factors of shape ``(D,)``; ``None`` for none.
        eps: Small number added to the mean of squares.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``x``.

    Raises:
        ValueError: If ``x`` is a scalar or ``weight`` does not have shape ``(D,)``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fast.rms_norm(mx.array([3.0, -3.0]), None, 1e-5)
        array([0.999999, -0.999999], dtype=float32)

    See: MLX ``mlx.core.fast.rms_norm``; Zhang and Sennrich 2019, arXiv:1910.07467.
    """

@c(
    "mlx_fast_layer_norm",
    "array x, array? weight, array? bias, float eps",
    cpp=(
        "mlx_c::cpu::fuses_layer_norm({x}, {weight}, {bias}, {s})"
        " ? mlx_c::cpu::layer_norm({x}, {weight}, {bias}, {eps}, {s})"
        " : mlx::core::fast::layer_norm({x}, {weight}, {bias}, {eps}, {s})"
    ),
)
def layer_norm(
    x: array, weight: array | None, bias: array | None, eps: float, *, stream: StreamLike = None
) -> array:
    """Layer normalisation of the last axis.

    Args:
        x: Floating-point array of shape ``(..., D)``.
        weight: Factors of shape ``(D,)``; ``None`` for none.
        bias: Summands of shape ``(D,)``; ``None`` for none.
        eps: Small number added to the variance.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``x``.

    Raises:
        ValueError: If ``x`` is a scalar or weight or bias do not have shape ``(D,)``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fast.layer_norm(mx.array([1.0, 3.0]), None, None, 1e-5)
        array([-0.999995, 0.999995], dtype=float32)

    See: MLX ``mlx.core.fast.layer_norm``; Ba et al. 2016, arXiv:1607.06450.
    """

@c(
    "mlx_fast_cross_entropy",
    "array logits, array targets",
    cpp=(
        "mlx_c::cpu::fuses_cross_entropy({logits}, {targets}, {s})"
        " ? mlx_c::cpu::cross_entropy({logits}, {targets}, {s})"
        " : mlx::core::fast::cross_entropy({logits}, {targets}, {s})"
    ),
)
def cross_entropy(logits: array, targets: array, *, stream: StreamLike = None) -> array:
    """Cross-entropy of target classes under unnormalised log-probabilities.

    Args:
        logits: Floating-point array of shape ``(..., C)``.
        targets: Integer array of classes of shape ``(...)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``targets``.

    Raises:
        ValueError: If the shapes do not fit or ``targets`` is not of an integer type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fast.cross_entropy(mx.array([[0.0, 0.0]]), mx.array([1]))
        array([0.693147], dtype=float32)

    See: MLX ``mlx.core.fast.cross_entropy``.
    """

@c(
    "mlx_fast_rope",
    "array x, int dims, bool traditional, float? base, float scale, int offset, array? freqs",
    cpp=(
        "mlx_c::cpu::fuses_rope({x}, {dims}, {base}, {offset}, {freqs}, {s})"
        " ? mlx_c::cpu::rope("
        "{x}, {dims}, {traditional}, {base}, {scale}, {offset}, {freqs}, {s})"
        " : mlx::core::fast::rope("
        "{x}, {dims}, {traditional}, {base}, {scale}, {offset}, {freqs}, {s})"
    ),
    when="isinstance(offset, int)",
    x="a",
)
@c(
    "mlx_fast_rope_dynamic",
    "array x, int dims, bool traditional, float? base, float scale, array offset, array? freqs",
    cpp=(
        "mlx_c::cpu::fuses_rope({x}, {dims}, {base}, {offset}, {freqs}, {s})"
        " ? mlx_c::cpu::rope("
        "{x}, {dims}, {traditional}, {base}, {scale}, {offset}, {freqs}, {s})"
        " : mlx::core::fast::rope("
        "{x}, {dims}, {traditional}, {base}, {scale}, {offset}, {freqs}, {s})"
    ),
    x="a",
)
def rope(
    a: array,
    dims: int,
    *,
    traditional: bool,
    base: float | None,
    scale: float,
    offset: int | array,
    freqs: array | None = None,
    stream: StreamLike = None,
) -> array:
    """Rotary position embedding of the last axis.

    Args:
        a: Floating-point array of shape ``(B, ..., T, D)``.
        dims: How many of the ``D`` features are rotated.
        traditional: Rotate neighbouring features instead of the two halves.
        base: Base of the angular frequencies; ``None`` if ``freqs`` is given.
        scale: Factor of the positions.
        offset: Position of the first of ``T``: an integer, or an array with one for every batch.
        freqs: Periods of the rotations, ``(dims / 2,)``; ``None`` (default) to compute them.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of the shape of ``a``.

    Raises:
        ValueError: If the shapes do not fit or not exactly one of ``base`` and ``freqs`` is given.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.ones((1, 2, 4))
        >>> mx.fast.rope(x, 4, traditional=False, base=1e4, scale=1.0, offset=0).shape
        (1, 2, 4)

    See: MLX ``mlx.core.fast.rope``; Su et al. 2021, arXiv:2104.09864.
    """

@c(
    "mlx_fast_scaled_dot_product_attention",
    "array queries, array keys, array values, float scale, str mask_mode, array? mask_arr, "
    "array? sinks",
    cpp=(
        "mlx_c::fast::scaled_dot_product_attention({queries}, {keys}, {values}, {scale}, "
        "{mask_mode}, {mask_arr}, {sinks}, false, {s})"
    ),
    check='mlx_c::check_heads({keys}, 1, "keys")',
    python=False,
)
@c(
    "mlx_fast_scaled_dot_product_attention_force_fused",
    "array queries, array keys, array values, float scale, str mask_mode, array? mask_arr, "
    "array? sinks, bool force_fused",
    cpp="mlx_c::fast::scaled_dot_product_attention",
    check='mlx_c::check_heads({keys}, 1, "keys")',
    queries="q",
    keys="k",
    values="v",
)
def scaled_dot_product_attention(
    q: array,
    k: array,
    v: array,
    *,
    scale: float,
    mask: str | array | None = None,
    sinks: array | None = None,
    force_fused: bool = False,
    stream: StreamLike = None,
) -> array:
    """Attention: values weighted by the softmax of scaled products of queries and keys.

    The softmax is computed in ``float32``. Keys and values may have fewer heads than the queries.

    Args:
        q: Queries of shape ``(B, N_q, T_q, D)``.
        k: Keys of shape ``(B, N_kv, T_kv, D)``.
        v: Values of shape ``(B, N_kv, T_kv, D_v)``.
        scale: Factor of the products, usually ``D ** -0.5``.
        mask: "causal", or an array that broadcasts to ``(B, N_q, T_q, T_kv)``: boolean to keep
            scores, floating-point to add to them. ``None`` (default) for no mask.
        sinks: Extra scores, one for every head, that take weight and give no value.
        force_fused: Fail where no fused kernel fits rather than compute in steps. Default
            ``False``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        Array of shape ``(B, N_q, T_q, D_v)``. A query that ``mask``
        lets see no key gives zeros.

    Raises:
        ValueError: If shapes or dtypes do not fit or ``mask`` is another string.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.ones((1, 2, 3, 4))
        >>> mx.fast.scaled_dot_product_attention(x, x, x, scale=0.5, mask="causal").shape
        (1, 2, 3, 4)

    See: MLX ``mlx.core.fast.scaled_dot_product_attention``; Vaswani et al. 2017, arXiv:1706.03762;
        Ainslie et al. 2023, arXiv:2305.13245.
    """
    mask_mode, mask_arr = "", None
    if isinstance(mask, str):
        if mask != "causal":
            raise ValueError(f'mask must be "causal" or an array, not {mask!r}')
        mask_mode = mask
    elif mask is not None:
        mask_mode, mask_arr = "array", mask

@c(
    "mlx_fast_gated_delta_update",
    "array queries, array keys, array values, array gates, array beta, array? "
    "initial_state, array? mask",
    check='mlx_c::check_heads({queries}, 2, "queries")',
    queries="q",
    keys="k",
    values="v",
    gates="gamma",
)
def gated_delta_update(
    q: array,
    k: array,
    v: array,
    gamma: array,
    beta: array,
    initial_state: array | None = None,
    mask: array | None = None,
    stream: StreamLike = None,
) -> list[array]:
    """Linear attention with a gated delta rule, step by step through time.

    Args:
        q: Queries of shape ``(B, T, H_k, D_k)``.
        k: Keys of shape ``(B, T, H_k, D_k)``.
        v: Values of shape ``(B, T, H_v, D_v)``.
        gamma: Decay of the state at every step, ``(B, T, H_v)``.
        beta: Strength of the update at every step, ``(B, T, H_v)``.
        initial_state: State to start from, ``(B, H_v, D_v, D_k)``; ``None`` (default) is zero.
        mask: Boolean array of shape ``(B, T)``; masked steps leave the state alone.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        ``[output, state]`` of shapes ``(B, T, H_v, D_v)`` and ``(B, H_v, D_v, D_k)``.

    Raises:
        ValueError: If the shapes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> x, g = mx.ones((1, 3, 2, 32)), mx.ones((1, 3, 2))
        >>> output, state = mx.fast.gated_delta_update(x, x, x, g, g)
        >>> output.shape, state.shape
        ((1, 3, 2, 32), (1, 2, 32, 32))

    See: MLX ``mlx.core.fast.gated_delta_update``; Yang et al. 2024, arXiv:2412.06464.
    """
