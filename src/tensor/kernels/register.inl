// Fills the table of this instruction set.
KernelTable make_table() noexcept {
    KernelTable table;
    table.isa = Simd::isa;
    for (std::size_t i = 0; i < Simd::widths.size(); ++i) table.widths[i] = Simd::widths[i];
    register_quantised<Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL, IQ4_XS, MXFP4, Wide>(table);
    table.quantize_tile = quantize_tile;
    table.rms_norm = rms_norm_row;
    table.layer_norm = layer_norm_row;
    table.rope_half = rope_half;
    table.silu_mul = silu_mul_row;
    table.gelu = gelu_row;
    table.add = add_row;
    table.dot = dot_row;
    table.squared_distance = squared_distance_row;
    table.kv_store = kv_store_head;
    table.attend = attend;
    table.attend_few = attend_few;
    table.attend_all = attend_all;
    return table;
}
