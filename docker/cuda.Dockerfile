# The zoo on NVIDIA GPUs, whose driver must be installed with the NVIDIA container toolkit:
#                  docker build -f docker/cuda.Dockerfile -t zoo-cuda .
#                  mkdir -p runs && docker run --rm --gpus all --user "$(id -u):$(id -g)" -v "$PWD/runs:/runs" zoo-cuda python -m zoo.train --recipe=alexnet --workdir=/runs/alexnet
FROM python:3.12-slim

# CUDA, cuDNN and NCCL come with the packages of JAX; only the driver is that of the host.
# An unprivileged user; any other works as well, with --user. Compiled programs are kept beside the runs.
RUN useradd --create-home zoo && mkdir /runs && chown zoo /runs
ENV XDG_CACHE_HOME=/runs/.cache MPLCONFIGDIR=/tmp/matplotlib
WORKDIR /home/zoo
COPY --chown=zoo pyproject.toml README.md LICENSE source/
COPY --chown=zoo zoo source/zoo
COPY --chown=zoo recipes source/recipes
COPY --chown=zoo verification source/verification
COPY --chown=zoo third_party source/third_party
RUN python -m pip install --no-cache-dir './source[gpu]' && rm -r source
USER zoo
CMD ["python", "-m", "zoo.train", "--recipe=lenet5", "--workdir=/runs/lenet5"]
