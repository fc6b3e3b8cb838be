# What the public python image gives: a Python of 3.11 or newer with venv, on Debian.
ARG ROOTFS
FROM ${ROOTFS}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
 && rm -rf /var/lib/apt/lists/*
# The machine's own certificates and pip settings, so that packages install in here as they do out there.
COPY machine/ /
