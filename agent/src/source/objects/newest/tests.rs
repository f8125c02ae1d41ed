//! Whatever happens in whatever order: what is told is what is newest.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::model::ObjectKind;
use crate::source::kube::Reference;
use crate::source::objects::ledger::{Ledger, Sight};
use crate::source::objects::tests::Ear;

/// What an object says of itself.
#[derive(Clone, Debug)]
struct Said {
    name: &'static str,
    owner: &'static str,
    number: Option<i64>,
    /// Tells bundles apart.
    id: u8,
}

#[derive(Clone, Debug)]
enum Event {
    Applied(Reference, Option<Said>),
    Deleted(Reference),
    Forgotten(String),
    /// A full list that names these objects as they were, and no others.
    Relisted(Vec<Reference>),
}

/// An inventory behind a ledger and what is tested.
#[derive(Default)]
struct Watched {
    revisions: Mutex<Revisions>,
    ear: Ear,
    /// The objects as the cluster has them.
    objects: BTreeMap<(String, String), Said>,
}

impl Said {
    fn key(&self) -> Arc<str> {
        match self.number {
            Some(number) => key(&Revision {
                name: self.name,
                owner: self.owner,
                number,
            }),
            None => self.name.into(),
        }
    }

    fn bundle(&self) -> Bundle {
        Bundle {
            labels: vec![("id".into(), self.id.to_string().into())],
            ..Bundle::default()
        }
    }
}

impl Watched {
    fn see(&mut self, ledger: &mut Ledger, event: Event) {
        let sink = Newest {
            revisions: &self.revisions,
            sink: &self.ear,
        };
        let apply = |ledger: &mut Ledger, reference: &Reference, said: Option<&Said>| {
            let sight = Sight {
                owner: 0,
                reference,
                generation: 0,
            };
            let part = said.map(|said| ((said.key(), None), said.bundle()));
            ledger.apply(&sink, &sight, part.into_iter().collect());
        };
        let id = |of: &Reference| (of.namespace.clone(), of.name.clone());
        match event {
            Event::Applied(reference, said) => {
                apply(ledger, &reference, said.as_ref());
                match said {
                    Some(said) => drop(self.objects.insert(id(&reference), said)),
                    None => drop(self.objects.remove(&id(&reference))),
                }
            }
            Event::Deleted(reference) => {
                ledger.delete(&sink, 0, &reference);
                self.objects.remove(&id(&reference));
            }
            Event::Forgotten(namespace) => {
                ledger.forget(&sink, &namespace);
                self.objects.retain(|(of, _), _| *of != namespace);
            }
            Event::Relisted(named) => {
                let named: BTreeMap<_, _> = named.iter().map(|named| (id(named), named)).collect();
                self.objects.retain(|id, _| named.contains_key(id));
                ledger.relisting(0);
                for (id, said) in &self.objects {
                    apply(ledger, named[id], Some(said));
                }
                ledger.relisted(&sink, 0);
            }
        }
    }

    /// What should be known: each object under its name, but for those of which there is a newer.
    fn expected(&self) -> BTreeMap<Location, Bundle> {
        let newer = |(namespace, _): &(String, String), said: &Said| {
            self.objects.iter().any(|((other, _), another)| {
                other == namespace
                    && (another.name, another.owner) == (said.name, said.owner)
                    && said.number.is_some()
                    && another.number > said.number
            })
        };
        let told = self.objects.iter().filter(|(id, said)| !newer(id, said));
        told.map(|((namespace, name), said)| {
            let object = Object {
                cluster: None,
                kind: ObjectKind::CertificateRequest,
                namespace: namespace.as_str().into(),
                name: name.as_str().into(),
            };
            let location = Location::object(&Arc::new(object), &said.name.into());
            (location, said.bundle())
        })
        .collect()
    }

    fn known(&self) -> BTreeMap<Location, Bundle> {
        self.ear.hear(|heard| heard.bundles.clone())
    }
}

fn reference() -> impl Strategy<Value = Reference> {
    let namespace = prop::sample::select(vec!["a", "b"]);
    let name = prop::sample::select(vec!["v", "w", "x", "y", "z"]);
    (namespace, name).prop_map(|(namespace, name)| Reference {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        resource_version: String::new(),
    })
}

fn said() -> impl Strategy<Value = Said> {
    let name = prop::sample::select(vec!["shop", "blog"]);
    let owner = prop::sample::select(vec!["", "1"]);
    let number = prop::option::weighted(0.9, -1..4_i64);
    (name, owner, number, any::<u8>()).prop_map(|(name, owner, number, id)| Said {
        name,
        owner,
        number,
        id,
    })
}

fn event() -> impl Strategy<Value = Event> {
    let said = prop::option::weighted(0.8, said());
    prop_oneof![
        8 => (reference(), said).prop_map(|(object, said)| Event::Applied(object, said)),
        4 => reference().prop_map(Event::Deleted),
        1 => prop::sample::select(vec!["a", "b"]).prop_map(|of| Event::Forgotten(of.to_owned())),
        1 => vec(reference(), 0..8).prop_map(Event::Relisted),
    ]
}

proptest! {
    #[test]
    fn at_all_times_the_newest_of_each_thing_is_known_and_nothing_else(events in vec(event(), 0..40)) {
        let mut watched = Watched::default();
        let mut ledger = Ledger::new(None, ObjectKind::CertificateRequest);
        for event in events {
            watched.see(&mut ledger, event);
            prop_assert_eq!(watched.known(), watched.expected());
        }
        watched.see(&mut ledger, Event::Relisted(Vec::new()));
        prop_assert!(watched.revisions.lock().unwrap().things.is_empty(), "nothing is kept");
    }

    #[test]
    fn a_key_is_opened_as_it_was_closed(name in "\\PC*", owner in "[0-9a-f-]*", number in any::<i64>()) {
        let revision = Revision { name: &name, owner: &owner, number };
        let closed = key(&revision);
        prop_assert_eq!(Revision::of(&closed), Some(revision));
        prop_assert_eq!(Revision::of(&name), None);
    }
}

#[test]
fn between_two_revisions_there_is_no_moment_without_either() {
    let object = |name: &str| {
        Arc::new(Object {
            cluster: None,
            kind: ObjectKind::CertificateRequest,
            namespace: "a".into(),
            name: name.into(),
        })
    };
    let at = |name, number| {
        let revision = Revision {
            name: "shop",
            owner: "",
            number,
        };
        Location::object(&object(name), &key(&revision))
    };
    let told = |name| Location::object(&object(name), &"shop".into());
    let mut revisions = Revisions::default();
    let none = Bundle::default;
    revisions.apply(Change::Upsert(at("shop-1", 1), none()));
    assert_eq!(
        revisions.apply(Change::Upsert(at("shop-2", 2), none())),
        [
            Change::Upsert(told("shop-2"), none()),
            Change::Remove(told("shop-1"))
        ]
    );
    assert_eq!(
        revisions.apply(Change::Remove(at("shop-2", 2))),
        [
            Change::Upsert(told("shop-1"), none()),
            Change::Remove(told("shop-2"))
        ]
    );
    revisions.apply(Change::Upsert(at("shop-4", 4), none()));
    assert_eq!(
        revisions.apply(Change::Resync(vec![at("shop-1", 1)])),
        [
            Change::Upsert(told("shop-1"), none()),
            Change::Remove(told("shop-4")),
            Change::Resync(vec![told("shop-1")])
        ],
        "what a list does not name is gone"
    );
}
