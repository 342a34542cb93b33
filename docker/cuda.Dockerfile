# The zoo on NVIDIA GPUs, whose driver must be installed with the NVIDIA container toolkit:
#                  docker build -f docker/cuda.Dockerfile -t zoo-cuda .
#                  docker run --rm --gpus all -v "$PWD/runs:/runs" zoo-cuda python -m zoo.train --recipe=alexnet --workdir=/runs/alexnet
FROM python:3.12-slim

# CUDA, cuDNN and NCCL come with the packages of JAX; only the driver is that of the host.
# An unprivileged user, whose home holds the cache of compiled programs.
RUN useradd --create-home zoo && mkdir /runs && chown zoo /runs
WORKDIR /home/zoo
COPY --chown=zoo pyproject.toml README.md LICENSE source/
COPY --chown=zoo zoo source/zoo
COPY --chown=zoo recipes source/recipes
COPY --chown=zoo verification source/verification
COPY --chown=zoo third_party source/third_party
RUN python -m pip install --no-cache-dir './source[gpu]' && rm -r source
USER zoo
VOLUME /runs
CMD ["python", "-m", "zoo.train", "--recipe=lenet5", "--workdir=/runs/lenet5"]
