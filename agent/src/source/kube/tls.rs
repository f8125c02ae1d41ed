//! TLS towards an API server: whom we trust, and with which certificate we come.

use std::fs;
use std::sync::Arc;

use ::kube::config::{AuthInfo, Config};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret;
use zeroize::Zeroizing;

use crate::tls::Anybody;

/// Something in the configuration of the client cannot be used. What it is, is not said: it may be a
/// secret.
#[derive(Debug, thiserror::Error)]
#[error("the client cannot be built from its configuration")]
pub(super) struct Unusable;

/// The client's side of TLS.
pub(super) fn config(config: &Config) -> Result<ClientConfig, Unusable> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|_| Unusable)?;
    let builder = if config.accept_invalid_certs {
        let anybody = Arc::new(Anybody(provider));
        builder
            .dangerous()
            .with_custom_certificate_verifier(anybody)
    } else {
        builder.with_root_certificates(trusted(config)?)
    };
    match identity(&config.auth_info)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|_| Unusable),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// The trust anchors that are named, else the system's.
fn trusted(config: &Config) -> Result<RootCertStore, Unusable> {
    let mut store = RootCertStore::empty();
    if let Some(named) = &config.root_cert {
        for der in named {
            let der = CertificateDer::from(der.as_slice());
            store.add(der).map_err(|_| Unusable)?;
        }
    } else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    Ok(store)
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client certificate and its key, if the user has them.
fn identity(user: &AuthInfo) -> Result<Option<Identity>, Unusable> {
    let key = user.client_key_data.as_ref();
    let key = key.map(ExposeSecret::expose_secret);
    let chain = user.client_certificate_data.as_deref();
    let chain = read(chain, user.client_certificate.as_deref())?;
    let key = read(key, user.client_key.as_deref())?;
    let (chain, key) = match (chain, key) {
        (None, None) => return Ok(None),
        (Some(chain), Some(key)) => (chain, key),
        _ => return Err(Unusable),
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&chain).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| Unusable)?;
    Ok(Some((chain.ok_or(Unusable)?, key)))
}

/// Data as it stands in the kubeconfig, else the file that it names, if there is either.
fn read(data: Option<&str>, path: Option<&str>) -> Result<Option<Zeroizing<Vec<u8>>>, Unusable> {
    let bytes = match (data, path) {
        (Some(data), _) => STANDARD.decode(data).map_err(|_| Unusable)?,
        (None, Some(path)) => fs::read(path).map_err(|_| Unusable)?,
        (None, None) => return Ok(None),
    };
    Ok(Some(Zeroizing::new(bytes)))
}
