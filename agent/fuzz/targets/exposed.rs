//! Facts to text: whatever was decoded, every reader can read every answer. And what people and
//! programs ask for, in files and in addresses.

use std::io::Read;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use x509_certificate_exporter::clock::Clock;
use x509_certificate_exporter::config::{Config, raw::Raw};
use x509_certificate_exporter::decode;
use x509_certificate_exporter::door::Door;
use x509_certificate_exporter::expose::cache::Cache;
use x509_certificate_exporter::expose::lines::{Report, Sort};
use x509_certificate_exporter::expose::query::{Asked, Reader};
use x509_certificate_exporter::expose::urgency::Limits;
use x509_certificate_exporter::expose::{Options, csv, table};
use x509_certificate_exporter::health::Health;
use x509_certificate_exporter::inventory::Inventory;
use x509_certificate_exporter::model::{
    Bundle, Change, Entry, EntryKind, Location, Object, ObjectKind,
};
use x509_certificate_exporter::server::browse;
use x509_certificate_exporter::server::scrape::{Chunks, Encoding, Scrape};

use super::{probed, text};

/// 2026-05-28.
const NOW: i64 = 1_780_000_000;

/// An inventory of any places that hold anything.
///
/// The bytes are places, one behind the other: a kind, the length of the name, the name, two octets
/// of length, the content.
pub(crate) fn exposition(bytes: &[u8]) {
    let scrape = scrape();
    for (location, bundle) in places(bytes) {
        scrape.inventory.apply(0, Change::Upsert(location, bundle));
    }
    answers(&scrape);
}

/// Every answer about what is known can be read.
pub(crate) fn answers(scrape: &Scrape) {
    let plain = read(scrape.answer(Encoding::Identity).unwrap());
    text::samples(&plain).unwrap();
    // What is cached is told again.
    unpacked(scrape.answer(Encoding::Gzip).unwrap(), |packed| {
        text::samples(packed).unwrap();
    });
    let everything = read(scrape.everything(Encoding::Identity).unwrap());
    serde_json::from_str::<Value>(&everything).unwrap();
    asked(scrape, &Asked::default());
    let snapshot = scrape.inventory.snapshot();
    probed::told(&snapshot);
    let report = Report::of(
        &snapshot,
        Limits::of_seconds(2_592_000, 604_800),
        Sort::Subject,
        NOW,
    );
    // RFC 4180 ends lines so.
    let rows = csv::render(&report, NOW).replace("\r\n", "\n");
    for printed in [table::render(&report, false, NOW), rows] {
        let is_bare = |character: char| character.is_control() && character != '\n';
        assert!(!printed.contains(is_bare), "{printed:?}");
    }
}

/// What stands behind the `?` of an address; the inventory is always the same.
pub(crate) fn query(bytes: &[u8]) {
    thread_local! {
        static SCRAPE: Scrape = {
            let scrape = scrape();
            for (location, bundle) in places(ORDINARY) {
                scrape.inventory.apply(0, Change::Upsert(location, bundle));
            }
            scrape
        };
    }
    let parameters = String::from_utf8_lossy(bytes);
    SCRAPE.with(|scrape| {
        for reader in [Reader::Page, Reader::Api] {
            match Asked::parse(&parameters, reader) {
                Ok(asked) => self::asked(scrape, &asked),
                Err(refusal) => {
                    let html = browse::refused_page(&refusal, Encoding::Identity).unwrap();
                    text::page(&read(html)).unwrap();
                    let json = browse::refused(&refusal.to_string(), Encoding::Identity).unwrap();
                    serde_json::from_str::<Value>(&read(json)).unwrap();
                }
            }
        }
    });
    let accept = Encoding::asked_for([&*parameters].into_iter());
    assert!(accept == Encoding::Identity || parameters.to_ascii_lowercase().contains(['*', 'z']));
}

/// A configuration: what is not refused can be written down and read again.
pub(crate) fn config(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let Ok(raw) = Raw::parse(text) else { return };
    let valid = Config::new(&raw).is_ok();
    let again = Raw::parse(&raw.to_yaml()).unwrap();
    assert_eq!(Config::new(&again).is_ok(), valid);
}

