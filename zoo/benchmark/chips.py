"""How fast chips can multiply matrices at best."""

# Dense bfloat16, floating-point operations a second and device of JAX's, as the makers' data sheets have them. Names are
# beginnings of what `jax.Device.device_kind` says; the first that fits counts.
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
    """The fraction of a chip's bfloat16 peak that was used ("MFU"); None for other dtypes and for chips not listed.

    Args:
      device_kind: JAX's name of the chip.
      dtype: of the computation.
      multiply_adds: that the network needs, by its table; what is computed twice counts once.
      seconds: that they took.
    """
    peak = next((peak for name, peak in PEAKS.items() if device_kind.startswith(name)), None)
    if peak is None or dtype != "bfloat16":
        return None
    return 2 * multiply_adds / seconds / peak
