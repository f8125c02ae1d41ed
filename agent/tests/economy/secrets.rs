//! What Secrets cost, from the API server's bytes to the inventory, with all that the source keeps.

use std::ops::Range;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use x509_certificate_exporter::source::kube::Settings;
use x509_certificate_exporter::source::objects::data::{Field, Format, Key};
use x509_certificate_exporter::source::objects::{LabelFilter, Objects, Options};
use x509_certificate_exporter::source::secrets::{SecretType, plan};

use crate::certificates::Authority;
use crate::ear::{Ear, run};
use crate::meter::{Book, Cost, FEW, MANY, Meter, each};
use crate::server::{Server, event};

pub(crate) fn listing(book: &mut Book) {
    let authority = Authority::new();
    for (name, streams, requests) in [("streamed", true, 2), ("in pages", false, 22)] {
        let (few, many) = (
            listed(&authority, FEW, streams),
            listed(&authority, MANY, streams),
        );
        let held = each(&few.0, &many.0, |cost| cost.held);
        book.at_most(690, format!("{name}: bytes held for each Secret"), held);
        let beyond = |cost: &Cost| cost.peak - cost.held;
        let what = format!("{name}: bytes at the peak beyond what is held then");
        book.at_most(850_000, what, beyond(&many.0));
        let growth = each(&few.0, &many.0, beyond);
        let what = format!("{name}: growth of that with each Secret");
        book.at_most(32, what, growth);
        let allocations = each(&few.0, &many.0, |cost| cost.allocations);
        let what = format!("{name}: allocations for each Secret");
        book.at_most(80, what, allocations);
        let what = format!("{name}: requests for {MANY} Secrets, the watch's with them");
        book.at_most(requests, what, many.1);
    }
}

/// What it costs to list so many, and the requests it took.
fn listed(authority: &Authority, count: usize, streams: bool) -> (Cost, usize) {
    let secrets = secrets(authority, 0..count);
    let server = Server::new(secrets, streams);
    let (source, _directory) = source(&server);
    let ear = Ear::new();
    let meter = Meter::start();
    run(&source, &ear, async {
        tokio::select! {
            () = server.run() => unreachable!("it runs for ever"),
            // What it lists has been taken when it begins to watch.
            _ = server.watched() => {}
        }
    });
    let cost = meter.read();
    assert_eq!(ear.inventory.snapshot().count(0), count);
    (cost, server.requests())
}

pub(crate) fn following(book: &mut Book) {
    let authority = Authority::new();
    let kept = 200;
    let server = Server::new(secrets(&authority, 0..kept), true);
    let (source, _directory) = source(&server);
    let ear = Ear::new();
    let story = async {
        let mut stream = server.watched().await;
        let (mut next, mut said) = (kept, ear.changes());
        let mut cycles = async |count: usize| {
            for _ in 0..count {
                // One comes and goes, one is renewed.
                let comes = secret(&authority, next, next);
                event(&mut stream, "ADDED", &comes).await;
                event(&mut stream, "DELETED", &comes).await;
                let renewed = secret(&authority, next % kept, next);
                event(&mut stream, "MODIFIED", &renewed).await;
                next += 1;
                said += 3;
                ear.hears(said).await;
            }
        };
        cycles(10).await;
        let meter = Meter::start();
        cycles(1000).await;
        meter.read()
    };
    let cost = run(&source, &ear, async {
        tokio::select! {
            () = server.run() => unreachable!("it runs for ever"),
            cost = story => cost,
        }
    });
    let what = "bytes left by 1,000 Secrets that came and went, and 1,000 renewals";
    book.at_most(2048, what, cost.held);
    book.at_most(2, "requests in all", server.requests());
}

fn source(server: &Server) -> (Objects, TempDir) {
    let directory = TempDir::new().unwrap();
    let options = Options {
        name: "kubernetes".into(),
        settings: Settings {
            kubeconfig: Some(server.kubeconfig(directory.path()).into()),
            ..Settings::default()
        },
        ..Options::default()
    };
    let tls = SecretType {
        type_: "kubernetes.io/tls".into(),
        fields: vec![Field {
            key: Key::Literal("tls.crt".into()),
            format: Format::Certificates,
            keystores: Rc::default(),
        }],
        labels: LabelFilter::default(),
    };
    (Objects::new(plan(options, &[tls], false)), directory)
}

fn secrets(authority: &Authority, numbers: Range<usize>) -> Vec<String> {
    numbers
        .map(|number| secret(authority, number, number))
        .collect()
}

/// As the API server writes it: a leaf and its CA, a key, and what everybody adds.
fn secret(authority: &Authority, number: usize, leaf: usize) -> String {
    let chain = STANDARD.encode(authority.chain(leaf));
    let key = STANDARD.encode([b'k'; 1700]);
    let namespace = number % 100;
    format!(
        r#"{{"kind":"Secret","apiVersion":"v1","metadata":{{"name":"secret-{number:06}","namespace":"namespace-{namespace:03}","uid":"{number:032x}","resourceVersion":"{leaf}","labels":{{"controller.cert-manager.io/fao":"true"}},"managedFields":[{{"manager":"controller","fieldsV1":{{"f:data":{{}}}}}}]}},"data":{{"tls.crt":"{chain}","tls.key":"{key}"}},"type":"kubernetes.io/tls"}}"#
    )
}
