//! All of the agent but its sources and its port. Shared with benches/.

use std::ops::Range;
use std::sync::Arc;

use x509_certificate_exporter::clock::Clock;
use x509_certificate_exporter::decode;
use x509_certificate_exporter::expose::Options;
use x509_certificate_exporter::expose::cache::Cache;
use x509_certificate_exporter::expose::query::{Asked, Reader};
use x509_certificate_exporter::health::Health;
use x509_certificate_exporter::inventory::Inventory;
use x509_certificate_exporter::model::{Change, Location, Object, ObjectKind};
use x509_certificate_exporter::server::scrape::{Chunks, Encoding, Scrape};

use crate::certificates::Authority;

pub(crate) struct Agent {
    authority: Authority,
    scrape: Scrape,
    places: usize,
    renewed: usize,
}

impl Agent {
    /// With so many places of a leaf and the CA each.
    pub(crate) fn new(places: usize) -> Self {
        let clock = Clock::fixed(1_780_000_000);
        let health = Health::new(&[("file", "test".to_owned())], &clock).unwrap();
        let scrape = Scrape {
            inventory: Arc::new(Inventory::default()),
            health: Arc::new(health),
            options: Options::default(),
            clock,
            cache: Cache::default(),
            sources: 1,
        };
        let authority = Authority::new();
        fill(&scrape.inventory, &authority, 0..places, true);
        Self {
            authority,
            scrape,
            places,
            renewed: 0,
        }
    }

    /// How many bytes the answer has.
    pub(crate) fn answer(&self, encoding: Encoding) -> usize {
        read(self.scrape.answer(encoding).unwrap())
    }

    /// The same of the answer in JSON.
    pub(crate) fn everything(&self, encoding: Encoding) -> usize {
        read(self.scrape.everything(encoding).unwrap())
    }

    /// The same of the page.
    pub(crate) fn page(&self, parameters: &str, encoding: Encoding) -> usize {
        let asked = Asked::parse(parameters, Reader::Page).unwrap();
        read(self.scrape.page(&asked, encoding).unwrap())
    }

    /// The same of the API's answer to who asks for a part.
    pub(crate) fn part(&self, parameters: &str, encoding: Encoding) -> usize {
        let asked = Asked::parse(parameters, Reader::Api).unwrap();
        read(self.scrape.rows(&asked, encoding).unwrap().unwrap())
    }

    /// How many pieces the last answer had rendered.
    pub(crate) fn rendered(&self) -> usize {
        self.scrape.cache.rendered()
    }

    /// Another place has another leaf.
    pub(crate) fn renewal(&mut self) -> Change {
        self.renewed += 1;
        // 7919 is a prime: all places have their turn, and neighbours are not neighbours in time.
        let number = self.renewed * 7919 % self.places;
        let chain = self.authority.chain(self.places + self.renewed);
        let bundle = decode::certificates(chain.as_bytes()).into();
        Change::Upsert(place(number), bundle)
    }

    pub(crate) fn apply(&self, change: Change) {
        self.scrape.inventory.apply(0, change);
    }

    /// Nothing has been rendered yet.
    pub(crate) fn forget(&mut self) {
        self.scrape.cache = Cache::default();
    }
}

/// Reads as a connection does: each piece is gone before the next is asked for.
fn read(pieces: Chunks) -> usize {
    pieces.map(|piece| piece.unwrap().len()).sum()
}

/// Each place holds a leaf of its own, and the CA as well if it is to.
pub(crate) fn fill(
    inventory: &Inventory,
    authority: &Authority,
    places: Range<usize>,
    with_ca: bool,
) {
    for number in places {
        let pem = if with_ca {
            authority.chain(number)
        } else {
            authority.leaf(number)
        };
        let bundle = decode::certificates(pem.as_bytes()).into();
        inventory.apply(0, Change::Upsert(place(number), bundle));
    }
}

/// A Secret's key.
pub(crate) fn place(number: usize) -> Location {
    let object = Object {
        cluster: None,
        kind: ObjectKind::Secret,
        namespace: format!("namespace-{:03}", number % 100).into(),
        name: format!("secret-{number:06}").into(),
    };
    Location::object(&Arc::new(object), &Arc::from("tls.crt"))
}
