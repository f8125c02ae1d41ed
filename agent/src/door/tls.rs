//! TLS as the web configuration asks for it. What cannot be had exactly so is an error that names its
//! key: a port must not be guarded less, or differently, than it is written.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};
use zeroize::{Zeroize, Zeroizing};

use super::clients::{Clients, Policy};
use super::file::Tls;
use super::files::Files;
use super::made;
use crate::config::Errors;

/// The server's side of TLS; nothing where an error was noted. Where nothing is written it is spoken with a certificate that is made.
pub(super) fn config(
    tls: &Tls,
    folder: &Path,
    files: &mut Files,
    errors: &mut Errors,
) -> Option<ServerConfig> {
    let provider = Arc::new(provider(tls, errors));
    let versions = versions(tls, errors);
    let identity = if *tls == Tls::default() {
        let made = made::identity().ok_or("no certificate could be made");
        errors.take("tls_server_config", made)
    } else {
        identity(tls, folder, files, errors)
    };
    let clients = clients(tls, folder, files, &provider, errors);
    if errors.len() > 0 {
        return None;
    }
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions?)
        .map_err(|error| errors.push("tls_server_config", error))
        .ok()?;
    let mut config = builder
        .with_client_cert_verifier(Arc::new(clients?))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity?)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ignore_client_order = tls.prefer_server_cipher_suites.unwrap_or(true);
    // Nobody is remembered: who comes again shows his certificate again, as the files have it then.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Some(config)
}

fn provider(tls: &Tls, errors: &mut Errors) -> CryptoProvider {
    let mut provider = ring::default_provider();
    let suites = tls.cipher_suites.as_deref().unwrap_or_default();
    if !suites.is_empty() {
        let key = "tls_server_config.cipher_suites";
        // Go's names are the RFCs'.
        let name = |suite: &SupportedCipherSuite| {
            let name = format!("{:?}", suite.suite());
            name.replace("TLS13_", "TLS_")
        };
        let mut chosen = chosen(suites, &provider.cipher_suites, name, key, errors);
        // Those of TLS 1.3 cannot be chosen, in Go neither: they are all there.
        chosen.retain(|suite| suite.version() == &TLS12);
        let all = &mut provider.cipher_suites;
        all.retain(|suite| suite.version() == &TLS13);
        all.append(&mut chosen);
    }
    let curves = tls.curve_preferences.as_deref().unwrap_or_default();
    if !curves.is_empty() {
        let key = "tls_server_config.curve_preferences";
        let name = |group: &&'static dyn SupportedKxGroup| match group.name() {
            NamedGroup::secp256r1 => "CurveP256".to_owned(),
            NamedGroup::secp384r1 => "CurveP384".to_owned(),
            other => format!("{other:?}"),
        };
        provider.kx_groups = chosen(curves, &provider.kx_groups, name, key, errors);
    }
    provider
}

/// Those that are named, in the order of the names.
fn chosen<T: Copy>(
    names: &[String],
    all: &[T],
    name: impl Fn(&T) -> String,
    key: &str,
    errors: &mut Errors,
) -> Vec<T> {
    let known: Vec<_> = all.iter().map(name).collect();
    let mut found = Vec::new();
    for name in names {
        match known.iter().position(|known| known == name) {
            Some(at) => found.push(all[at]),
            None => errors.push(key, format!("`{name}` is none of {}", known.join(", "))),
        }
    }
    found
}

fn versions(tls: &Tls, errors: &mut Errors) -> Option<Vec<&'static SupportedProtocolVersion>> {
    let mut version = |key: &str, text: Option<&str>, default| match text {
        None | Some("") => Some(default),
        Some("TLS12") => Some(12),
        Some("TLS13") => Some(13),
        Some(_) => {
            let key = format!("tls_server_config.{key}");
            errors.push(
                &key,
                "is neither TLS12 nor TLS13; older ones are not spoken here",
            );
            None
        }
    };
    let least = version("min_version", tls.min_version.as_deref(), 12);
    let most = version("max_version", tls.max_version.as_deref(), 13);
    let (least, most) = (least?, most?);
    if least > most {
        errors.push("tls_server_config.max_version", "is below min_version");
        return None;
    }
    let all = [(13, &TLS13), (12, &TLS12)];
    let within = all
        .iter()
        .filter(|(version, _)| (least..=most).contains(version));
    Some(within.map(|(_, version)| *version).collect())
}

