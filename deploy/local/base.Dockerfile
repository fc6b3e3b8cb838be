# Stands in for the public python image: a Python of 3.11 or newer with venv, on Debian.
ARG ROOTFS
FROM ${ROOTFS}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# The machine's own certificates and pip settings, so that packages install as on the machine.
COPY machine/ /
