//! Stories of one source and one API server. Time stands still and jumps to the next deadline as
//! soon as everybody waits, so that a story of an hour takes a moment.

mod failing;
mod following;
mod formats;
mod keystores;
mod listing;
mod selecting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use regex_lite::Regex;

use super::*;
use crate::model::Reason;
use crate::source::Report;
use crate::source::kube::Settings;
use crate::source::objects::data::{Format, Key};
use crate::source::objects::tests::server::{self, Server};
use crate::source::objects::tests::{Ear, chapter};
use crate::source::objects::{Globs, Objects};

/// What is watched in a story.
struct Watching {
    options: Options,
    types: Vec<SecretType>,
}

impl From<Options> for Watching {
    fn from(options: Options) -> Self {
        Self {
            options,
            types: vec![tls("tls.crt")],
        }
    }
}

/// Plays a story against a source with these options.
async fn story(watching: impl Into<Watching>, play: impl AsyncFnOnce(&mut Server, &Ear)) {
    let Watching { options, types } = watching.into();
    let secrets = Objects::new(plan(options, &types, false));
    let ear = Arc::new(Ear::default());
    chapter(&secrets, &ear, play).await;
}

/// All Secrets of type kubernetes.io/tls, by their tls.crt.
fn options() -> Options {
    Options {
        name: "kubernetes".into(),
        settings: Settings {
            page_size: 50,
            ..Settings::default()
        },
        ..Options::default()
    }
}

fn tls(key: &str) -> SecretType {
    of_type("kubernetes.io/tls", Key::Literal(key.into()))
}

fn of_type(type_: &str, key: Key) -> SecretType {
    SecretType {
        type_: type_.into(),
        fields: vec![Field {
            key,
            format: Format::Certificates,
            keystores: Rc::default(),
        }],
        labels: LabelFilter::default(),
    }
}

fn pattern(pattern: &str) -> Key {
    Key::Pattern(Regex::new(pattern).unwrap())
}