/// The text that stands in the file itself, or in the file that it names, which counts first.
fn material(
    (key, text): (&str, Option<&String>),
    path: Option<&String>,
    folder: &Path,
    files: &mut Files,
    errors: &mut Errors,
) -> Option<Zeroizing<Vec<u8>>> {
    let is_said = |text: &&String| !text.is_empty();
    if let Some(path) = path.filter(is_said) {
        let read = files.read(&folder.join(path));
        return errors.take(&format!("tls_server_config.{key}_file"), read);
    }
    let text = text.filter(is_said)?;
    Some(Zeroizing::new(text.clone().into_bytes()))
}

fn identity(
    tls: &Tls,
    folder: &Path,
    files: &mut Files,
    errors: &mut Errors,
) -> Option<CertifiedKey> {
    let before = errors.len();
    let chain = material(
        ("cert", tls.cert.as_ref()),
        tls.cert_file.as_ref(),
        folder,
        files,
        errors,
    );
    let key = material(
        ("key", tls.key.as_ref()),
        tls.key_file.as_ref(),
        folder,
        files,
        errors,
    );
    if errors.len() > before {
        return None;
    }
    for (name, value) in [("cert", &chain), ("key", &key)] {
        if value.is_none() {
            let key = format!("tls_server_config.{name}_file");
            errors.push(&key, "is missing: TLS takes a certificate and its key");
        }
    }
    let (chain, key) = (chain?, key?);
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&chain).flatten().collect();
    if chain.is_empty() {
        errors.push(
            "tls_server_config.cert_file",
            "there is no PEM certificate in it",
        );
        return None;
    }
    let parsed = PrivateKeyDer::from_pem_slice(&key);
    let Ok(mut parsed) = parsed else {
        errors.push(
            "tls_server_config.key_file",
            "there is no PEM private key in it",
        );
        return None;
    };
    let key = ring::sign::any_supported_type(&parsed);
    parsed.zeroize();
    let Ok(key) = key else {
        errors.push(
            "tls_server_config.key_file",
            "the private key is of no kind that can be used",
        );
        return None;
    };
    let identity = CertifiedKey::new(chain, key);
    if let Err(error) = identity.keys_match() {
        let error = format!("certificate and key do not fit: {error}");
        errors.push("tls_server_config.key_file", error);
        return None;
    }
    Some(identity)
}

fn clients(
    tls: &Tls,
    folder: &Path,
    files: &mut Files,
    provider: &Arc<CryptoProvider>,
    errors: &mut Errors,
) -> Option<Clients> {
    let key = "tls_server_config.client_auth_type";
    let policy = tls.client_auth_type.as_deref().unwrap_or_default();
    let policy = errors.take(key, policy.parse::<Policy>());
    let before = errors.len();
    let pem = material(
        ("client_ca", tls.client_ca.as_ref()),
        tls.client_ca_file.as_ref(),
        folder,
        files,
        errors,
    );
    let policy = policy.filter(|_| errors.len() == before)?;
    let sans = tls.client_allowed_sans.clone();
    match (policy, &pem) {
        (Policy::None, Some(_)) => {
            errors.push(
                key,
                "is missing: there is a client_ca, and nothing says what for",
            );
            return None;
        }
        (Policy::None, None) if sans.is_some() => {
            errors.push(
                key,
                "is missing: there are client_allowed_sans, and nobody is asked for a certificate",
            );
            return None;
        }
        (Policy::RequireAndVerify, None) => {
            let error = "is needed: client_auth_type is RequireAndVerifyClientCert";
            errors.push("tls_server_config.client_ca_file", error);
            return None;
        }
        _ => {}
    }
    let anchors = pem.map(|pem| CertificateDer::pem_slice_iter(&pem).flatten().collect());
    let clients = Clients::new(policy, anchors.unwrap_or_default(), sans, provider);
    errors.take("tls_server_config.client_ca_file", clients)
}
