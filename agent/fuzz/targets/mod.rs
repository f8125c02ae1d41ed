//! What is fed with anything: each target takes bytes, and panics where a promise is broken. Shared
//! by the fuzzer (`ci/fuzz`) and by tests/corpus.rs, which feeds them what the fuzzer has found.

mod cluster;
mod decoders;
mod door;
mod exposed;
mod probed;
pub(crate) mod text;

/// What takes bytes.
pub(crate) type Target = fn(&[u8]);

/// All targets by name. The corpus has a file for each.
pub(crate) const ALL: &[(&str, Target)] = &[
    ("argocd", decoders::argocd),
    ("config", exposed::config),
    ("crl", decoders::certificates),
    ("der", decoders::certificates),
    ("door", door::door),
    ("exposition", exposed::exposition),
    ("jks", decoders::jks),
    ("key", decoders::key),
    ("kubeconfig", decoders::kubeconfig),
    ("object", cluster::object),
    ("ocsp", decoders::ocsp),
    ("pem", decoders::certificates),
    ("pkcs12", decoders::pkcs12),
    ("pkcs7", decoders::certificates),
    ("probe", probed::probe),
    ("query", exposed::query),
    ("served", decoders::served),
    ("watch", cluster::watch),
    ("web", exposed::web),
];
