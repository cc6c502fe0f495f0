"""Operations of neural networks that run as one step."""

c_includes = ["mlx/c/fast_kernels.h"]
cpp_includes = ["core/attention_step.hpp", "core/checks.hpp", "cpu/ops/fused_ops.hpp"]

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

@c(
    "mlx_fast_attention_step",
    "array queries, array keys, array values, arrays buffers, array offsets, float scale",
    cpp="mlx_c::attention_step({queries}, {keys}, {values}, {buffers}, {offsets}, {scale}, {s})",
)
def attention_step(
    queries: array,
    keys: array,
    values: array,
    buffers: Sequence[array],
    offsets: array,
    *,
    scale: float,
    stream: StreamLike = None,
) -> list[array]:
    """A step of decoding: sequences of any lengths each get a position, and attend to all theirs.

    As :func:`scaled_dot_product_attention` of each sequence with its own keys and values, which lie
    in buffers with room for more. On the CPU it is one node of the graph, which writes into buffers
    that nothing else holds, and shares the work of all sequences among the threads.

    Args:
        queries: Array of shape ``(N, heads, 1, D)``, of a sequence each.
        keys: New keys of shape ``(N, kv_heads, 1, D)``; ``heads`` is a multiple of ``kv_heads``.
        values: New values of shape ``(N, kv_heads, 1, E)``.
        buffers: The buffers of keys of the N sequences, of shape ``(1, kv_heads, room, D)``, and
            then those of their values, of shape ``(1, kv_heads, room, E)``. Each has its own room.
        offsets: Integers of shape ``(N,)``: how many positions the buffers hold, less than their
            room. That is checked when the step is computed, on the CPU.
        scale: What the scores are multiplied by.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        The results, of shape ``(N, heads, 1, E)``, and the buffers with the new positions.

    Raises:
        IndexError: When the step is computed, if an offset is out of range.
        ValueError: If shapes or dtypes do not fit each other.

    Example:
        >>> import mlx_core_py as mx
        >>> one, room = mx.ones((1, 1, 1, 2)), mx.zeros((1, 1, 4, 2))
        >>> y, keys, values = mx.fast.attention_step(
        ...     one, one, one, [room, room], mx.array([0]), scale=1.0
        ... )
        >>> y.tolist(), keys.shape
        ([[[[1.0, 1.0]]]], (1, 1, 4, 2))

    See: Dao et al. 2023, "Flash-Decoding for long-context inference".
    """

@c(
    "mlx_fast_rnn_scan",
    "array inputs, array weight, array hidden, str nonlinearity",
    cpp="mlx_c::cpu::rnn_scan({inputs}, {weight}, {hidden}, {nonlinearity}, {s})",
)
def rnn_scan(
    inputs: array,
    weight: array,
    hidden: array,
    *,
    nonlinearity: str = "tanh",
    stream: StreamLike = None,
) -> array:
    """The recurrent part of an RNN layer, over all steps: ``h_t = f(x_t + W h_{t-1})``.

    Each step is computed in ``float32`` or better, and its state rounded to the dtype of the
    result. On the CPU all steps are one node of the graph, and so are their gradients.

    Args:
        inputs: Projected inputs ``x`` of shape ``(..., T, H)``.
        weight: Weight ``W`` of the states, of shape ``(H, H)``.
        hidden: First state ``h_0`` of shape ``(..., H)``.
        nonlinearity: The function ``f``, "tanh" (default) or "relu".
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        The states after each step, of shape ``(..., T, H)``.

    Raises:
        ValueError: If shapes or dtypes do not fit or ``nonlinearity`` is another string.

    Example:
        >>> import mlx_core_py as mx
        >>> x = mx.array([[0.5], [0.5], [0.5]])
        >>> mx.fast.rnn_scan(x, mx.array([[2.0]]), mx.array([0.0]), nonlinearity="relu").tolist()
        [[0.5], [1.5], [3.5]]

    See: Elman 1990, doi:10.1207/s15516709cog1402_1.
    """

@c(
    "mlx_fast_gru_scan",
    "array inputs, array weight, array hidden, array? bias",
    cpp="mlx_c::cpu::gru_scan({inputs}, {weight}, {hidden}, {bias}, {s})",
)
def gru_scan(
    inputs: array,
    weight: array,
    hidden: array,
    bias: array | None = None,
    *,
    stream: StreamLike = None,
) -> array:
    """The recurrent part of a layer of gated recurrent units, over all steps.

    With the thirds ``x_r, x_z, x_n`` of the inputs of a step and ``W_r, W_z, W_n`` of the weight,
    ``r = sigmoid(x_r + W_r h)``, ``z = sigmoid(x_z + W_z h)``,
    ``n = tanh(x_n + r (W_n h + bias))``, and the next state is ``(1 - z) n + z h``. Each step is
    computed in ``float32`` or better, and its state rounded to the dtype of the result. On the CPU
    all steps are one node of the graph, and so are their gradients.

    Args:
        inputs: Projected inputs ``x`` of shape ``(..., T, 3 * H)``.
        weight: Weight ``W`` of the states, of shape ``(3 * H, H)``.
        hidden: First state of shape ``(..., H)``.
        bias: Bias of the recurrent part of ``n``, of shape ``(H,)``; ``None`` (default) for none.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        The states after each step, of shape ``(..., T, H)``.

    Raises:
        ValueError: If shapes or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.fast.gru_scan(mx.zeros((2, 3)), mx.ones((3, 1)), mx.array([0.0])).tolist()
        [[0.0], [0.0]]

    See: Cho et al. 2014, arXiv:1406.1078.
    """

@c(
    "mlx_fast_lstm_scan",
    "array inputs, array weight, array hidden, array cell",
    cpp="mlx_c::cpu::lstm_scan({inputs}, {weight}, {hidden}, {cell}, {s})",
)
def lstm_scan(
    inputs: array,
    weight: array,
    hidden: array,
    cell: array,
    *,
    stream: StreamLike = None,
) -> tuple[array, array]:
    """The recurrent part of a layer with long short-term memory, over all steps.

    The fourths of ``x + W h``, for the inputs of a step and the state before it, are those of the
    input gate ``i``, the forget gate ``f``, the candidate ``g`` and the output gate ``o``. The next
    cell is ``sigmoid(f) c + sigmoid(i) tanh(g)``, the next state ``sigmoid(o) tanh(c)`` of that.
    Each step is computed in ``float32`` or better, and its state and cell rounded to the dtype of
    the results. On the CPU all steps are one node of the graph, and so are their gradients.

    Args:
        inputs: Projected inputs ``x`` of shape ``(..., T, 4 * H)``.
        weight: Weight ``W`` of the states, of shape ``(4 * H, H)``.
        hidden: First state of shape ``(..., H)``.
        cell: First cell of shape ``(..., H)``.
        stream: Stream or device to run on; ``None`` (default) is the default stream.

    Returns:
        The states and the cells after each step, two arrays of shape ``(..., T, H)``.

    Raises:
        ValueError: If shapes or dtypes do not fit.

    Example:
        >>> import mlx_core_py as mx
        >>> first = mx.array([0.0])
        >>> hidden, cell = mx.fast.lstm_scan(mx.zeros((2, 4)), mx.ones((4, 1)), first, first)
        >>> hidden.shape, cell.shape
        ((2, 1), (2, 1))

    See: Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735.
    """
