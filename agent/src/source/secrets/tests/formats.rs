//! What a key may hold besides certificates as they are, and what stands beside them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::source::objects::tests::server::{certificate, secret, typed};

const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {certificate-authority-data: CERT}}]
users: [{name: u, user: {client-certificate-data: CERT, client-key-data: UFJJVkFURQ==}}]
";
const ARGOCD: &str = r#"{"bearerToken":"PRIVATE","tlsClientConfig":{"insecure":false,"caData":"CERT","certData":"CERT","keyData":"UFJJVkFURQ=="}}"#;

fn holding(key: Key, format: Format) -> Watching {
    let mut type_ = of_type("Opaque", key);
    type_.fields[0].format = format;
    Watching {
        options: options(),
        types: vec![type_],
    }
}

fn encoded(text: &str) -> String {
    STANDARD.encode(text.replace("CERT", certificate()))
}

fn value(version: u32, text: &str) -> String {
    typed("Opaque", "a", "one", version, &[("value", &encoded(text))])
}

#[tokio::test(start_paused = true)]
async fn a_kubeconfig_is_a_place_for_each_of_its_clusters_and_users_named_or_found() {
    for (key, format) in [
        (Key::Literal("value".into()), Format::Kubeconfig),
        (pattern("^value$"), Format::Certificates),
    ] {
        story(holding(key, format), async |server, ear| {
            let watch = server.holds(&[value(3, KUBECONFIG)]).await;
            ear.until_known(&["a/one/value/cluster:c", "a/one/value/user:u"])
                .await;
            assert_eq!(ear.bundle("a/one/value/user:u").certificates().len(), 1);
            let other = KUBECONFIG.replace("name: u", "name: v");
            watch.event("MODIFIED", &value(11, &other));
            ear.until_known(&["a/one/value/cluster:c", "a/one/value/user:v"])
                .await;
            watch.event("DELETED", &value(12, &other));
            ear.until_known(&[]).await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_kubeconfig_that_holds_no_certificate_is_a_problem() {
    let watching = holding(Key::Literal("value".into()), Format::Kubeconfig);
    story(watching, async |server, ear| {
        let _watch = server.holds(&[value(3, "kind: Nothing")]).await;
        ear.until_known(&["a/one/value"]).await;
        let bundle = ear.bundle("a/one/value");
        assert_eq!(bundle.problems[0].reason, Reason::NoCertificateFound);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_argo_cd_keeps_of_a_cluster_is_its_ca_and_its_client_certificate() {
    let watching = holding(Key::Literal("value".into()), Format::Argocd);
    story(watching, async |server, ear| {
        let _watch = server.holds(&[value(3, ARGOCD)]).await;
        ear.until_known(&["a/one/value/cluster:", "a/one/value/user:"])
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_private_key_beside_is_compared_on_request_alone() {
    let pair = || {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["test".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        (
            STANDARD.encode(certificate),
            STANDARD.encode(key.serialize_pem()),
        )
    };
    let ((certificate, own), (_, other)) = (pair(), pair());
    for (compare, key, mismatch) in [
        (true, &own, false),
        (true, &other, true),
        (false, &other, false),
    ] {
        let secrets = Objects::new(plan(options(), &[tls("tls.crt")], compare));
        let ear = Arc::new(Ear::default());
        chapter(&secrets, &ear, async |server, ear| {
            let data = [("tls.crt", &*certificate), ("tls.key", &**key)];
            let _watch = server.holds(&[secret("a", "one", 3, &data)]).await;
            ear.until_known(&["a/one/tls.crt"]).await;
            let bundle = ear.bundle("a/one/tls.crt");
            let told = bundle
                .problems
                .iter()
                .any(|problem| problem.reason == Reason::KeyMismatch);
            assert_eq!((bundle.certificates().len(), told), (1, mismatch));
        })
        .await;
    }
}
