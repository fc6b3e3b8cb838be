# Stands in for the public postgres image, as far as compose.yaml uses it.
ARG ROOTFS
FROM ${ROOTFS}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
 && rm -rf /var/lib/apt/lists/* \
 && ln -s "$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres)")" /usr/local/pgsql \
 && install -d -o postgres -g postgres /var/lib/postgresql/data /docker-entrypoint-initdb.d
ENV PATH=/usr/local/pgsql:$PATH PGDATA=/var/lib/postgresql/data
COPY postgres-entrypoint /usr/local/bin/docker-entrypoint.sh
USER postgres
VOLUME /var/lib/postgresql/data
EXPOSE 5432
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