/// A web configuration, as the file that it is; it may name others, itself among them.
pub(crate) fn web(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("x509-web-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    let health = Health::new(&[], &Clock::fixed(NOW)).unwrap();
    Door::open(Some(path.clone()), None, health.door().unwrap()).ok();
    std::fs::remove_file(path).unwrap();
}

fn asked(scrape: &Scrape, asked: &Asked) {
    text::page(&read(scrape.page(asked, Encoding::Identity).unwrap())).unwrap();
    if let Ok(rows) = scrape.rows(asked, Encoding::Identity) {
        serde_json::from_str::<Value>(&read(rows.unwrap())).unwrap();
    }
}

/// Nothing is known yet.
pub(crate) fn scrape() -> Scrape {
    let clock = Clock::fixed(NOW);
    let health = Health::new(&[("file", "any".to_owned())], &clock).unwrap();
    Scrape {
        inventory: Arc::new(Inventory::default()),
        health: Arc::new(health),
        options: Options {
            info: true,
            relative: true,
            trim_path_components: 1,
            ..Options::default()
        },
        clock,
        cache: Cache::default(),
        sources: 1,
    }
}

pub(super) fn read(chunks: Chunks) -> String {
    let bytes: Vec<u8> = chunks.flat_map(|chunk| chunk.unwrap()).collect();
    String::from_utf8(bytes).unwrap()
}

fn unpacked(chunks: Chunks, check: impl FnOnce(&str)) {
    let bytes: Vec<u8> = chunks.flat_map(|chunk| chunk.unwrap()).collect();
    let mut text = String::new();
    MultiGzDecoder::new(&bytes[..])
        .read_to_string(&mut text)
        .unwrap();
    check(&text);
}

fn places(mut bytes: &[u8]) -> Vec<(Location, Bundle)> {
    let mut places = Vec::new();
    while let Some((&[kind, length], rest)) = bytes.split_first_chunk() {
        let (name, rest) = rest.split_at(rest.len().min(length.into()));
        let Some((length, rest)) = rest.split_first_chunk() else {
            break;
        };
        let length: usize = u16::from_be_bytes(*length).into();
        let (content, rest) = rest.split_at(length.min(rest.len()));
        let mut bundle: Bundle = decode::certificates(content).into();
        let name = String::from_utf8_lossy(name);
        if kind & 0x40 != 0 {
            // The configuration refuses labels that Prometheus could not tell apart.
            let plain = name
                .split(' ')
                .filter(|label| label.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            bundle.labels = plain.map(|label| (label.into(), (&*name).into())).collect();
            bundle.labels.sort();
            bundle.labels.dedup_by(|one, other| one.0 == other.0);
        }
        if kind & 0x80 != 0 {
            bundle.certificates = None;
        }
        places.push((location(kind & 0x0f, &name), bundle));
        bytes = rest;
    }
    places
}

fn location(kind: u8, name: &str) -> Location {
    let (first, last) = name.split_once('|').unwrap_or((name, name));
    let entry = |kind| Entry {
        kind,
        name: last.into(),
    };
    let object = |kind| Location::Object {
        object: Arc::new(Object {
            cluster: (first.len() % 2 == 1).then(|| last.into()),
            kind,
            namespace: first.into(),
            name: last.into(),
        }),
        key: first.into(),
        entry: (last.len() % 2 == 1).then(|| entry(EntryKind::User).into()),
    };
    match kind {
        0 => Location::file(format!("/{name}")),
        1 => Location::Kubeconfig {
            path: format!("/{first}").into(),
            entry: Some(entry(EntryKind::Cluster)),
        },
        2 => Location::Kubeconfig {
            path: format!("/{name}").into(),
            entry: None,
        },
        3 => Location::endpoint((first != last).then(|| first.into()), last),
        4 => object(ObjectKind::ConfigMap),
        5 => object(ObjectKind::MutatingWebhookConfiguration),
        6 => object(ObjectKind::ValidatingWebhookConfiguration),
        7 => object(ObjectKind::ApiService),
        8 => object(ObjectKind::CustomResourceDefinition),
        9 => object(ObjectKind::CertificateSigningRequest),
        10 => object(ObjectKind::CertificateRequest),
        11 => object(ObjectKind::Cluster),
        _ => object(ObjectKind::Secret),
    }
}

/// Places with names that mean something elsewhere, and problems.
const ORDINARY: &[u8] = b"\x00\x0a/etc/<a>&\"\0\x03bad\x0c\x09name|\"%5c\0\x00\x04\x03b|c\0\x1b-----BEGIN CERTIFICATE-----\x03\x07[::1]:1\0\x01x";
