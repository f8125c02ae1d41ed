# For those who have an engine: docker build -t x509-certificate-exporter . (without one: ci/image)
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN RUSTFLAGS="-C target-feature=+crt-static -C link-arg=-Wl,-z,pack-relative-relocs -C link-arg=-Wl,-T,ci/image.d/seldom.ld" cargo build --release --locked \
        --target "$(uname -m)-unknown-linux-gnu" -p x509-certificate-exporter \
    && cp "target/$(uname -m)-unknown-linux-gnu/release/x509-certificate-exporter" /x509-certificate-exporter

FROM scratch
COPY --from=build /x509-certificate-exporter /x509-certificate-exporter
# Large blocks are given back at once: a list of Secrets comes and goes. An arena for each thread that is busy at the start.
ENV GLIBC_TUNABLES=glibc.malloc.mmap_threshold=32768:glibc.malloc.trim_threshold=32768:glibc.malloc.top_pad=0:glibc.malloc.arena_max=3
USER 65534:65534
ENTRYPOINT ["/x509-certificate-exporter"]
