"""Peak matrix multiplication throughput of accelerators, and utilization relative to it."""

# Dense bfloat16 FLOP/s per JAX device, from the vendors' data sheets. Keys are prefixes of `jax.Device.device_kind`;
# the first match is used.
PEAKS = {
    "NVIDIA B200": 2250e12,
    "NVIDIA H200": 989e12,
    "NVIDIA H100 PCIe": 756e12,
    "NVIDIA H100 NVL": 835e12,
    "NVIDIA H100": 989e12,
    "NVIDIA A100": 312e12,
    "NVIDIA L40S": 362e12,
    "NVIDIA L4": 121e12,
    "NVIDIA A10": 125e12,
    "TPU v4": 275e12,
    "TPU v5 lite": 197e12,
    "TPU v5": 459e12,
    "TPU v6 lite": 918e12,
}


def utilization(device_kind: str, dtype: str, multiply_adds: float, seconds: float) -> float | None:
    """Returns model FLOP/s utilization (MFU), relative to the chip's bfloat16 peak; None for other dtypes and chips.

    Args:
      device_kind: JAX's name of the chip.
      dtype: of the computation.
      multiply_adds: number that the network needs according to its layer table; recomputation does not count.
      seconds: time that they took.
    """
    peak = next((peak for name, peak in PEAKS.items() if device_kind.startswith(name)), None)
    if peak is None or dtype != "bfloat16":
        return None
    return 2 * multiply_adds / seconds / peak
