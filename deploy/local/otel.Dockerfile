# Stands in for the public opentelemetry-collector image, as far as compose.yaml uses it.
ARG ROOTFS
FROM stackwire-base:local
COPY otel-collector /usr/local/bin/otel-collector
USER nobody
EXPOSE 4318
ENTRYPOINT ["python3", "-u", "/usr/local/bin/otel-collector"]
