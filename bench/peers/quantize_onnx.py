#!/usr/bin/env python3
"""The matrices of an ONNX file in 8 bits, as onnxruntime's documentation advises for processors with VNNI. Usage: quantize_onnx.py IN OUT"""
import sys

from onnx import TensorProto
from onnxruntime.quantization import QuantType, quantize_dynamic

# The fused operators have types that shape inference does not know.
quantize_dynamic(sys.argv[1], sys.argv[2], weight_type=QuantType.QInt8, per_channel=True, extra_options={"DefaultTensorType": TensorProto.FLOAT})
