use std::sync::Mutex;

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

#[derive(Default)]
struct Heard(Mutex<(Vec<Change>, Vec<Report>)>);

impl Sink for Heard {
    fn apply(&self, change: Change) {
        self.0.lock().unwrap().0.push(change);
    }

    fn report(&self, report: Report) {
        self.0.lock().unwrap().1.push(report);
    }
}

impl Heard {
    /// What was said of bundles since the last time, and how the source is.
    fn take(&self) -> (Vec<Change>, Vec<Report>) {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Pair {
    key: KeyPair,
    certificate: rcgen::Certificate,
}

fn pair(year: i32) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(year, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    Pair { key, certificate }
}

/// A server that shows this certificate to whoever comes.
async fn server(pair: &Pair) -> Address {
    let key = PrivateKeyDer::try_from(pair.key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(acceptor.accept(stream));
        }
    });
    Address::of_authority(&address).unwrap()
}

/// An address where nobody listens.
async fn nobody() -> Address {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Address::of_authority(&listener.local_addr().unwrap().to_string()).unwrap()
}

fn target(address: Address, pairing: Pairing) -> Target {
    Target {
        pairing,
        ..Target::unverified(address, Protocol::Tls, Duration::from_secs(10))
    }
}

fn watch(root: &TempDir, targets: Vec<Target>) -> Watch {
    Watch::new(Options {
        name: "a".to_owned(),
        kind: "endpoint",
        root: root.path().to_owned(),
        interval: Duration::from_secs(60),
        timeout: Duration::from_secs(5),
        targets,
    })
}

/// The bundles of a round.
fn bundles(changes: &[Change]) -> Vec<&Bundle> {
    let mut bundles = Vec::new();
    for change in changes {
        if let Change::Upsert(_, bundle) = change {
            bundles.push(bundle);
        }
    }
    bundles
}

#[tokio::test]
async fn one_server_that_is_away_is_an_error_and_all_are_a_failure() {
    let (root, heard) = (TempDir::new().unwrap(), Heard::default());
    let well = target(server(&pair(2020)).await, Pairing::None);
    let away = target(nobody().await, Pairing::None);
    let mut both = watch(&root, vec![well, away.clone()]);
    both.round(&heard).await;
    let (changes, reports) = heard.take();
    assert_eq!(bundles(&changes).len(), 2);
    assert!(matches!(changes.last(), Some(Change::Resync(all)) if all.len() == 2));
    assert!(matches!(reports[..], [Report::Error(_), Report::Succeeded]));
    both.round(&heard).await;
    let (changes, reports) = heard.take();
    assert_eq!(changes.len(), 2, "no second list of all");
    assert_eq!(reports, [Report::Succeeded], "an error is counted once");

    watch(&root, vec![away]).round(&heard).await;
    let (_, reports) = heard.take();
    assert!(matches!(reports[..], [Report::Error(_), Report::Failed(_)]));
}

#[tokio::test]
async fn a_server_that_was_not_told_of_its_new_file_is_stale_until_it_is() {
    let (root, heard) = (TempDir::new().unwrap(), Heard::default());
    let (old, new) = (pair(2020), pair(2021));
    let file = root.path().join("tls.crt");
    let renew = |pair: &Pair| std::fs::write(&file, pair.certificate.pem()).unwrap();
    renew(&old);
    let pairing = || Pairing::Named("/tls.crt".to_owned());
    let stale = async |pair: &Pair| {
        let target = target(server(pair).await, pairing());
        watch(&root, vec![target]).round(&heard).await;
        let (changes, _) = heard.take();
        let reasons = bundles(&changes)[0].problems.iter();
        let reasons: Vec<_> = reasons.map(|problem| problem.reason).collect();
        reasons == [Reason::ServedStale]
    };
    assert!(!stale(&old).await);
    renew(&new);
    assert!(stale(&old).await);
    assert!(!stale(&new).await);
    renew(&old);
    assert!(
        !stale(&new).await,
        "what is newer than its file is not stale"
    );
}

#[tokio::test]
async fn a_known_server_that_is_not_there_is_silence_and_a_named_one_is_not() {
    let (root, heard) = (TempDir::new().unwrap(), Heard::default());
    std::fs::write(root.path().join("a.crt"), pair(2020).certificate.pem()).unwrap();
    let known = |file| Pairing::Known(vec![file]);
    let there = server(&pair(2020)).await;
    let mut targets = vec![
        target(nobody().await, known("/a.crt")),
        target(there.clone(), known("/missing.crt")),
        target(there, known("/a.crt")),
    ];
    let mut watch = watch(&root, targets.clone());
    watch.round(&heard).await;
    let (changes, reports) = heard.take();
    assert_eq!(bundles(&changes).len(), 1);
    assert_eq!(reports, [Report::Succeeded]);
    // It goes, and its place with it.
    targets[2] = target(nobody().await, known("/a.crt"));
    watch.options.targets = targets;
    watch.round(&heard).await;
    let (changes, _) = heard.take();
    assert!(matches!(changes[..], [Change::Remove(_)]), "{changes:?}");
}
