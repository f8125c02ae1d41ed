//! What an API server sends: objects, and the lines of a watch in pieces of any size.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use futures_util::stream;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use regex_lite::Regex;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tower::service_fn;
use x509_certificate_exporter::inventory::Inventory;
use x509_certificate_exporter::model::Change;
use x509_certificate_exporter::source::objects::data::{Field, Format, Key};
use x509_certificate_exporter::source::objects::{
    Globs, Keystores, LabelFilter, Objects, Options, Passphrases, Plan, Raw,
};
use x509_certificate_exporter::source::secrets::{self, SecretType};
use x509_certificate_exporter::source::{Report, Sink};
use x509_certificate_exporter::source::{ca_bundles, clusters, config_maps, requests};

use super::exposed;

/// One object, read as each kind there is.
pub(crate) fn object(bytes: &[u8]) {
    let Ok(object) = serde_json::from_slice::<Raw<'_>>(bytes) else {
        return;
    };
    for plan in plans() {
        for wanted in &plan.wanted {
            wanted.reader.thing(&object);
            if let Ok(parts) = wanted.reader.read(&object) {
                assert!(parts.len() <= 1025 * 257, "{} parts", parts.len());
            }
        }
    }
}

/// A watch of one kind. The first octet says which; the second, in pieces of how many octets the
/// lines come; the third, whether they are those of a streamed list or of a page.
pub(crate) fn watch(bytes: &[u8]) {
    let Some((&[which, piece, how], body)) = bytes.split_first_chunk() else {
        return;
    };
    let mut plans = plans();
    let plan = plans.swap_remove(usize::from(which) % plans.len());
    let scrape = exposed::scrape();
    let ear = Arc::new(Ear {
        inventory: Arc::clone(&scrape.inventory),
        reports: Mutex::default(),
    });
    let server = Server {
        body: Bytes::copy_from_slice(body),
        piece: usize::from(piece) + 1,
        is_page: how % 2 == 1,
    };
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(server.serve(plan, ear));
    exposed::answers(&scrape);
}

/// Each source of objects, with all that it can be asked to look at.
fn plans() -> Vec<Plan> {
    let keystores = Rc::new(Keystores {
        pkcs12: Passphrases {
            key: Some("password".to_owned()),
            try_empty: true,
            ..Passphrases::default()
        },
        jks: Passphrases::default(),
    });
    let field = |key, format| Field {
        key,
        format,
        keystores: Rc::clone(&keystores),
    };
    let fields = vec![
        field(Key::Literal("config".into()), Format::Argocd),
        field(Key::Literal("kubeconfig".into()), Format::Kubeconfig),
        field(Key::Literal("tls.crt".into()), Format::Certificates),
        field(
            Key::Pattern(Regex::new(r"\.(crt|pem|p12|jks)$").unwrap()),
            Format::Certificates,
        ),
    ];
    let types = [("kubernetes.io/tls", &fields[2..]), ("Opaque", &fields[..])];
    let types = types.map(|(type_, fields)| SecretType {
        type_: type_.to_owned(),
        fields: fields.to_vec(),
        labels: LabelFilter::default(),
    });
    let options = || Options {
        expose_labels: vec!["team".to_owned(), "a/b".to_owned()],
        ..Options::default()
    };
    let all = ca_bundles::Resources {
        mutating: true,
        validating: true,
        api_services: true,
        conversions: true,
    };
    vec![
        secrets::plan(options(), &types, true),
        config_maps::plan(options(), fields),
        ca_bundles::plan(options(), all),
        clusters::plan(options()),
        requests::signing_plan(options(), Globs::default()),
        requests::plan(options()),
    ]
}

/// An API server that says one thing.
#[derive(Clone)]
struct Server {
    body: Bytes,
    piece: usize,
    is_page: bool,
}

impl Server {
    /// Until it has been asked for more than it has: each watch lists, and begins to follow.
    async fn serve(self, plan: Plan, sink: Arc<dyn Sink>) {
        let enough = Arc::new(Notify::new());
        let watches = plan.wanted.len();
        let source = Objects::new(plan);
        let asked = Arc::new(Mutex::new(0));
        let full = Arc::clone(&enough);
        let service = service_fn(move |request: Request<_>| {
            let _: &Request<http_body_util::Full<Bytes>> = &request;
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            let is_enough = *asked > 4 * watches;
            if is_enough {
                full.notify_one();
            }
            let streams = request.uri().to_string().contains("sendInitialEvents");
            let response = self.answer(streams);
            async move {
                if is_enough {
                    return std::future::pending().await;
                }
                Ok(response)
            }
        });
        tokio::select! {
            () = source.watch_through(service, sink) => {}
            () = enough.notified() => {}
        }
    }

    fn answer(
        &self,
        streams: bool,
    ) -> Response<
        http_body_util::combinators::UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>,
    > {
        let (body, piece) = (self.body.clone(), self.piece);
        let pieces = (0..body.len().div_ceil(piece)).map(move |at| {
            let end = body.len().min((at + 1) * piece);
            Ok::<_, Infallible>(Frame::data(body.slice(at * piece..end)))
        });
        let body = StreamBody::new(stream::iter(pieces));
        let status = if streams && self.is_page {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::OK
        };
        let mut response = Response::new(body.map_err(Into::into).boxed_unsync());
        *response.status_mut() = status;
        response
    }
}

/// Keeps what an inventory keeps.
struct Ear {
    inventory: Arc<Inventory>,
    reports: Mutex<Vec<Report>>,
}

impl Sink for Ear {
    fn apply(&self, change: Change) {
        self.inventory.apply(0, change);
    }

    fn report(&self, report: Report) {
        if let Report::Failed(failure) | Report::Error(failure) = &report {
            assert!(failure.detail.len() <= 400, "{}", failure.detail);
        }
        self.reports.lock().unwrap().push(report);
    }
}
