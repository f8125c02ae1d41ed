//! What `/probe` is asked about: whatever that is, only what is configured is answered.

use std::borrow::Cow;

use x509_certificate_exporter::decode;
use x509_certificate_exporter::expose::probe::{self, Prober, Target};
use x509_certificate_exporter::inventory::Snapshot;
use x509_certificate_exporter::model::{Bundle, Change, Location};
use x509_certificate_exporter::server::probe::choose;
use x509_certificate_exporter::server::scrape::{Encoding, Scrape};

use super::{exposed, text};

/// Module and address of what may be asked about.
const ALLOWED: [(&str, &str, Prober); 4] = [
    ("tcp", "a.example:443", Prober::Tcp),
    ("https", "[::1]:6443", Prober::Https),
    (
        "http_file",
        "http://a.example/b.pem?c=%20+d",
        Prober::HttpFile,
    ),
    ("m\u{f6}d", "127.0.0.1:1", Prober::Tcp),
];

/// What stands behind the `?` of an address.
pub(crate) fn probe(bytes: &[u8]) {
    thread_local! {
        static KNOWN: (Scrape, Vec<Target>) = known();
    }
    let parameters = String::from_utf8_lossy(bytes);
    KNOWN.with(|(scrape, targets)| match choose(targets, &parameters) {
        Ok(target) => {
            is_asked_for(&parameters, target);
            match scrape.probe(target, Encoding::Identity) {
                Ok(body) => drop(text::samples(&exposed::read(body.unwrap())).unwrap()),
                Err((status, _)) => assert_eq!(status, 503),
            }
        }
        Err((status, why)) => {
            assert!(status == 400 || status == 404, "{status}");
            assert_eq!(why.find('\n'), Some(why.len() - 1));
        }
    });
}

/// Whatever is held, as a probe tells it, can be read.
pub(crate) fn told(snapshot: &Snapshot) {
    let held = snapshot.segments.iter().flat_map(|segment| &segment.held);
    for held in held {
        let target = Target {
            location: held.location.clone(),
            source: held.source,
            ..target(ALLOWED[0])
        };
        let found = probe::held(&target, snapshot).unwrap();
        let mut out = Vec::new();
        probe::write(&target, &found.bundle, &mut out).unwrap();
        text::samples(str::from_utf8(&out).unwrap()).unwrap();
    }
}

/// Once, octet by octet, and under its module.
fn is_asked_for(parameters: &str, target: &Target) {
    let said = |name: &str| -> Vec<String> {
        let pairs = parameters
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs.filter(|(this, _)| plain(this) == name);
        pairs.map(|(_, value)| plain(value)).collect()
    };
    let (module, address) = (&*target.module, &*target.address);
    let mut texts = vec![address.to_owned()];
    if target.prober == Prober::Https {
        texts.extend(["", "/"].map(|end| format!("https://{address}{end}")));
    }
    assert!(matches!(&said("target")[..], [one] if texts.contains(one)));
    match &said("module")[..] {
        [] => assert_eq!(module, "tcp"),
        [one] => assert!(one == module || one.is_empty() && module == "tcp"),
        more => panic!("{more:?}"),
    }
}

/// As forms are decoded, another time.
fn plain(text: &str) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (mut octets, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = (first == b'%').then(|| digit(rest.first()).zip(digit(rest.get(1))));
        octets.push(match (first, escaped.flatten()) {
            (_, Some((high, low))) => {
                rest = &rest[2..];
                u8::try_from(high * 16 + low).unwrap()
            }
            (b'+', None) => b' ',
            (other, None) => other,
        });
    }
    match String::from_utf8_lossy(&octets) {
        Cow::Borrowed(text) => text.to_owned(),
        Cow::Owned(text) => text,
    }
}

/// All but the last were looked at.
fn known() -> (Scrape, Vec<Target>) {
    let (scrape, targets) = (exposed::scrape(), ALLOWED.map(target));
    for target in &targets[..3] {
        let chain = include_bytes!("../../testdata/ssl_exporter/chain.pem");
        let bundle = Bundle::from(decode::certificates(chain));
        let change = Change::Upsert(target.location.clone(), bundle);
        scrape.inventory.apply(0, change);
    }
    (scrape, targets.into())
}

fn target((module, address, prober): (&str, &str, Prober)) -> Target {
    Target {
        address: address.into(),
        module: module.into(),
        prober,
        insecure: false,
        location: Location::endpoint(None, address),
        source: 0,
    }
}
