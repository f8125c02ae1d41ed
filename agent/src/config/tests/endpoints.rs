//! Servers and remote files.

use super::*;
use crate::source::endpoint::{Options, Pairing, Place, Target, Trust};

fn of(text: &str) -> Options {
    let mut config = parse(text).unwrap();
    match config.sources.pop() {
        Some(SourceConfig::Endpoints(options)) => options,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_target_does_not_say_is_as_its_source_has_it() {
    let options = of("hostRoot: /host
sources:
- kind: endpoint
  name: public
  timeout: 3s
  caFile: /ca.pem
  certFile: /tls.crt
  keyFile: /tls.key
  proxyUrl: http://proxy:3128
  targets:
  - {address: shop.example, name: shop, file: /etc/shop.crt}
  - {address: 'mail.example:587', protocol: smtp, timeout: 1s, caFile: /own.pem, proxyUrl: ''}
  - {address: 'https://pki.example/ca.pem?token=hush', protocol: http_file, certFile: /a, keyFile: /b}
");
    assert_eq!(options.kind, "endpoint");
    assert_eq!(options.interval.as_secs(), 60);
    assert_eq!(options.root, Path::new("/host"));
    let [shop, mail, file] = &options.targets[..] else {
        panic!("{options:?}")
    };
    let at = |target: &Target| target.location().to_string();
    assert_eq!(at(shop), "endpoint shop (shop.example:443)");
    assert_eq!(at(mail), "endpoint mail.example:587");
    // A query may hold what is nobody's business.
    assert_eq!(at(file), "endpoint https://pki.example/ca.pem");
    assert!(matches!(&file.place, Place::File(url) if url.query().is_some()));
    assert_eq!(shop.pairing, Pairing::Named("/etc/shop.crt".into()));
    assert_eq!((shop.timeout.as_secs(), mail.timeout.as_secs()), (3, 1));
    assert_eq!(shop.trust, Trust::File("/ca.pem".into()));
    assert_eq!(mail.trust, Trust::File("/own.pem".into()));
    assert_eq!(shop.identity, Some(("/tls.crt".into(), "/tls.key".into())));
    assert_eq!(file.identity, Some(("/a".into(), "/b".into())));
    assert!(shop.proxy.is_some() && mail.proxy.is_none());
}

#[test]
fn servers_that_are_known_have_a_name_and_a_file() {
    let options = of("sources: [{kind: served, name: node, distributions: [kubeadm]}]");
    let names = options.targets.iter().map(|target| target.name.as_deref());
    let names: Vec<_> = names.flatten().collect();
    assert_eq!(names, ["kube-apiserver", "etcd", "kubelet"]);
    let is_known = |pairing: &Pairing| matches!(pairing, Pairing::Known(_));
    assert!(
        options
            .targets
            .iter()
            .all(|target| is_known(&target.pairing))
    );
    assert!(
        options
            .targets
            .iter()
            .all(|target| target.trust == Trust::Unasked)
    );
}

#[test]
fn all_that_is_wrong_is_told_with_its_place_and_no_password() {
    let error = parse(
        "sources:
- kind: endpoint
  name: a
  refreshInterval: 10ms
  timeout: 2m
  proxyUrl: http://user:HUSH@proxy:1
  targets:
  - {address: 'a:b:c'}
  - {address: a.example, protocol: gopher}
  - {address: 'https://user:HUSH@a.example/x', protocol: http_file}
  - {address: 'ftp://a.example/x', protocol: http_file}
  - {address: a.example, certFile: /a}
  - {address: a.example, caFile: relative, file: relative}
- {kind: endpoint, name: b, targets: []}
- {kind: endpoint, name: c, targets: [{address: a}, {address: 'a:443'}]}
- {kind: served, name: d, distributions: [nixos]}
",
    )
    .unwrap_err();
    assert!(!error.contains("HUSH"), "{error}");
    for expected in [
        "sources[0].refreshInterval: ",
        "sources[0].timeout: ",
        "sources[0].targets[0].proxyUrl: user and password are not sent to a proxy",
        "sources[0].targets[0].address: `a:b:c` is not HOST[:PORT]",
        "sources[0].targets[1].protocol: `gopher` is none of tls, https, smtp,",
        "sources[0].targets[2].address: user and password are not sent",
        "sources[0].targets[3].address: `ftp://a.example/x` is not http(s)://HOST[:PORT]/PATH",
        "sources[0].targets[4]: certFile and keyFile belong together",
        "sources[0].targets[5].caFile: `relative` is not absolute",
        "sources[0].targets[5].file: `relative` is not absolute",
        "sources[1].targets: there is nothing to look at",
        "sources[2].targets[1]: endpoint a:443 is there twice: give each a name",
        "sources[3].distributions: `nixos` is none of",
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
